"""The share of rows whose features came before."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.quality.duplicates import DuplicateRatio, duplicate_ratio
from monitor.tiles.quality import ROW_METRIC, Sketch


def duplicate_row_ratio(before: Sketch | None, now: Sketch) -> Value:
    """Share of a window's rows whose every feature is equal to that of another row of the window.

    **What it tells.** A client that asks the same again and again, a loop, a load test, a cache that is stuck, a file
    that was read twice.

    **Formula.** 1 - (distinct rows) / (rows), a row being its features without its id, time and prediction. Up to
    1,024 distinct rows it is exact; beyond, a sample of 1,024 distinct ones with exact counts, chosen by their hash, and
    the interval says what the sample leaves open.

    **Range.** 0 (each row is another) to below 1.

    **How to read.** Against the baseline's own share, in `n_baseline` rows. The interval is that of a ratio in a simple
    sample; of an exact count it is the value itself.

    **When it misleads.** A model of few categories has few distinct rows: theirs are duplicates by nature. A longer
    window has more of them. A single new id or time among the features hides every duplicate.

    **Reference.** Cohen and Kaplan 2007 (bottom-k sketches); Cochran 1977.

    >>> import numpy as np
    >>> now = Sketch(np.array([3, 5, 8]), np.array([1, 2, 7]), 10)
    >>> found = duplicate_row_ratio(None, now)
    >>> found.value, found.reason
    (0.7, '2 of 3 distinct came more than once')
    """
    return duplicate_ratio(before, now)


DUPLICATE_ROW_RATIO = DuplicateRatio(
    name=ROW_METRIC,
    prometheus="outrider_duplicate_row_ratio",
    help="Share of rows whose features are equal to those of another row.",
    sketch=lambda tile: tile.duplicates,
    of=duplicate_row_ratio,
)
