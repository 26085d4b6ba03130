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

from collectors.records.categories import canonical_category
from monitor.definitions import MonitoredModel
from monitor.metrics.anomaly.conformal import Calibration
from monitor.metrics.anomaly.multiplicity import flagged
from monitor.tiles.anomaly import P_CELLS, AnomalyTile
from monitor.tiles.categorical import CATEGORIES_MAX
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import Grids

ROWS_MIN = 40
"""Fewer baseline rows give no detector: 20 calibration scores resolve p no finer than 0.05."""
FIT_ROWS_MAX = 500_000
"""Rows of each half that are used; more would not sharpen a tail that the tables resolve to one per cent."""
TAIL_STEPS = 100
"""Order statistics of each tail that are kept one by one, and steps per e-fold of tail probability beyond: neighbours
differ by at most 1 % in tail probability, and both tails of FIT_ROWS_MAX rows fit in 2,048 knots."""
CHUNK_ROWS = 32_768
"""Rows scored at a time, so that the working set stays in the processor's cache."""

SCORED_KINDS = ("numeric", "categorical", "boolean")

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NumericTail:
    """`surprise[2i + 1]` is U on knots[i], `surprise[2i]` U between knots[i - 1] and knots[i], both ends open."""

    knots: F64
    surprise: F64
    missing: float

    def of(self, column: Column) -> F64:
        values = numbers(column)
        after = np.searchsorted(self.knots, values, side="right")
        on_knot = (after > 0) & (self.knots[np.maximum(after, 1) - 1] == values)
        return np.where(np.isnan(values), self.missing, self.surprise[2 * after - on_knot])


@dataclass(frozen=True, slots=True)
class CategoricalTail:
    """U of each category, of every other one, and of a missing one."""

    surprise: Mapping[str, float]
    other: float
    missing: float

    def of(self, column: Column) -> F64:
        codes, names = categories(column)
        table = [self.missing if name is None else self.surprise.get(name, self.other) for name in names]
        return np.asarray(table, np.float64)[codes] if table else np.zeros(0)


Tail = NumericTail | CategoricalTail


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
    names = [name for name in _scorable(grids, model) if name in rows.columns]
    if len(rows) < ROWS_MIN or not names:
        return None
    order = np.random.default_rng(_seed(rows, names)).permutation(len(rows))
    half = len(order) // 2
    fitted = rows.take(np.sort(order[:half][:FIT_ROWS_MAX]))
    held_out = rows.take(np.sort(order[half:][:FIT_ROWS_MAX]))
    tails = {
        name: (_numeric_tail if isinstance(grids.features[name], NumericGrid) else _categorical_tail)(
            fitted.columns[name]
        )
        for name in names
    }
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
            found[:, i] = tail.of(rows.columns[name])
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


def numbers(column: Column) -> F64:
    """The column as float64, NaN where it is missing or not a number."""
    values = column.values
    if values.dtype == object:
        values = np.fromiter((_number(v) for v in values), np.float64, len(values))
    floats = values.astype(np.float64, copy=column.missing is not None)
    if column.missing is not None:
        floats[column.missing] = np.nan
    return floats


def categories(column: Column) -> tuple[npt.NDArray[np.int64], list[str | None]]:
    """Codes [n] and the canonical category of each code, None for a missing one."""
    if column.values.dtype == object:
        seen: dict[object, int] = {}
        codes = np.fromiter((seen.setdefault(v, len(seen)) for v in column.values), np.int64, len(column))
        names = [canonical_category(v) for v in seen]
    else:
        distinct, codes = np.unique(column.values, return_inverse=True)
        names = [canonical_category(v) for v in distinct.tolist()]
    if column.missing is not None:
        codes = np.where(column.missing, len(names), codes)
        names.append(None)
    return codes, names


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.nan


def _scorable(grids: Grids, model: MonitoredModel) -> list[str]:
    """Features with a grid and a kind that is scored, in declared order, the others after them by name."""
    declared = [f.name for f in model.features]
    found = [name for name in grids.features if grids.kinds.get(name, "numeric") in SCORED_KINDS]
    return sorted(found, key=lambda name: (declared.index(name) if name in declared else len(declared), name))


def _scores(rows: Rows, tails: Mapping[str, Tail]) -> F64:
    """Chunked over rows; features are added in a fixed order, so that a row's sum never depends on its neighbours."""
    found = np.zeros(len(rows))
    for start in range(0, len(rows), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        for name, tail in tails.items():
            if name in rows.columns:
                found[part] += tail.of(rows.columns[name].take(part))
    return found


def _seed(rows: Rows, names: list[str]) -> int:
    """Of the content: the same rows in the same order are split in the same way, everywhere."""
    digest = hashlib.blake2b(digest_size=8)
    for name in names:
        column = rows.columns[name]
        digest.update(name.encode())
        if column.values.dtype == object:
            codes, found = categories(column)
            digest.update(codes.tobytes() + "\0".join(map(str, found)).encode())
        else:
            digest.update(numbers(column).tobytes())
    return int.from_bytes(digest.digest(), "big")


def _surprise(count: npt.ArrayLike, n: int) -> F64:
    return -np.log((np.asarray(count, np.float64) + 1.0) / (n + 1.0))


def _numeric_tail(column: Column) -> NumericTail:
    values = numbers(column)
    n = len(values)
    ordered = np.sort(values[~np.isnan(values)])
    knots = np.unique(ordered[_tail_ranks(len(ordered))]) if len(ordered) else np.zeros(0)
    at_most = np.searchsorted(ordered, knots, side="right")
    under = np.searchsorted(ordered, knots, side="left")
    present = len(ordered)
    # Between two knots the larger tail of the open interval: a contribution is never overstated.
    left = np.empty(2 * len(knots) + 1)
    right = np.empty(2 * len(knots) + 1)
    left[1::2], right[1::2] = at_most, present - under
    left[0::2] = np.concatenate([under, [present]])
    right[0::2] = np.concatenate([[present], present - at_most])
    return NumericTail(knots, _surprise(np.minimum(left, right), n), float(_surprise(n - present, n)))


def _tail_ranks(n: int) -> npt.NDArray[np.int64]:
    """Ranks of the kept order statistics: every one of small n and of the outer tails, then in geometric steps."""
    half = (n + 1) // 2
    steps = np.arange(max(0, int(np.ceil(TAIL_STEPS * np.log(max(half, 1) / TAIL_STEPS))) + 1))
    distances = np.concatenate([np.arange(TAIL_STEPS), TAIL_STEPS * np.exp(steps / TAIL_STEPS), [half - 1]])
    lower = np.unique(np.minimum(distances.astype(np.int64), half - 1))
    return np.unique(np.concatenate([lower, n - 1 - lower]))


def _categorical_tail(column: Column) -> CategoricalTail:
    codes, names = categories(column)
    n = len(codes)
    counts: dict[str | None, int] = {}
    for name, count in zip(names, np.bincount(codes, minlength=len(names)).tolist(), strict=True):
        counts[name] = counts.get(name, 0) + count
    missing = counts.pop(None, 0)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0] or ""))
    kept, rare = ranked[:CATEGORIES_MAX], sum(count for _, count in ranked[CATEGORIES_MAX:])
    groups = np.array([count for _, count in kept] + [rare, missing], np.int64)
    ordered = np.sort(groups)
    cumulated = np.concatenate([[0], np.cumsum(ordered)])
    # Rows whose category is at most as frequent as this one: its rarity's own tail probability.
    surprise = _surprise(cumulated[np.searchsorted(ordered, groups, side="right")], n)
    surprise[groups == 0] = _surprise(0, n)
    by_name = {name: float(u) for (name, _), u in zip(kept, surprise[:-2], strict=True) if name is not None}
    return CategoricalTail(by_name, float(surprise[-2]), float(surprise[-1]))
