"""Tile of the service: how many exchanges were answered, how many refused, and how long those that were answered took.

Latencies are counted in eighths of an octave, so a quantile is known to 9 %; their logarithms are summed, so the geometric mean is
exact. All of it is of exchanges, not of rows: a request of a thousand rows is one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.evened import evened
from monitor.tiles.rows import UNTIMED, Rows
from monitor.tiles.wire import Reader, raw

STEPS_AN_OCTAVE = 8
FIRST_NS = 2**14
"""16 microseconds: what is quicker shares the first cell."""
LATENCY_CELLS = 28 * STEPS_AN_OCTAVE + 2
"""28 octaves, up to 73 minutes; slower ones share the last cell."""


@dataclass(frozen=True, slots=True)
class ServiceTile:
    """`latencies` int64 [LATENCY_CELLS], of the answered exchanges whose time is known; sums are of the logarithm of seconds."""

    answered: int
    failed: int
    latencies: npt.NDArray[np.int64]
    log_sum: float = 0.0
    log_square_sum: float = 0.0

    @property
    def exchanges(self) -> int:
        return self.answered + self.failed

    @property
    def timed(self) -> int:
        return int(self.latencies.sum())

    @classmethod
    def empty(cls) -> ServiceTile:
        return cls(0, 0, np.zeros(LATENCY_CELLS, np.int64))

    def merge(self, other: ServiceTile) -> ServiceTile:
        return ServiceTile(
            self.answered + other.answered,
            self.failed + other.failed,
            self.latencies + other.latencies,
            self.log_sum + other.log_sum,
            self.log_square_sum + other.log_square_sum,
        )

    def quantile(self, share: float) -> float | None:
        """Seconds within which this share was answered: between the edges of its cell by the logarithm; None where nothing was timed."""
        timed = self.timed
        if not timed:
            return None
        rank = share * timed
        below = np.cumsum(self.latencies)
        cell = min(int(np.searchsorted(below, rank)), LATENCY_CELLS - 1)
        into = (rank - (below[cell] - self.latencies[cell])) / max(int(self.latencies[cell]), 1)
        return float(FIRST_NS / 1e9 * 2.0 ** ((cell - 2 + min(max(into, 0.0), 1.0)) / STEPS_AN_OCTAVE))

    def to_plain(self) -> list[object]:
        return [self.answered, self.failed, raw(self.latencies), self.log_sum, self.log_square_sum]

    @classmethod
    def from_plain(cls, document: object, where: str) -> ServiceTile:
        reader = Reader(document, where)
        tile = cls(reader.count(), reader.count(), reader.counts(LATENCY_CELLS), reader.real(), reader.real())
        reader.done()
        return tile


def service_tile(rows: Rows, failures: Rows | None) -> ServiceTile | None:
    """None where nobody timed an exchange and none failed: rows of a file know nothing of the service.

    Exchanges that were kept with different probabilities are evened, failures with the answered.
    """
    first = rows.take(rows.row == 0)
    refused = 0 if failures is None else len(failures)
    if not refused and (first.duration_ns is None or not (first.duration_ns >= 0).any()):
        return None
    taken = np.full(len(first), UNTIMED, np.int64) if first.duration_ns is None else first.duration_ns
    times, ids, kept = [first.time_ns], [first.id], [_inclusion(first)]
    failed = np.zeros(len(first) + refused, np.int32)
    if failures is not None and refused:
        times, ids, kept = [*times, failures.time_ns], [*ids, failures.id], [*kept, _inclusion(failures)]
        failed[len(first) :] = 1
        taken = np.concatenate([taken, np.full(refused, UNTIMED, np.int64)])
    # `row` carries which of them failed.
    both = Rows(
        np.concatenate(times),
        np.concatenate(ids),
        failed,
        np.ones(len(failed), np.int32),
        inclusion=np.concatenate(kept),
        duration_ns=taken,
    )
    sample = evened(both.in_canonical_order())
    n_failed = int(sample.row.sum())
    durations = sample.duration_ns
    known = durations[durations >= 0] if durations is not None else np.empty(0, np.int64)
    cells = np.ceil(np.log2(np.maximum(known, 1) / FIRST_NS) * STEPS_AN_OCTAVE).astype(np.int64) + 1
    logs = np.log(np.maximum(known, 1) / 1e9)
    return ServiceTile(
        len(sample) - n_failed,
        n_failed,
        np.bincount(np.clip(cells, 0, LATENCY_CELLS - 1), minlength=LATENCY_CELLS).astype(np.int64),
        float(logs.sum()),
        float((logs**2).sum()),
    )


def _inclusion(rows: Rows) -> npt.NDArray[np.float64]:
    return np.ones(len(rows)) if rows.inclusion is None else rows.inclusion
