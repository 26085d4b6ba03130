"""Rows that were kept with different probabilities, made a sample in which every row had the same chance.

A sidecar that samples keeps errors, slow answers and unsure ones with certainty and the rest at a rate: taken as they are,
the rows over-state what was always kept. A weight of 1 / inclusion on each row (Horvitz and Thompson 1952) would undo
that, but a tile's counts would be no counts any more, and every null law and interval rests on counts. So the rows of
higher inclusion are thinned to the lowest of the window instead (Poisson sampling of a Poisson sample: the probabilities
multiply): estimates are unbiased just the same, with some variance given away, and counts stay whole and exact.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from monitor.tiles.rows import Rows

_PERSON = b"outrider evened"
"""Sets this draw apart from the sidecar's own, which hashes the same ids."""


def evened(rows: Rows) -> Rows:
    """The rows with equal inclusion: all of them where it is equal already. The same rows give the same part.

    Rows of one exchange stay together. An inclusion of 0 or less, or above 1, is none that a sampler writes: taken as 1.
    """
    if rows.inclusion is None or not len(rows):
        return rows
    inclusion = np.where((rows.inclusion > 0) & (rows.inclusion <= 1), rows.inclusion, 1.0)
    lowest = float(inclusion.min())
    above = np.flatnonzero(inclusion > lowest)
    if not len(above):
        return rows
    keep = np.ones(len(rows), np.bool_)
    keep[above] = [_draw(rows.id[i]) < lowest / inclusion[i] for i in above]
    return rows.take(keep)


def _draw(key: str) -> float:
    """A number from 0 to 1, the same for the same key."""
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, person=_PERSON).digest()
    return int.from_bytes(digest, "big") / 2.0**64
