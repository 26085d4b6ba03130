"""Settings: read from plain values, every fault at once with its place, each documented."""

from dataclasses import fields
from pathlib import Path

import pytest

from collectors.errors import InvalidSettings
from collectors.policies import policies, registry_of
from collectors.settings import Endpoint, SidecarSettings, default_spool, read_file, read_settings
from collectors.settings.passive import Passive

GOOD = {"listeners": [{"listen": "127.0.0.1:81", "upstream": "[::1]:82"}]}
PAGE = Path(__file__).parents[2] / "docs" / "sidecar.md"


def faults(given: dict[str, object]) -> list[str]:
    with pytest.raises(InvalidSettings) as raised:
        read_settings(given)
    return [fault.where for fault in raised.value.faults]


def test_a_listener_is_all_that_is_needed():
    """Everything else has a default."""
    settings = read_settings(GOOD)
    assert settings.listeners[0].listen == Endpoint("127.0.0.1", 81)
    assert str(settings.listeners[0].upstream) == "[::1]:82"
    assert settings.ring_bytes == 64 * 1024 * 1024
    assert default_spool(settings).name == "spool-81"


def test_all_faults_are_told_at_once_with_their_places():
    """Nobody mends a file fault by fault."""
    assert faults(
        {
            "listeners": [{"listen": "nowhere", "upstream": "h:0", "more": 1}, 7],
            "monitor": "ftp://x",
            "metrics": 9,
            "ring_bytes": "64M",
            "sampling_rate": 1.5,
            "sampling_by": "colour",
            "sampling_keep_errors": "yes",
            "ids": ["body", "cookie"],
            "redaction_rules": [{"name": "x"}, {"name": "y", "action": "eat", "edges": 4}],
            "colour": "red",
        }
    ) == [
        "colour",
        "listeners[0].listen",
        "listeners[0].upstream",
        "listeners[0].more",
        "listeners[1]",
        "monitor",
        "metrics",
        "ring_bytes",
        "ids[1]",
        "sampling_rate",
        "sampling_by",
        "sampling_keep_errors",
        "redaction_rules[0].action",
        "redaction_rules[1].action",
        "redaction_rules[1].edges",
    ]


def test_a_mistyped_setting_is_told_what_it_may_have_meant():
    """One that resembles none is told all."""
    with pytest.raises(InvalidSettings) as caught:
        read_settings({**GOOD, "listen": "h:1", "colour": "red"})
    meant, all_of_them = caught.value.faults
    assert (meant.where, meant.expected) == ("listen", "listeners, perhaps")
    assert all_of_them.where == "colour" and "redaction_rules, " in all_of_them.expected


def test_so_is_a_mistyped_key_within_a_setting():
    """It is no value: it is not quoted as one."""
    with pytest.raises(InvalidSettings) as caught:
        read_settings({"listeners": [{"listen": "h:1", "upstream": "h:2", "upstrem": "h:2"}]})
    (fault,) = caught.value.faults
    assert (fault.found, fault.expected) == ("an unknown key", "upstream, perhaps")


@pytest.mark.parametrize("text", ["", "h", "h:", ":1", "h:65536", "h:-1", "::1:80", "h:1x", "h:²"])
def test_an_endpoint_is_a_host_and_a_port(text):
    """Anything else is a fault, not a guess."""
    assert faults({"listeners": [{"listen": text, "upstream": "h:1"}]}) == ["listeners[0].listen"]


def test_nothing_given_says_what_is_needed():
    """A sidecar without a tap would see nothing."""
    assert faults({}) == ["listeners"]


def test_ports_may_be_watched_instead():
    """Then nothing listens; ports that are named twice are watched once."""
    settings = read_settings({"passive": {"ports": [8000, 8001, 8000]}})
    assert settings.passive == Passive((8000, 8001), 64 * 1024 * 1024, None)
    assert default_spool(settings).name == "spool-passive-8000"


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"passive": {"ports": []}}, ["passive.ports"]),
        ({"passive": {"ports": [0, 80, "x"]}}, ["passive.ports[0]", "passive.ports[2]"]),
        ({"passive": {"ring_bytes": 5}}, ["passive.ports", "passive.ring_bytes"]),
        ({"passive": {"ports": [1], "interface": 7}}, ["passive.interface"]),
        ({"passive": {"ports": [1], "interface": ""}}, ["passive.interface"]),
        ({"passive": {"ports": [1], "interface": "a-name-too-long-"}}, ["passive.interface"]),
        ({"passive": [8000]}, ["passive"]),
        ({**GOOD, "passive": {"ports": [8000]}}, ["passive"]),
    ],
)
def test_what_cannot_be_watched_is_told(given, where):
    """No ports, none that exist, and a second tap beside the first."""
    assert faults(given) == where


@pytest.mark.parametrize(
    ("text", "place"), [("a: [1", "sidecar.yaml:1"), ("- a", "sidecar.yaml"), ("\x00", "sidecar.yaml")]
)
def test_a_file_that_is_no_mapping_is_told_with_its_place(tmp_path, text, place):
    """YAML that breaks, or holds something else."""
    path = tmp_path / "sidecar.yaml"
    path.write_text(text)
    with pytest.raises(InvalidSettings, match=place):
        read_file(path)


def test_policies_are_made_of_the_settings(tmp_path):
    """Redaction and sampling as the file says."""
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef")
    rules = [{"name": "card*", "action": "hash"}, {"name": "age", "action": "bin", "edges": [0, 18, 65]}]
    settings = read_settings(
        {**GOOD, "redaction_rules": rules, "redaction_key_file": str(key), "sampling_rate": 0.5}
        | {"sampling_slow_seconds": 2, "redaction_text_chars_max": 0}
    )
    redaction, sampling = policies(settings)
    assert [rule.action for rule in redaction.rules] == ["hash", "bin"]
    assert redaction.text_chars_max is None
    assert (sampling.rate, sampling.slow_ns) == (0.5, 2_000_000_000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"redaction_rules": [{"name": "x", "action": "hash"}]},
        {"redaction_patterns": ["colour"]},
        {"redaction_key_file": "/nonexistent"},
    ],
)
def test_policies_that_cannot_be_are_faults(wrong):
    """Found at start-up, before anything is captured."""
    with pytest.raises(InvalidSettings):
        policies(read_settings({**GOOD, **wrong}))


def test_each_setting_is_documented():
    """By name and in the words of its declaration."""
    page = " ".join(PAGE.read_text("utf-8").split())
    for setting in fields(SidecarSettings):
        assert f"`{setting.name}`" in page
        assert setting.metadata["doc"] in page


def test_json_routes_are_read(tmp_path):
    """Each place is one; what is none is told with where it stands."""
    route = {"path": "/score/*", "model": "m", "inputs": {"age": "rows[*].age"}, "outputs": {"p": "scores[*]"}}
    registry = registry_of(read_settings({**GOOD, "json_routes": [route], "default_model": "d"}))
    found = registry.find("POST", "/score/7")
    assert found is not None
    assert (found[0].name, found[1].model) == ("generic_json", "m")
    with pytest.raises(InvalidSettings, match=r"json_routes\[0\].inputs.age"):
        registry_of(read_settings({**GOOD, "json_routes": [route | {"inputs": {"age": "rows[x"}}]}))
    with pytest.raises(InvalidSettings, match=r"json_routes\[0\].outputs"):
        read_settings({**GOOD, "json_routes": [route | {"outputs": ["p"]}]})


def test_raw_inputs_are_read():
    """By model; each fault with its place."""
    raw = {"model": "m", "name": "x", "datatype": "FP32", "shape": [1, -1]}
    registry = registry_of(read_settings({**GOOD, "raw_inputs": [raw]}))
    assert registry.is_inference("POST", "/v2/models/m/infer")
    for wrong, place in (
        ({"shape": [-1, -1]}, r"raw_inputs\[0\].shape"),
        ({"shape": [0]}, r"raw_inputs\[0\].shape"),
        ({"datatype": "BYTES"}, r"raw_inputs\[0\].datatype"),
    ):
        with pytest.raises(InvalidSettings, match=place):
            read_settings({**GOOD, "raw_inputs": [raw | wrong]})
    with pytest.raises(InvalidSettings, match=r"raw_inputs\[1\].model"):
        read_settings({**GOOD, "raw_inputs": [raw, raw]})
