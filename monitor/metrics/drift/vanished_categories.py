"""How many categories have vanished."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Value
from monitor.metrics.metric import DriftMetric
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile

NAMES_SHOWN = 3
NAME_CHARS_MAX = 40


def vanished_categories(before: CategoricalTile, now: CategoricalTile, grid: CategoricalGrid) -> Value:
    """Number of the baseline's categories that the window has not.

    **What it tells.** A client, a product or a region that sends nothing any more.

    **Formula.** The baseline's frozen categories without a row in the window, counted. The rarest of a column with
    more than 1,000 categories are counted together and are not among them.

    **Range.** 0 to the number of the baseline's categories.

    **How to read.** The interval's lower end counts those alone whose absence is no chance: with t rows in the baseline
    and a window that has the share s of all rows, (1 - s)^t < 0.025 / (number of categories). The reason names the
    largest of them.

    **When it misleads.** The value itself counts rare categories that a small window simply did not draw: judge the
    lower end.

    **Reference.** Fisher's exact test of one category against the rest, with none in the window.

    >>> import numpy as np
    >>> grid = CategoricalGrid(("red", "blue", "mauve"))
    >>> before, now = CategoricalTile(np.array([600, 399, 1, 0])), CategoricalTile(np.array([200, 0, 0, 0]))
    >>> found = vanished_categories(before, now, grid)
    >>> found.value, found.low, found.reason
    (2.0, 1.0, 'vanished: blue (399 rows in the baseline)')
    """
    known, here = before.counts[:-1], now.counts[:-1]
    absent = (known > 0) & (here == 0)
    share = now.n / (before.n + now.n)
    limit = math.log(0.025 / max(1, int((known > 0).sum())))
    gone = np.flatnonzero(absent & (known * math.log1p(-share) < limit))
    reason = None
    if len(gone):
        largest = gone[np.argsort(-known[gone], kind="stable")][:NAMES_SHOWN]
        names = (f"{grid.categories[i][:NAME_CHARS_MAX]} ({known[i]} rows in the baseline)" for i in largest)
        reason = "vanished: " + ", ".join(names) + (", …" if len(gone) > NAMES_SHOWN else "")
    value = float(absent.sum())
    return Value(value, float(len(gone)), value, before.n, now.n, now.n_missing, reason=reason)


VANISHED_CATEGORIES = DriftMetric(
    name="vanished_categories",
    prometheus="outrider_drift_vanished_categories",
    help="Number of the baseline's categories that the window has not.",
    categorical=vanished_categories,
)
