"""Results reach every exporter in order, at least once; one that fails holds up only itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from monitor.jobs.publish import BACKOFF_NS_FIRST, Backoff, publish
from monitor.ports import Publication
from tests.monitor.jobs.house import FakeExporter, House, closed, labelled, minute, population


@dataclass
class BrokenExporter(FakeExporter):
    name: str = "broken"

    def publish(self, publications: Sequence[Publication]) -> None:
        raise KeyError("a fault of ours")


@pytest.fixture
def served(house: House) -> House:
    """Three windows closed, and taken by the house's own exporter."""
    house.declare()
    house.baseline(labelled(population(2_000, seed=1), seed=2))
    for n in range(3):
        house.serve(population(100, seed=n, start_ns=minute(n)))
    house.at(closed(2))
    return house


def test_every_result_is_taken_once_and_in_order(served: House) -> None:
    """Whatever the number of passes."""
    served.at(closed(2))
    sequences = [p.sequence for p in served.exporter.taken]
    assert sequences == sorted(set(sequences))
    assert len(sequences) == 3


def test_an_exporter_that_was_away_gets_all_of_it_later(served: House) -> None:
    """Nothing is skipped, and it is not asked again before its time."""
    late = FakeExporter("late", away=True)
    context, backoff = replace(served.context, exporters=(late,)), Backoff()
    assert publish(context, backoff) == 0
    late.away = False
    assert publish(context, backoff) == 0
    served.now_ns += BACKOFF_NS_FIRST
    assert publish(context, backoff) == 3
    assert [p.sequence for p in late.taken] == [p.sequence for p in served.exporter.taken]


def test_a_fault_of_ours_in_one_exporter_holds_up_no_other(served: House) -> None:
    """It is asked again later, with growing pauses, as one that is away."""
    other, backoff = FakeExporter("other"), Backoff()
    context = replace(served.context, exporters=(BrokenExporter(), other))
    assert publish(context, backoff) == 3
    assert len(other.taken) == 3
    assert backoff.failures == {"broken": 1}
