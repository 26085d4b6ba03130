"""What became of exchanges, while it is counted: ledger entries and gaps that grow between two takes of the pipeline."""

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from collectors.records.types import Ledger

LEDGER_INTERVAL_NS = 1_000_000_000
"""Exchanges are accounted to the second their request began in, so that windows of whole seconds add up."""

Outcome = Literal["captured", "sampled_out", "dropped", "undecodable", "not_inference"]

AccountKey = tuple[int, str | None, str | None, str | None]
"""Second, model, version; and the exchange, of one that may come again and of which no prediction tells."""


class Account:
    """Ledger entry of one model, version and second, while it grows."""

    __slots__ = ("captured", "dropped", "not_inference", "sampled_out", "undecodable")

    def __init__(self) -> None:
        self.captured = self.sampled_out = self.not_inference = 0
        self.dropped: Counter[str] = Counter()
        self.undecodable: Counter[str] = Counter()

    def add(self, outcome: Outcome, reason: str) -> None:
        """One exchange more that was not captured."""
        if outcome == "dropped":
            self.dropped[reason] += 1
        elif outcome == "undecodable":
            self.undecodable[reason] += 1
        elif outcome == "sampled_out":
            self.sampled_out += 1
        else:
            self.not_inference += 1

    def outcomes(self) -> Iterator[tuple[tuple[Outcome, str], int]]:
        """How many exchanges had each outcome, by reason."""
        if self.captured:
            yield ("captured", ""), self.captured
        if self.sampled_out:
            yield ("sampled_out", ""), self.sampled_out
        if self.not_inference:
            yield ("not_inference", ""), self.not_inference
        yield from ((("dropped", reason), count) for reason, count in self.dropped.items())
        yield from ((("undecodable", reason), count) for reason, count in self.undecodable.items())

    def entry(self, start_ns: int, model: str | None, version: str | None, exchange: str | None) -> Ledger:
        seen = self.captured + self.sampled_out + self.not_inference + self.dropped.total() + self.undecodable.total()
        return Ledger(
            start_ns=start_ns,
            end_ns=start_ns + LEDGER_INTERVAL_NS,
            model=model,
            version=version,
            seen=seen,
            captured=self.captured,
            sampled_out=self.sampled_out,
            dropped=dict(self.dropped),
            undecodable=dict(self.undecodable),
            not_inference=self.not_inference,
            exchange=exchange,
        )


class Hole:
    """A gap while it grows: lost pieces of one reason between two takes are one gap."""

    __slots__ = ("bytes", "connections", "end_ns", "exchanges", "start_ns")

    def __init__(self, start_ns: int) -> None:
        self.start_ns = self.end_ns = start_ns
        self.connections: set[int] = set()
        self.bytes = 0
        self.exchanges = 0.0
