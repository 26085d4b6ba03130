"""Tile of label delays: how long after their prediction labels came, by what they said; and how many are still to come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.wire import Reader, raw

SECOND_NS = 10**9
STEPS_AN_OCTAVE = 2
OCTAVES = 27
"""From one second to four years: later labels share the last cell."""
DELAY_CELLS = OCTAVES * STEPS_AN_OCTAVE + 2
NEGATIVE, POSITIVE, OTHER = range(3)
"""Rows of `counts`; OTHER holds labels that are neither, as of a regression."""


@dataclass(frozen=True, slots=True)
class DelayTile:
    """`counts` int64 [3, DELAY_CELLS]: labels by outcome and delay. `expected` f64 [2]: how many negatives and positives

    there will be once all labels are in (as many as came, where no more are expected), `errors` f64 [2] its standard errors.
    `told` int64 [3, DELAY_CELLS], where some label says when it was known: as `counts`, of these by that, and of labels that only say that.
    `undated` labels are in none of both: nobody knows when they came.
    """

    counts: npt.NDArray[np.int64]
    expected: npt.NDArray[np.float64]
    errors: npt.NDArray[np.float64]
    undated: int = 0
    told: npt.NDArray[np.int64] | None = None

    @property
    def shown(self) -> npt.NDArray[np.int64]:
        """How long labels took, as well as anybody knows; what is to come is learned from `counts`, when they were here."""
        return self.counts if self.told is None else self.told

    @property
    def corrected(self) -> bool:
        return bool((self.expected > self.counts[:2].sum(axis=1)).any())

    @classmethod
    def empty(cls) -> DelayTile:
        return cls(np.zeros((3, DELAY_CELLS), np.int64), np.zeros(2), np.zeros(2))

    def merge(self, other: DelayTile) -> DelayTile:
        # The same shares correct every window, so their errors add up rather than cancel.
        return DelayTile(
            self.counts + other.counts,
            self.expected + other.expected,
            self.errors + other.errors,
            self.undated + other.undated,
            None if self.told is None and other.told is None else self.shown + other.shown,
        )

    def to_plain(self) -> list[object]:
        plain: list[object] = [raw(self.counts), raw(self.expected), raw(self.errors)]
        if self.told is not None:
            return [*plain, self.undated, raw(self.told)]
        return [*plain, self.undated] if self.undated else plain

    @classmethod
    def from_plain(cls, document: object, where: str) -> DelayTile:
        reader = Reader(document, where)
        arrays = (reader.counts(3, DELAY_CELLS), reader.reals(2), reader.reals(2))
        undated = reader.count() if reader.has_more else 0
        tile = cls(*arrays, undated, reader.counts(3, DELAY_CELLS) if reader.has_more else None)
        reader.done()
        return tile


def delay_edges() -> npt.NDArray[np.float64]:
    """Upper ends of all cells but the last, in seconds: half octaves from one second on."""
    found: npt.NDArray[np.float64] = 2.0 ** (np.arange(DELAY_CELLS - 1) / STEPS_AN_OCTAVE)
    return found


def delay_cells(delay_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The cell of each delay; one before its prediction (a clock that is off) counts as none."""
    return np.searchsorted(delay_edges(), np.maximum(delay_ns, 0) / SECOND_NS, side="left")


def delay_quantile(counts: npt.NDArray[np.int64], share: float) -> tuple[float, float | None] | None:
    """The cell (above, up to, in seconds; None: without an end) in which so large a share of the labels has come; None without any.

    `counts` int64 [DELAY_CELLS].

    >>> counts = np.zeros(DELAY_CELLS, np.int64)
    >>> counts[[0, 12]] = 50, 50
    >>> delay_quantile(counts, 0.5), [round(end, 1) for end in delay_quantile(counts, 0.9)]
    ((0.0, 1.0), [45.3, 64.0])
    """
    n = int(counts.sum())
    if not n:
        return None
    cell = int(np.searchsorted(np.cumsum(counts), share * n, side="left"))
    edges = delay_edges()
    return (float(edges[cell - 1]) if cell else 0.0, float(edges[cell]) if cell < len(edges) else None)
