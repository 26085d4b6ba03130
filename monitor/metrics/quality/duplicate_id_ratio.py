"""The share of rows whose id came before."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.quality.duplicates import DuplicateRatio, duplicate_ratio
from monitor.tiles.quality import ID_METRIC, Sketch


def duplicate_id_ratio(before: Sketch | None, now: Sketch) -> Value:
    """Share of a window's predictions whose id another prediction of the window has.

    **What it tells.** Clients that send an id twice (a retry, a counter that began anew): a label of that id then belongs
    to several predictions.

    **Formula.** 1 - (distinct prediction ids) / (predictions). Exact up to 1,024 distinct ids; beyond, from a sample of
    1,024 of them with exact counts.

    **Range.** 0 to below 1; 0 is what it should be.

    **How to read.** Any value whose interval lies above 0 is a fault of a client. What a sidecar or a reader delivers
    twice is taken once and is not counted.

    **When it misleads.** An id that comes again in another window is not seen here. A few duplicates in a window of many
    rows may lie outside the sample: the upper end says how many.

    **Reference.** Cohen and Kaplan 2007 (bottom-k sketches); Cochran 1977.

    >>> import numpy as np
    >>> duplicate_id_ratio(None, Sketch(np.array([3, 5]), np.array([1, 1]), 2)).value
    0.0
    """
    return duplicate_ratio(before, now)


DUPLICATE_ID_RATIO = DuplicateRatio(
    name=ID_METRIC,
    prometheus="outrider_duplicate_id_ratio",
    help="Share of predictions whose id another one has.",
    sketch=lambda tile: tile.ids,
    of=duplicate_id_ratio,
)
