"""What every Catalog keeps of batches, of those that never came, gaps and ledgers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from collectors.records.types import Gap, GpuSample, Ledger, ServerSample, TelemetrySample
from monitor.ports import Arrival, BatchKey, Catalog
from tests.contracts.catalog.entries import accept, segment


def test_what_arrived_is_told_by_kind_model_and_version(catalog: Catalog) -> None:
    """With the time of the first row, since an id that was told before; results of our own are no arrival."""
    catalog.put_segments([segment("a", start=5), segment("b", start=3)])
    newest, came = catalog.arrived(0)
    assert [(a.kind, a.version, a.start_ns) for a in came] == [("predictions", "1", 3)]
    assert catalog.arrived(newest) == (newest, [])
    catalog.put_segments([segment("c", kind="measurements"), segment("d", kind="labels", version="")])
    assert [(a.kind, a.version) for a in catalog.arrived(newest)[1]] == [("labels", "")]
    newest, _ = catalog.arrived(newest)
    catalog.put_segments([segment("e", kind="failures", version="2")])
    assert [(a.kind, a.version) for a in catalog.arrived(newest)[1]] == [("failures", "2")]


def test_a_batch_is_accepted_once(catalog: Catalog) -> None:
    """The second delivery of a batch answers False and registers nothing."""
    key = BatchKey("s1", 7)
    ledger = Ledger(start_ns=0, end_ns=9, model="income", version="1", seen=5, captured=5)
    gap = Gap(start_ns=0, end_ns=9, reason="full")
    assert not catalog.known([key])
    assert accept(catalog, key, [segment("a")], [gap], [ledger], 1)
    assert catalog.known([key])
    assert not accept(catalog, key, [segment("b")], [gap], [ledger], 2)
    assert [s.path for s in catalog.segments("predictions", "income")] == ["a"]
    assert len(catalog.gaps("income", None, None)) == 1
    assert catalog.ledger("income", None, 0, 10).seen == 5


def test_of_many_deliveries_of_one_batch_one_counts(catalog: Catalog) -> None:
    """Threads that deliver the same batch at the same time agree on one acceptance."""
    barrier = threading.Barrier(6)

    def deliver(i: int) -> bool:
        barrier.wait()
        return accept(catalog, BatchKey("s1", 1), [segment(f"p{i}")], [], [], i)

    with ThreadPoolExecutor(6) as pool:
        accepted = list(pool.map(deliver, range(6)))
    assert sum(accepted) == 1
    assert len(catalog.segments("predictions", "income")) == 1


def test_two_catalogs_on_one_database_share_the_writing(reopen: Callable[[], Catalog]) -> None:
    """Two processes' worth of connections write at once without a conflict."""
    catalogs = [reopen(), reopen()]
    with ThreadPoolExecutor(4) as pool:
        accepted = list(
            pool.map(lambda i: accept(catalogs[i % 2], BatchKey("s", i), [segment(f"p{i}")], [], [], i), range(20))
        )
    assert all(accepted)
    assert len(catalogs[0].segments("predictions", "income")) == 20


def test_a_failed_acceptance_leaves_nothing(catalog: Catalog) -> None:
    """A batch whose segment cannot be registered is not accepted in part."""
    catalog.put_segments([segment("a")])
    with pytest.raises(Exception, match=r"(?i)unique"):
        accept(catalog, BatchKey("s1", 1), [segment("b"), segment("a")], [], [], 1)
    assert not catalog.known([BatchKey("s1", 1)])
    assert [s.path for s in catalog.segments("predictions", "income")] == ["a"]


def test_telemetry_is_that_of_the_model_and_of_its_devices(catalog: Catalog) -> None:
    """Of the sidecars that told of the model in the span, and what others tell of the same devices; of nobody else."""

    def told(sidecar: str, *samples: TelemetrySample) -> None:
        assert catalog.accept([Arrival(BatchKey(sidecar, 1), telemetry=samples)], [], 1)

    served = ServerSample(start_ns=10, end_ns=20, server="vllm", address="h:1", model="income", requests=1)
    mine, late = (GpuSample(start_ns=at, end_ns=at + 10, device="GPU-a", power_watts=1.5) for at in (10, 90))
    theirs = GpuSample(start_ns=12, end_ns=22, device="GPU-a")
    told("s1", served, mine, late)
    told("s2", theirs)
    told("s3", GpuSample(start_ns=10, end_ns=20, device="GPU-b"))
    found = catalog.telemetry("income", 0, 50)
    assert [(entry.sidecar, entry.sample) for entry in found] == [("s1", served), ("s1", mine), ("s2", theirs)]
    assert catalog.telemetry("other", 0, 50) == []


def test_gaps_are_those_of_the_sidecars_that_carried_the_model(catalog: Catalog) -> None:
    """A gap of a sidecar that never saw the model is not the model's."""
    gap = Gap(start_ns=10, end_ns=20, reason="tap_full", connections=2, bytes=300, exchanges_estimated=4)
    accept(catalog, BatchKey("s1", 1), [segment("a")], [], [], 1)
    accept(catalog, BatchKey("s1", 2), [], [gap], [], 1)
    accept(catalog, BatchKey("s2", 1), [segment("b", model="other")], [gap], [], 1)
    assert [(g.sidecar, g.gap) for g in catalog.gaps("income", None, None)] == [("s1", gap)]
    assert [g.sidecar for g in catalog.gaps("other", None, None)] == ["s2"]


@pytest.mark.parametrize(("start", "end", "count"), [(0, 10, 0), (0, 11, 1), (20, 30, 1), (21, 30, 0), (None, None, 1)])
def test_gaps_are_found_by_the_span_they_meet(catalog: Catalog, start: int | None, end: int | None, count: int) -> None:
    """A gap belongs to every span that it meets."""
    accept(catalog, BatchKey("s1", 1), [segment("a")], [Gap(start_ns=10, end_ns=20, reason="full")], [], 1)
    assert len(catalog.gaps("income", start, end)) == count


def test_the_ledger_sums_increments_whose_start_is_in_the_span(catalog: Catalog) -> None:
    """Counts and reasons add up over sidecars; other models, versions and times stay out."""
    entry = Ledger(
        start_ns=10, end_ns=20, model="income", version="1", seen=10, captured=4, sampled_out=1,
        dropped={"full": 2}, undecodable={"json": 1}, not_inference=2,
    )  # fmt: skip
    same_time = Ledger(
        start_ns=19, end_ns=29, model="income", version="2", seen=3, captured=1, dropped={"full": 1, "slow": 1}
    )
    outside = Ledger(start_ns=20, end_ns=30, model="income", version="1", seen=100, captured=100)
    stranger = Ledger(start_ns=10, end_ns=20, model="other", seen=50, captured=50)
    nameless = Ledger(start_ns=10, end_ns=20, seen=7, not_inference=7)
    accept(catalog, BatchKey("s1", 1), [], [], [entry, outside], 1)
    accept(catalog, BatchKey("s2", 1), [], [], [same_time, stranger, nameless], 1)
    assert catalog.ledger("income", None, 10, 20) == Ledger(
        start_ns=10, end_ns=20, model="income", seen=13, captured=5, sampled_out=1,
        dropped={"full": 3, "slow": 1}, undecodable={"json": 1}, not_inference=2,
    )  # fmt: skip
    assert catalog.ledger("income", "1", 10, 20).seen == 10
    assert catalog.ledger("income", "1", 30, 40) == Ledger(start_ns=30, end_ns=40, model="income", version="1")


def batch_gaps(catalog: Catalog) -> list[tuple[str, int, int]]:
    return [
        (g.sidecar, g.gap.start_ns, g.gap.end_ns)
        for g in catalog.gaps("income", None, None)
        if g.gap.reason == "batch_missing"
    ]


def test_a_batch_that_never_came_is_a_gap(catalog: Catalog) -> None:
    """Between what was accepted before it and what the one behind it tells of."""
    accept(catalog, BatchKey("s1", 1), [segment("a")], [], [], 100, previous=0)
    accept(catalog, BatchKey("s1", 3), [segment("b")], [], [], 200, previous=2)
    assert batch_gaps(catalog) == [("s1", 100, 200)]


def test_a_batch_that_comes_late_closes_its_gap(catalog: Catalog) -> None:
    """Deliveries overtake one another; and what is behind what is missing is looked for, too."""
    accept(catalog, BatchKey("s1", 1), [segment("a")], [], [], 100, previous=0)
    accept(catalog, BatchKey("s1", 4), [segment("b")], [], [], 200, previous=3)
    accept(catalog, BatchKey("s1", 3), [segment("c")], [], [], 210, previous=2)
    assert batch_gaps(catalog) == [("s1", 100, 210)]
    accept(catalog, BatchKey("s1", 2), [segment("d")], [], [], 220, previous=1)
    assert batch_gaps(catalog) == []


def test_numbers_that_skip_are_no_gap(catalog: Catalog) -> None:
    """After a crash a sidecar goes on at another number, and says so."""
    accept(catalog, BatchKey("s1", 1), [segment("a")], [], [], 100, previous=0)
    accept(catalog, BatchKey("s1", 1025), [segment("b")], [], [], 200, previous=1)
    assert batch_gaps(catalog) == []


def test_a_sidecar_that_nothing_is_known_of_has_no_gap(catalog: Catalog) -> None:
    """Another monitor may have had what came before."""
    accept(catalog, BatchKey("s1", 7), [segment("a")], [], [], 100, previous=6)
    accept(catalog, BatchKey("s1", 8), [segment("b")], [], [], 100, previous=7)
    assert batch_gaps(catalog) == []


def test_several_arrivals_are_registered_together_or_not_at_all(catalog: Catalog) -> None:
    """One that is known refuses all, and nothing of them is kept."""
    accept(catalog, BatchKey("s1", 1), [segment("a")], [], [], 100)
    two = [Arrival(BatchKey("s1", 2), models=("income",)), Arrival(BatchKey("s1", 1), models=("income",))]
    assert not catalog.accept(two, [segment("b")], 1)
    assert not catalog.known([BatchKey("s1", 2)])
    assert catalog.accept(two[:1], [segment("b")], 1)
    assert catalog.known([BatchKey("s1", n) for n in (1, 2, 3)]) == {BatchKey("s1", 1), BatchKey("s1", 2)}
