"""What was measured of each way in each round, and the medians of it."""

import statistics
from dataclasses import dataclass

from benchmarks.tap.accounts import Seen
from benchmarks.tap.loads import Paced, Saturated
from benchmarks.tap.ways import DIRECT


@dataclass(frozen=True)
class Measured:
    """Of one way in one round. CPU seconds are of a million paced requests."""

    saturated: Saturated
    paced: Paced
    cpu: float
    at_saturation: Seen
    at_rate: Seen
    memory: dict[str, float]

    @property
    def throughput(self) -> float:
        return self.saturated.throughput

    @property
    def failed(self) -> int:
        """Requests without a good answer, of both loads."""
        return self.saturated.failed + self.paced.failed


Round = dict[str, Measured]
"""By way."""


def median(rounds: list[Round], of: str, way: str, over: str | None = None) -> float:
    """Of a number of one way over all rounds, or of its ratio to that of another way within each."""
    return statistics.median(number(each[way], of) / (number(each[over], of) if over else 1.0) for each in rounds)


def number(one: Measured, of: str) -> float:
    return float(getattr(one.paced if of in ("p50_us", "p99_us") else one, of))


def added(rounds: list[Round], of: str, way: str) -> float:
    return statistics.median(number(each[way], of) - number(each[DIRECT], of) for each in rounds)
