"""Whether a window's rows lie where the baseline has been: beyond it no estimate knows anything."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.metrics.intervals import wilson
from monitor.metrics.metric import Comparison
from monitor.tiles.categorical import CategoricalTile
from monitor.tiles.numeric import SCORE_CELLS, NumericTile
from monitor.tiles.scores import TOTAL


@dataclass(frozen=True, slots=True)
class Support:
    """The feature (or the score) with most rows outside: `outside` of `rows`, and the interval of their share."""

    name: str
    outside: int
    rows: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.outside / self.rows

    def reason(self) -> str:
        return f"{self.share:.1%} of the rows have a {self.name} that the baseline has not"


def support_of(comparison: Comparison) -> Support | None:
    """Values below or above the baseline's range, categories it has not, scores it has no labels for; None without rows."""
    found: list[tuple[int, int, str]] = []
    for name, tile in comparison.window.features.items():
        if isinstance(tile, NumericTile) and tile.n:
            found.append((tile.below + tile.above, tile.n, name))
        elif isinstance(tile, CategoricalTile) and tile.n:
            found.append((tile.unseen, tile.n, name))
    estimator, scores = comparison.baseline.estimator, comparison.window.scores.get(TOTAL)
    if estimator is not None and estimator.curve is not None and scores is not None and scores.n:
        rows = scores.rows[0].sum(axis=1)
        low, high = round(estimator.curve.low * SCORE_CELLS), round(estimator.curve.high * SCORE_CELLS)
        found.append((int(rows[:low].sum() + rows[high:].sum()), scores.n, "score"))
    if not found:
        return None
    outside, rows_of, name = max(found, key=lambda one: (one[0] / one[1], one[2]))
    low_end, high_end = wilson(outside, rows_of)
    return Support(name, outside, rows_of, low_end, high_end)
