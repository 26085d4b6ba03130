"""Bytes of a detector: a round trip changes nothing, hostile bytes are refused with ValueError."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.definitions import Feature, MonitoredModel
from monitor.metrics.anomaly import codec, ecod
from monitor.tiles.freeze import freeze
from monitor.tiles.rows import Column, Rows

MODEL = MonitoredModel("m", features=(Feature("x", "numeric"), Feature("c", "categorical")))


def rows() -> Rows:
    rng = np.random.default_rng(1)
    columns = {"x": Column(rng.normal(size=300)), "c": Column(rng.choice(np.array(["a", "b"], object), 300))}
    ids = np.array([str(i) for i in range(300)], object)
    return Rows(np.arange(300), ids, np.zeros(300, np.int32), np.ones(300, np.int32), columns)


def detector() -> ecod.AnomalyModel:
    found = ecod.fit(rows(), freeze(rows(), MODEL), MODEL)
    assert found is not None
    return found


DATA = codec.encode(detector())


def test_a_round_trip_scores_the_same() -> None:
    """The decoded detector is the encoded one, to the bit."""
    again = codec.decode(DATA)
    assert ecod.score(rows(), again).p.tolist() == ecod.score(rows(), detector()).p.tolist()
    assert codec.encode(again) == DATA


@given(st.integers(0, len(DATA) - 1), st.binary(min_size=1, max_size=8))
def test_damaged_bytes_are_refused_or_read_as_a_usable_detector(at: int, replaced: bytes) -> None:
    """Cut or overwritten bytes raise ValueError and nothing else; what is read scores finitely."""
    for damaged in (DATA[:at], DATA[:at] + replaced + DATA[at + len(replaced) :], DATA + replaced):
        try:
            found = codec.decode(damaged)
        except ValueError:
            continue
        scores = ecod.score(rows(), found)
        assert np.isfinite(scores.scores).all() and ((scores.p > 0) & (scores.p <= 1)).all()


@pytest.mark.parametrize("data", [b"", b"OAM", b"OAM\x02", b"XXX\x01", b"OAM\x01\xc1"])
def test_other_bytes_are_refused(data: bytes) -> None:
    """Wrong magic, unknown version, no MessagePack."""
    with pytest.raises(ValueError, match="anomaly model"):
        codec.decode(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("names", ["x"]),
        ("names", ["x", "x"]),
        ("knots", b"\0" * 7),
        ("calibrated", -1),
        ("calibrated", 0),
        ("at_least", b""),
        ("at_least", np.full(150, 10**9).tobytes()),
    ],
)
def test_fields_that_contradict_each_other_are_refused(field: str, value: object) -> None:
    """Lengths, order and counts are checked before anything is scored with them."""
    document = msgspec.msgpack.decode(DATA[4:])
    document[field] = value
    with pytest.raises(ValueError, match="anomaly model"):
        codec.decode(DATA[:4] + msgspec.msgpack.encode(document))
