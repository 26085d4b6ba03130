"""Bytes of an anomaly model, as they lie in a baseline's profile: magic `OAM`, one version byte, MessagePack.

Arrays are little-endian. A reader refuses another magic or version, more than MODEL_BYTES_MAX, arrays whose lengths
disagree, knots that do not ascend, and surprises that are not finite and non-negative.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from monitor.metrics.anomaly.conformal import Calibration
from monitor.metrics.anomaly.ecod import AnomalyModel
from monitor.metrics.anomaly.tails import CategoricalTail, NumericTail, Tail

MAGIC = b"OAM"
VERSION = 1
MODEL_BYTES_MAX = 512 * 1024 * 1024
"""5,000 features of 2,048 knots take 250 MB; twice that is not a model."""


class _Numeric(msgspec.Struct, tag="numeric"):
    knots: bytes
    surprise: bytes
    missing: float


class _Categorical(msgspec.Struct, tag="categorical"):
    surprise: dict[str, float]
    other: float
    missing: float


class _Model(msgspec.Struct):
    names: list[str]
    tails: list[_Numeric | _Categorical]
    knots: bytes
    at_least: bytes
    above: bytes
    calibrated: int
    fitted: int


def encode(model: AnomalyModel) -> bytes:
    """The model's bytes; the same model always gives the same ones."""
    calibration = model.calibration
    return (
        MAGIC
        + bytes([VERSION])
        + msgspec.msgpack.encode(
            _Model(
                names=list(model.tails),
                tails=[_written(tail) for tail in model.tails.values()],
                knots=calibration.knots.astype("<f8").tobytes(),
                at_least=calibration.at_least.astype("<i8").tobytes(),
                above=calibration.above.astype("<i8").tobytes(),
                calibrated=calibration.n,
                fitted=model.fitted,
            )
        )
    )


def decode(data: bytes) -> AnomalyModel:
    """Read a model's bytes. Raises ValueError that says what was found and what was expected."""
    if len(data) > MODEL_BYTES_MAX:
        raise ValueError(f"anomaly model: found {len(data)} bytes, expected at most {MODEL_BYTES_MAX}")
    if data[:4] != MAGIC + bytes([VERSION]):
        raise ValueError(f"anomaly model, bytes 0 to 4: found {data[:4]!r}, expected {MAGIC + bytes([VERSION])!r}")
    try:
        found = msgspec.msgpack.decode(data[4:], type=_Model)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise ValueError(f"anomaly model: {error}") from error
    _demand(len(found.names) == len(set(found.names)) == len(found.tails), "one tail for each name")
    _demand(found.fitted >= 0 and found.calibrated >= 0, "counts of at least 0")
    knots = _ascending(found.knots, "calibration knots")
    at_least, above = (_array(part, np.dtype("<i8")).astype(np.int64) for part in (found.at_least, found.above))
    _demand(len(knots) == len(at_least) == len(above), "as many counts as calibration knots")
    _demand((len(knots) > 0) == (found.calibrated > 0), "knots where rows were calibrated")
    for counts in (at_least, above):
        _demand(bool(np.all((counts >= 0) & (counts <= found.calibrated))), "counts between 0 and the calibrated rows")
        _demand(bool(np.all(np.diff(counts) <= 0)), "counts that do not ascend")
    tails = {name: _read(tail) for name, tail in zip(found.names, found.tails, strict=True)}
    return AnomalyModel(tails, Calibration(knots, at_least, above, found.calibrated), found.fitted)


def _written(tail: Tail) -> _Numeric | _Categorical:
    if isinstance(tail, NumericTail):
        return _Numeric(tail.knots.astype("<f8").tobytes(), tail.surprise.astype("<f8").tobytes(), tail.missing)
    return _Categorical(dict(tail.surprise), tail.other, tail.missing)


def _read(tail: _Numeric | _Categorical) -> Tail:
    if isinstance(tail, _Numeric):
        knots, surprise = _ascending(tail.knots, "knots"), _array(tail.surprise, np.dtype("<f8")).astype(np.float64)
        _demand(len(surprise) == 2 * len(knots) + 1, "two surprises a knot and one more")
        _usable(surprise, tail.missing)
        return NumericTail(knots, surprise, tail.missing)
    _usable(np.array(list(tail.surprise.values()), np.float64), tail.other, tail.missing)
    return CategoricalTail(tail.surprise, tail.other, tail.missing)


def _array(data: bytes, dtype: np.dtype[np.generic]) -> npt.NDArray[np.generic]:
    _demand(len(data) % 8 == 0, "arrays of 8-byte numbers")
    return np.frombuffer(data, dtype)


def _ascending(data: bytes, what: str) -> npt.NDArray[np.float64]:
    knots = _array(data, np.dtype("<f8")).astype(np.float64)
    _demand(not np.isnan(knots).any() and bool(np.all(knots[1:] > knots[:-1])), f"{what} that ascend")
    return knots


def _usable(surprise: npt.NDArray[np.float64], *more: float) -> None:
    every = np.concatenate([surprise, more])
    _demand(bool(np.all(np.isfinite(every) & (every >= 0))), "surprises that are finite and not negative")


def _demand(held: bool, expected: str) -> None:
    if not held:
        raise ValueError(f"anomaly model: expected {expected}")
