"""Univariate tests of a distribution against the baseline's: numbers by KS and tails, names by their most moved category.

A number splits its budget over four views: the mean of the rows' ranks in the baseline (a shift, by far the commonest
change, so half of the budget; it needs half the rows that KS does), the binned Kolmogorov-Smirnov distance (any
difference in the middle), the mean of the squared ranks about the middle (a change of spread), and the shares beyond a
few outer baseline quantiles and outside the baseline's range (tails, where the others are blind). Ranks are bounded, so
their tails are known from a few cumulants whatever the values. A name is
tested category by category (new ones together are one more), times their number: exact, and it says which moved.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.alerts.effects import Effect, js_effect
from monitor.alerts.evidence.trials import Look, Subject, Trials
from monitor.alerts.evidence.unseen import expected_unseen
from monitor.alerts.tails import ks_log_p, proportion_log_p, score_log_p
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.tileset import FeatureTile, Grid

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ROWS_MIN = 50
"""Rows of a window (and of the baseline) for a verdict on a distribution; fewer go into the trailing merges."""
VIEW_SHARES = {"distance": 0.2, "shift": 0.5, "spread": 0.2, "tails": 0.1}
"""How the views split the budget of a number."""
TAIL_SHARES = (0.005, 0.01, 0.02, 0.04)
"""Baseline shares of the outer tests on each side, beside the rows outside its range."""
_TAIL_TESTS = 2 * (len(TAIL_SHARES) + 1)
_CANDIDATES = 3
"""Categories whose exact tail is computed: those that stand out most."""


def prediction_tests(look: Look) -> Sequence[Trials]:
    return distribution_tests(
        look.window.prediction, look.baseline.tiles.prediction, look.baseline.grids.prediction, look.effect
    )


def label_tests(look: Look) -> Sequence[Trials]:
    return distribution_tests(look.window.label, look.baseline.tiles.label, look.baseline.grids.label, look.effect)


def distribution_tests(
    window: Mapping[str, FeatureTile],
    baseline: Mapping[str, FeatureTile],
    grids: Mapping[str, Grid],
    effect: float,
    weight: float = 1.0,
) -> Sequence[Trials]:
    """One test per column that both sides have."""
    numbers, names = _numbers(window, baseline, grids), _names(window, baseline, grids)
    if not numbers and not names:
        return ()
    parts = [_number_log_p(numbers, effect)] if numbers else []
    if names:
        parts.append(_name_log_p(names, effect))
    columns: list[_Number | _Name] = [*numbers, *names]
    rows = np.array([min(c.n, c.m) for c in columns])
    enough = rows >= ROWS_MIN
    return (
        Trials(
            metric="js_distance",
            subjects=tuple(Subject(c.feature) for c in columns),
            log_p=np.where(enough, np.concatenate(parts), 0.0),
            enough=enough,
            reference=np.zeros(len(columns)),
            gauge=lambda i: columns[i].effect(effect),
            weight=weight,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Number:
    feature: str
    grid: NumericGrid
    window: NumericTile
    baseline: NumericTile

    @property
    def n(self) -> int:
        return self.window.n

    @property
    def m(self) -> int:
        return self.baseline.n

    def effect(self, factor: float) -> Effect:
        value, low, high = js_effect(self._deciles(self.window), self._deciles(self.baseline), factor)
        return Effect(value, low, high, value, self._detail())

    def _deciles(self, tile: NumericTile) -> Counts:
        # A baseline of few values has no room in its deciles for what lies outside its range.
        edges = np.array([0, *(i + 1 for i in self.grid.decile_edges)])
        cells = np.add.reduceat(tile.counts, edges)
        if not self.grid.discrete:
            return cells
        cells[0] -= tile.below
        cells[-1] -= tile.above
        return np.concatenate([[tile.below], cells, [tile.above]])

    def _detail(self) -> str:
        with np.errstate(over="ignore", invalid="ignore"):  # of values near a double's largest there is no mean to tell
            here, there = self.window.sums.sum() / self.n, self.baseline.sums.sum() / self.m
            variance = self.baseline.square_sum / self.m - (there - self.grid.center) ** 2
            shown = abs(here - there) >= _MEAN_SHIFT_SHOWN * np.sqrt(max(0.0, variance))
        if (shown and np.isfinite(here) and np.isfinite(there)) or not len(self.grid.edges):
            return f"mean {_spoken(here)} against {_spoken(there)}"
        p, q = np.cumsum(self.window.counts) / self.n, np.cumsum(self.baseline.counts) / self.m
        i = int(np.argmax(np.abs(p - q)[:-1]))
        return f"at most {_spoken(self.grid.edges[i])}: {100 * p[i]:.1f} % against {100 * q[i]:.1f} %"


_MEAN_SHIFT_SHOWN = 0.1
"""Shifts of the mean from here (in standard deviations) are what a person is told first."""


@dataclass(frozen=True, slots=True)
class _Name:
    feature: str
    grid: CategoricalGrid
    window: CategoricalTile
    baseline: CategoricalTile

    @property
    def n(self) -> int:
        return self.window.n

    @property
    def m(self) -> int:
        return self.baseline.n

    def effect(self, factor: float) -> Effect:
        here, there = self.cells()
        value, low, high = js_effect(here, there, factor)
        return Effect(value, low, high, value, self._detail(here, there))

    def cells(self) -> tuple[Counts, Counts]:
        """Counts of window and baseline by category; the rare ones together and the new ones together come last.

        Of new ones the baseline has as many as were new to its other rows.
        """
        return (
            np.append(self.window.counts, self.window.unseen),
            np.append(self.baseline.counts, expected_unseen(self.baseline, self.grid)),
        )

    def _detail(self, here: Counts, there: Counts) -> str:
        moved = _most_moved(here, there)
        up, down = proportion_log_p(here[moved], self.n, there[moved], self.m)
        i = int(moved[int(np.argmin(np.minimum(up, down)))])
        word = "expected of this baseline" if i > len(self.grid.categories) and there[i] else "against"
        now, then = f"{100 * here[i] / self.n:.1f} %", f"{100 * there[i] / self.m:.1f} %"
        shares = f"{now}, {then} {word}" if word != "against" else f"{now} against {then}"
        return f"{self.feature} = {self._category(i)}: {shares}"

    def _category(self, i: int) -> str:
        if i < len(self.grid.categories):
            return _shown(self.grid.categories[i])
        if i == len(self.grid.categories):
            return "(rare categories)"
        names = ", ".join(_shown(n) for n in list(self.window.unseen_names)[:3])
        return f"(new categories: {names})" if names else "(new categories)"


def _name_log_p(names: Sequence[_Name], effect: float) -> Floats:
    """Log p of the category that moved most, times the number of categories."""
    k, j = np.zeros((len(names), _CANDIDATES)), np.zeros((len(names), _CANDIDATES))
    used = np.zeros(len(names))
    for row, name in enumerate(names):
        here, there = name.cells()
        moved = _most_moved(here, there)
        k[row, : len(moved)], j[row, : len(moved)] = here[moved], there[moved]
        used[row] = np.count_nonzero(here + there)
    n = np.array([name.n for name in names], np.float64)[:, None]
    m = np.array([name.m for name in names], np.float64)[:, None]
    up, down = proportion_log_p(k, n, j, m, effect)
    log_p = np.minimum(up, down).min(1) + np.log(np.maximum(used, 1))
    return np.where(used < 2, 0.0, np.minimum(0.0, log_p))


def _most_moved(here: Counts, there: Counts) -> npt.NDArray[np.int64]:
    """The few categories whose share moved furthest, by Bernstein's exponent (skewed tails are not overrated)."""
    n, m = int(here.sum()), int(there.sum())
    pooled = here + there
    expected = pooled * (n / max(1, n + m))
    away = np.abs(here - expected)
    smaller = pooled * (min(n, m) / max(1, n + m)) + 1e-9
    exponent = away**2 / (smaller + away / 3)
    most = min(_CANDIDATES, len(exponent))
    return np.argpartition(-exponent, most - 1)[:most]


def _spoken(number: float) -> str:
    """Four digits, and no exponent where people would write none."""
    return f"{number:,.0f}" if 1e4 <= abs(number) < 1e15 else f"{number:.4g}"


def _shown(category: str) -> str:
    return category if len(category) <= 40 else category[:37] + "..."


def _numbers(
    window: Mapping[str, FeatureTile], baseline: Mapping[str, FeatureTile], grids: Mapping[str, Grid]
) -> list[_Number]:
    return [
        _Number(name, grid, here, there)
        for name, there in baseline.items()
        if isinstance(there, NumericTile)
        and isinstance(grid := grids.get(name), NumericGrid)
        and isinstance(here := window.get(name), NumericTile)
    ]


def _names(
    window: Mapping[str, FeatureTile], baseline: Mapping[str, FeatureTile], grids: Mapping[str, Grid]
) -> list[_Name]:
    return [
        _Name(name, grid, here, there)
        for name, there in baseline.items()
        if isinstance(there, CategoricalTile)
        and isinstance(grid := grids.get(name), CategoricalGrid)
        and isinstance(here := window.get(name), CategoricalTile)
    ]


def numbers_log_p(
    grids: Sequence[NumericGrid], window: Sequence[NumericTile], baseline: Sequence[NumericTile], effect: float
) -> Floats:
    """Log p of each number, all views together."""
    parts = zip(grids, window, baseline, strict=True)
    return _number_log_p([_Number("", grid, here, there) for grid, here, there in parts], effect)


def _number_log_p(numbers: Sequence[_Number], effect: float) -> Floats:
    here, there = _padded([x.window.counts for x in numbers]), _padded([x.baseline.counts for x in numbers])
    n, m = here.sum(1).astype(np.float64), there.sum(1).astype(np.float64)
    below_here, below_there = np.cumsum(here, 1), np.cumsum(there, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.nan_to_num(np.abs(below_here / n[:, None] - below_there / m[:, None]).max(1))
    # The rank of a row is the middle of its cell on the baseline's distribution, from -1/2 to 1/2.
    ranks = (below_there - there / 2) / np.maximum(m, 1.0)[:, None] - 0.5
    views = {
        "distance": ks_log_p(distance, n, m, effect),
        "shift": _score_log_p(here, there, ranks, n, m, effect),
        "spread": _score_log_p(here, there, ranks**2, n, m, effect),
        "tails": _tail_log_p(numbers, below_here, below_there, n, m, effect),
    }
    spent = [log_p - math.log(VIEW_SHARES[view]) for view, log_p in views.items()]
    return np.asarray(np.minimum(0.0, np.min(spent, axis=0)))


def _score_log_p(here: Counts, there: Counts, scores: Floats, n: Floats, m: Floats, effect: float) -> Floats:
    """Log p of the difference between the means of a bounded score, from the cumulants of both sides together."""
    n, m = np.maximum(n, 1.0), np.maximum(m, 1.0)
    difference = (here * scores).sum(1) / n - (there * scores).sum(1) / m
    pooled = (here + there) / (n + m)[:, None]
    center = (pooled * scores).sum(1, keepdims=True)
    away = scores - center
    weighted = pooled * away * away
    variance = weighted.sum(1)
    weighted *= away
    third = weighted.sum(1)
    weighted *= away
    fourth = weighted.sum(1) - 3.0 * variance**2
    widest = np.maximum(scores.max(1) - center[:, 0], center[:, 0] - scores.min(1))
    n, m = n / effect, m / effect
    log_p = score_log_p(
        np.abs(difference),
        variance * (1 / n + 1 / m),
        third * (1 / n**2 - 1 / m**2) * np.sign(difference),
        fourth * (1 / n**3 + 1 / m**3),
        widest / np.minimum(n, m),
    )
    return np.asarray(log_p)


def _padded(counts: Sequence[Counts]) -> Counts:
    table = np.zeros((len(counts), max(map(len, counts))), np.int64)
    for row, values in zip(table, counts, strict=True):
        row[: len(values)] = values
    return table


def _tail_log_p(
    numbers: Sequence[_Number], below_here: Counts, below_there: Counts, n: Floats, m: Floats, effect: float
) -> Floats:
    """Log p of the outer shares, times their number. Low shares count from below, high ones from above."""
    shares = below_there / np.maximum(m, 1.0)[:, None]
    marks = np.array(TAIL_SHARES)
    last = shares.shape[1] - 1
    low = np.minimum((shares[:, :, None] < marks).sum(1), last)
    high = np.minimum((shares[:, :, None] < 1 - marks).sum(1), last)

    def outer(below: Counts, rows: Floats, outside: Sequence[tuple[int, int]]) -> Floats:
        beneath = np.take_along_axis(below, low, 1)
        above = rows[:, None] - np.take_along_axis(below, high, 1)
        return np.concatenate([beneath, above, np.array(outside)], axis=1)

    k = outer(below_here, n, [(x.window.below, x.window.above) for x in numbers])
    j = outer(below_there, m, [(x.baseline.below, x.baseline.above) for x in numbers])
    up, down = proportion_log_p(k, n[:, None], j, m[:, None], effect)
    return np.asarray(np.minimum(0.0, np.minimum(up, down).min(1) + math.log(_TAIL_TESTS)))
