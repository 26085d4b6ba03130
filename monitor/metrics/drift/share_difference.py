"""The change of the share of a feature that has two values."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.findings import Value
from monitor.metrics.intervals import newcombe
from monitor.metrics.metric import DriftMetric, Role
from monitor.metrics.p_values import fisher_p, spoken_p
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.tileset import Grid

_YES = frozenset({"true", "1", "yes", "y", "t"})


def share_difference(before: CategoricalTile, now: CategoricalTile, grid: CategoricalGrid) -> Value:
    """Share of a feature's rows with its second value (`true`, `1`, `yes`, else the rarer) in the window less the baseline's.

    **What it tells.** In which direction and by how much a yes-or-no feature moved, with the p-value of Fisher's exact test.

    **Formula.** k/n - j/m, n and m the rows that have a value. The interval is Newcombe's; p is Fisher's two-sided, as
    `scipy.stats.fisher_exact` counts it: the probability of all tables with the same margins that are no likelier.

    **Range.** -1 to 1; 0 where nothing moved.

    **How to read.** 0.03: three rows in a hundred more say yes. The reason has both shares and p. Values that the baseline
    has not are on the other side.

    **When it misleads.** A share that doubles from 0.1 % is a difference of 0.001: `rare_log_odds` sees it. p is of
    independent rows; the verdict is that of the tested distribution, which counts dependence.

    **Reference.** Fisher 1934; Newcombe 1998 (Statistics in Medicine 17, 873).

    >>> import numpy as np
    >>> grid = CategoricalGrid(("false", "true"))
    >>> before, now = CategoricalTile(np.array([900, 100, 0])), CategoricalTile(np.array([160, 40, 0]))
    >>> found = share_difference(before, now, grid)
    >>> round(found.value, 3), found.reason
    (0.1, 'true: 20.0 % against 10.0 %, p = 0.00016')
    """
    commonest = grid.categories[0]
    there, here = int(before.counts[0]), int(now.counts[0])
    if commonest in _YES:
        j, k, name = there, here, commonest
    else:
        j, k = before.n - there, now.n - here
        name = grid.categories[1] if len(grid.categories) > 1 else f"other than {commonest}"
    low, high = newcombe(k, now.n, j, before.n)
    shares = f"{name}: {100 * k / now.n:.1f} % against {100 * j / before.n:.1f} %"
    p = fisher_p(k, now.n, j, before.n)
    return Value(
        k / now.n - j / before.n, low, high, before.n, now.n, now.n_missing, reason=f"{shares}, p {spoken_p(p)}"
    )


@dataclass(frozen=True, slots=True)
class BinaryMetric(DriftMetric):
    """Measured on columns that have two values (booleans too where the baseline has one)."""

    def _applies(self, kind: str | None) -> bool:
        return kind == "boolean"

    def _value(self, role: Role, name: str, grid: Grid) -> Value | None:
        if not isinstance(grid, CategoricalGrid) or grid.folded:
            return None
        if len(grid.categories) != _TWO and not (len(grid.categories) == 1 and role.kinds.get(name) == "boolean"):
            return None
        return DriftMetric._value(self, role, name, grid)


_TWO = 2

SHARE_DIFFERENCE = BinaryMetric(
    name="share_difference",
    prometheus="outrider_drift_share_difference",
    help="Change of the share of a feature with two values (-1 to 1).",
    categorical=share_difference,
)
