"""Which exchanges are kept, and with what probability; the probability is written on every record.

A rate keeps an exchange where the hash of its key falls below the rate: the same key gives the same answer in every
sidecar, so no generator has to be seeded or shared. Errors and slow exchanges are kept whatever the hash says, with
inclusion 1, so that a weight of 1 / inclusion stays honest.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

SampleBy = Literal["exchange", "id"]


@dataclass(frozen=True, slots=True)
class SamplingPolicy:
    """`by` is what is hashed: the exchange, or the prediction's id, so that a client can tell what will be kept."""

    rate: float = 1.0
    by: SampleBy = "exchange"
    keep_errors: bool = True
    slow_ns: int | None = None
    """Exchanges that take at least this long are always kept."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate <= 1.0:
            raise ValueError(f"sampling rate: found {self.rate}, expected 0 to 1")
        if self.slow_ns is not None and self.slow_ns < 0:
            raise ValueError(f"sampling slow_ns: found {self.slow_ns}, expected 0 or more")

    def inclusion(self, *, status: int, duration_ns: int) -> float:
        """The probability with which such an exchange is kept."""
        if self.keep_errors and status >= 400:
            return 1.0
        if self.slow_ns is not None and duration_ns >= self.slow_ns:
            return 1.0
        return self.rate


def keeps(inclusion: float, key: str) -> bool:
    """Whether an exchange with this probability and key is kept.

    >>> sum(keeps(0.25, f"request-{i}") for i in range(10_000))
    2460
    """
    if inclusion >= 1.0:
        return True
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < inclusion * 2.0**64
