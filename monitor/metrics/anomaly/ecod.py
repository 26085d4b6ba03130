"""Frozen-baseline ECOD: how far out in the baseline's tails a row is, feature by feature.

ECOD (Li et al. 2022) sums, over the features, minus the logarithm of the tail probability of the row's value. As
published it ranks a row among the batch it came with, so the score of a row changes with its company and whole windows
of drifted rows look normal. Here everything is frozen with the baseline:

* of the baseline's rows, in an order drawn from their own content, one half is *fitted*, the other *calibrates*;
* a number scores U = -ln min(left, right), left = (#{fitted <= x} + 1) / (n + 1), right = (#{fitted >= x} + 1) / (n + 1).
  The larger of the two tails contains the one that ECOD chooses by skewness, so skewness changes nothing (nor does it
  in PyOD's implementation);
* a category scores by how rare it is: the share of fitted rows whose category is at most as frequent as this one;
* a missing value (null or NaN) is a category of its own: common in the baseline, it says nothing; never seen there, it
  is as surprising as the most extreme number;
* the row's score is the sum, so each feature's contribution is its U and contributions add up exactly;
* the p-value is conformal against the calibration half (`conformal`).

A row's score and p-value are the same alone and in any batch. A feature that a window lacks as a whole is left out of
the sum (that is a matter of quality, not of single rows), which can only make p larger. Texts, timestamps and vectors
are not scored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.metrics.anomaly.conformal import Calibration
from monitor.metrics.anomaly.multiplicity import flagged
from monitor.metrics.anomaly.tails import F64, CategoricalTail, NumericTail, Tail
from monitor.tiles.anomaly import P_CELLS, AnomalyTile
from monitor.tiles.coding import encode
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import Grids

ROWS_MIN = 40
"""Fewer baseline rows give no detector: 20 calibration scores resolve p no finer than 0.05."""
FIT_ROWS_MAX = 500_000
"""Rows of each half that are used; more would not sharpen a tail that the tables resolve to one per cent."""
CHUNK_ROWS = 32_768
"""Rows scored at a time, so that the working set stays in the processor's cache."""
SCORED_KINDS = ("numeric", "categorical", "boolean")


@dataclass(frozen=True, slots=True)
class AnomalyModel:
    """What a baseline froze for its anomaly scores."""

    tails: Mapping[str, Tail]
    calibration: Calibration
    fitted: int

    def level(self, rate: float) -> float:
        """The p-value at and under which a row is anomalous: `rate`, or the finest that the calibration resolves."""
        return max(rate, self.calibration.finest)


@dataclass(frozen=True, slots=True)
class AnomalyScores:
    """Score and conformal p-value of each row. `absent`: features of the detector that these rows lack as a whole."""

    scores: F64
    p: F64
    absent: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.scores)

    def anomalous(self, model: AnomalyModel, rate: float) -> npt.NDArray[np.bool_]:
        """Rows whose p is at most the anomaly level."""
        return self.p <= model.level(rate)


def fit(rows: Rows, grids: Grids, model: MonitoredModel) -> AnomalyModel | None:
    """Freeze a detector on the baseline's rows. None where they are fewer than ROWS_MIN or have no feature to score."""
    rows = rows.in_canonical_order()
    names = [name for name in _scorable(grids, model) if name in rows.columns]
    if len(rows) < ROWS_MIN or not names:
        return None
    order = np.random.default_rng(_seed(rows, names)).permutation(len(rows))
    half = len(order) // 2
    fitted = rows.take(np.sort(order[:half][:FIT_ROWS_MAX]))
    held_out = rows.take(np.sort(order[half:][:FIT_ROWS_MAX]))
    tails = {name: _tail(fitted.columns[name], numeric=isinstance(grids.features[name], NumericGrid)) for name in names}
    return AnomalyModel(tails, Calibration.of(_scores(held_out, tails)), len(fitted))


def score(rows: Rows, model: AnomalyModel) -> AnomalyScores:
    """Score every row. Independent of the batch: a row alone scores what it scores among others."""
    scores = _scores(rows, model.tails)
    absent = tuple(name for name in model.tails if name not in rows.columns)
    return AnomalyScores(scores, model.calibration.p_values(scores), absent)


def contributions(rows: Rows, model: AnomalyModel) -> F64:
    """What each feature of the detector adds to each row's score, [rows, features]; 0 where the feature is absent."""
    found = np.zeros((len(rows), len(model.tails)))
    for i, (name, tail) in enumerate(model.tails.items()):
        if name in rows.columns:
            found[:, i] = tail.surprises(rows.columns[name])
    return found


def tile(scores: AnomalyScores, model: AnomalyModel, rate: float) -> AnomalyTile:
    """The window's tile: rows scored, rows at or under the anomaly level, discoveries, and the histogram of p."""
    cells = np.minimum((scores.p * P_CELLS).astype(np.int64), P_CELLS - 1)
    return AnomalyTile(
        scored=len(scores),
        anomalous=int(scores.anomalous(model, rate).sum()),
        recorded=int(flagged(scores.p).sum()),
        p_counts=np.bincount(cells, minlength=P_CELLS).astype(np.int64),
    )


def _tail(column: Column, *, numeric: bool) -> Tail:
    return NumericTail.of(column) if numeric else CategoricalTail.of(column)


def _scorable(grids: Grids, model: MonitoredModel) -> list[str]:
    """Features with a grid and a kind that is scored, in declared order, the others after them by name."""
    declared = {f.name: i for i, f in enumerate(model.features)}
    found = [name for name in grids.features if grids.kinds.get(name, "numeric") in SCORED_KINDS]
    return sorted(found, key=lambda name: (declared.get(name, len(declared)), name))


def _scores(rows: Rows, tails: Mapping[str, Tail]) -> F64:
    """Chunked over rows; features are added in a fixed order, so that a row's sum never depends on its neighbours."""
    found = np.zeros(len(rows))
    for start in range(0, len(rows), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        for name, tail in tails.items():
            if name in rows.columns:
                found[part] += tail.surprises(rows.columns[name].take(part))
    return found


def _seed(rows: Rows, names: list[str]) -> int:
    """Of the content: the same rows are split in the same way, everywhere."""
    digest = hashlib.blake2b(digest_size=8)
    for name in names:
        column = rows.columns[name]
        digest.update(name.encode())
        if column.values.dtype.kind == "O":
            coded = encode(column, ())
            digest.update(coded.codes.tobytes() + "\0".join(coded.unseen).encode())
        else:
            missing = np.zeros(len(column), np.bool_) if column.missing is None else column.missing
            digest.update(np.where(missing, np.zeros((), column.values.dtype), column.values).tobytes())
            digest.update(missing.tobytes())
    return int.from_bytes(digest.digest(), "big")
