"""The setting `sinks`: every form it takes, and every fault with its place."""

from typing import Any

import pytest

from collectors.errors import InvalidSettings
from collectors.settings import SinkSetting, read_settings, sinks_of

LISTENERS = [{"listen": "127.0.0.1:1", "upstream": "127.0.0.1:2"}]


def read(**given: Any) -> tuple[SinkSetting, ...]:
    return sinks_of(read_settings({"listeners": LISTENERS, **given}))


def test_each_kind_is_read() -> None:
    """With the defaults of each, and the monitor of the flag first."""
    assert read(
        monitor="http://m:1/",
        sinks=[
            {"name": "standby", "monitor": "https://s:2"},
            {"kafka": {"bootstrap": "a:9092,b:9092", "options": {"acks": -1, "ssl": True}}},
            {"files": "/var/captures"},
            {"name": "bucket", "files": {"to": "s3://b/p", "options": {"region": "x"}}},
        ],
    ) == (
        SinkSetting("monitor", "monitor", "http://m:1"),
        SinkSetting("standby", "monitor", "https://s:2"),
        SinkSetting("kafka", "kafka", "a:9092,b:9092", "outrider-records", (("acks", "-1"), ("ssl", "true"))),
        SinkSetting("files", "files", "/var/captures"),
        SinkSetting("bucket", "files", "s3://b/p", "", (("region", "x"),)),
    )


@pytest.mark.parametrize(
    ("sinks", "where"),
    [
        ([], "sinks"),
        ("http://m:1", "sinks"),
        ([{"monitor": "m:1"}], "sinks[0].monitor"),
        ([{"monitor": "http://a:1"}, {"monitor": "http://b:1"}], "sinks[1].name"),
        ([{"name": "Ä", "monitor": "http://a:1"}], "sinks[0].name"),
        ([{"kafka": {"topic": "t"}}], "sinks[0].kafka.bootstrap"),
        ([{"kafka": {"bootstrap": "a:1", "topic": "a b"}}], "sinks[0].kafka.topic"),
        ([{"kafka": {"bootstrap": "a:1", "acks": 1}}], "sinks[0].kafka.acks"),
        ([{"files": {"to": "ftp://x"}}], "sinks[0].files.to"),
        ([{"files": "/a", "monitor": "http://a:1"}], "sinks[0]"),
        ([{"redis": "x"}], "sinks[0].redis"),
        ([{"monitor": f"http://a:{n}", "name": f"m{n}"} for n in range(1, 10)], "sinks"),
    ],
)
def test_faults_are_told_with_their_place(sinks: object, where: str) -> None:
    """As all settings' are."""
    with pytest.raises(InvalidSettings) as caught:
        read(sinks=sinks)
    assert [fault.where for fault in caught.value.faults] == [where]


def test_the_sink_of_the_flag_counts_too() -> None:
    """A spool has places for eight."""
    many = [{"monitor": f"http://a:{n}", "name": f"m{n}"} for n in range(8)]
    assert len(read(sinks=many)) == 8
    with pytest.raises(InvalidSettings, match="sinks: found 8 beside `monitor`, expected at most 8"):
        read(monitor="http://m:1", sinks=many)


def test_one_name_is_one_sink() -> None:
    """The flag's is called monitor."""
    with pytest.raises(InvalidSettings, match="a second sink named `monitor`"):
        read(monitor="http://m:1", sinks=[{"monitor": "http://n:1"}])
