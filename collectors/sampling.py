"""Which exchanges are kept, and with what probability; the probability is written on every record.

A rate keeps an exchange where the hash of its key falls below the rate: the same key gives the same answer in every
sidecar, so no generator has to be seeded or shared. Errors, slow exchanges and those that the model was not sure of are
kept whatever the hash says, with inclusion 1, so that a weight of 1 / inclusion stays honest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from collectors.records.packing import unpack
from collectors.records.types import Tensor

_SLACK = 0.02
"""How far from one the probabilities of a row may add up: what sixteen bits lose."""

SampleBy = Literal["exchange", "id"]


@dataclass(frozen=True, slots=True)
class SamplingPolicy:
    """`by` is what is hashed: the exchange, or the prediction's id, so that a client can tell what will be kept."""

    rate: float = 1.0
    by: SampleBy = "exchange"
    keep_errors: bool = True
    slow_ns: int | None = None
    """Exchanges that take at least this long are always kept."""
    unsure_below: float | None = None
    """Exchanges with a row whose most probable class has less than this are always kept; they must be decoded for it."""
    unsure_output: str | None = None
    """The output that holds probabilities; None: the first that looks like it."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate <= 1.0:
            raise ValueError(f"sampling rate: found {self.rate}, expected 0 to 1")
        if self.unsure_below is not None and not 0.0 < self.unsure_below <= 1.0:
            raise ValueError(f"sampling unsure_below: found {self.unsure_below}, expected more than 0, at most 1")
        if self.slow_ns is not None and self.slow_ns < 0:
            raise ValueError(f"sampling slow_ns: found {self.slow_ns}, expected 0 or more")

    def inclusion(self, *, status: int, duration_ns: int) -> float:
        """The probability with which such an exchange is kept."""
        if self.keep_errors and status >= 400:
            return 1.0
        if self.slow_ns is not None and duration_ns >= self.slow_ns:
            return 1.0
        return self.rate

    def is_unsure(self, outputs: Sequence[Tensor]) -> bool:
        """Whether the model gave less than `unsure_below` to its most probable class, in any row."""
        if self.unsure_below is None:
            return False
        for tensor in outputs:
            if self.unsure_output in (None, tensor.name):
                confidence = lowest_confidence(tensor)
                if confidence is not None:
                    return confidence < self.unsure_below
        return False


def lowest_confidence(tensor: Tensor) -> float | None:
    """The smallest, over the rows, of the largest class probability; None where these are no probabilities.

    Rows of several values that add up to one are those of the classes; a single value from 0 to 1 is that of the positive
    one of two.
    """
    if not tensor.datatype.startswith(("FP", "BF")) or len(tensor.shape) not in (1, 2) or tensor.missing:
        return None
    values = unpack(tensor.data, tensor.datatype)
    columns = tensor.shape[1] if len(tensor.shape) == 2 else 1
    if not values or columns < 1 or not all(-_SLACK <= value <= 1 + _SLACK for value in values):
        return None
    if columns == 1:
        return min(max(value, 1.0 - value) for value in values)
    rows = [values[begin : begin + columns] for begin in range(0, len(values), columns)]
    if any(abs(sum(row) - 1.0) > _SLACK for row in rows):
        return None
    return min(max(row) for row in rows)


def keeps(inclusion: float, key: str) -> bool:
    """Whether an exchange with this probability and key is kept.

    >>> sum(keeps(0.25, f"request-{i}") for i in range(10_000))
    2460
    """
    if inclusion >= 1.0:
        return True
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < inclusion * 2.0**64
