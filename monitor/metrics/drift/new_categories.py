"""How many categories are new."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.metric import DriftMetric
from monitor.tiles.categorical import UNSEEN_NAMES_MAX, CategoricalGrid, CategoricalTile


def new_categories(before: CategoricalTile, now: CategoricalTile, grid: CategoricalGrid) -> Value:
    """Number of categories in the window that the baseline has not.

    **What it tells.** Whether something new is many things or one: 50 misspellings, or one new code in 50 rows. How
    many rows have them is `unseen_ratio`.

    **Formula.** The distinct new names, counted. A tile remembers 64 of them; where it is full, the number is at least
    that, and at most that and one for each row with another new name.

    **Range.** 0 upward.

    **How to read.** The most frequent names are the reason of `unseen_ratio`. The interval is what the tile leaves
    open, nothing where it is not full; what further windows will bring it does not say.

    **When it misleads.** A column of identifiers has new ones in every window.

    **Reference.** TensorFlow Data Validation's `ENUM_TYPE_UNEXPECTED_STRING_VALUES`.

    >>> import numpy as np
    >>> now = CategoricalTile(np.array([95, 0]), unseen=5, unseen_names={"teal": 4, "mauve": 1})
    >>> new_categories(CategoricalTile(np.array([100, 0])), now, CategoricalGrid(("red",))).value
    2.0
    """
    found = len(now.unseen_names)
    most, reason = found, None
    if found >= UNSEEN_NAMES_MAX:
        most += now.unseen - min(now.unseen, sum(now.unseen_names.values()))
        reason = f"at least {found}: a tile remembers no more"
    return Value(float(found), float(found), float(most), before.n, now.n, now.n_missing, reason=reason)


NEW_CATEGORIES = DriftMetric(
    name="new_categories",
    prometheus="outrider_drift_new_categories",
    help="Number of categories in the window that the baseline has not.",
    categorical=new_categories,
)
