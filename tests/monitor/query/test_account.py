"""The account of a span: both laws, what they leave over, the holes, and which kind of nothing nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.records.types import Gap, Ledger, Passed
from monitor.catalog import open_catalog
from monitor.ports import Arrival, BatchKey, Catalog
from monitor.query.account import account

SECOND = 10**9


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    yield opened
    opened.close()


def accept(catalog: Catalog, sequence: int, *records: Ledger | Gap | Passed, previous: int | None = None) -> None:
    arrival = Arrival(
        BatchKey("s", sequence),
        tuple(r for r in records if isinstance(r, Gap)),
        tuple(r for r in records if isinstance(r, Ledger)),
        tuple(r for r in records if isinstance(r, Passed)),
        previous,
        start_ns=sequence * SECOND,
        models=("m",),
    )
    assert catalog.accept([arrival], [], sequence * SECOND)


def ledger(second: int, **counts: object) -> Ledger:
    return Ledger(start_ns=second * SECOND, end_ns=(second + 1) * SECOND, model="m", version="1", **counts)  # type: ignore[arg-type]


def test_both_laws_are_summed_over_the_span(catalog: Catalog) -> None:
    """Only entries that begin in it."""
    accept(
        catalog, 1,
        ledger(1, seen=10, captured=5, sampled_out=2, dropped={"spool_full": 1}, undecodable={"malformed": 1}, not_inference=1),
        ledger(99, seen=1, captured=1),
        Passed(start_ns=SECOND, end_ns=2 * SECOND, connections=2, connections_copied=1, bytes=100, bytes_copied=70,
               bytes_uncopied={"queue_full": 30}, connections_uncopied={"queue_full": 1}),
    )  # fmt: skip
    found = account(catalog, "m", None, 0, 50 * SECOND)
    assert found["state"] == "complete"
    assert found["exchanges"] == {
        "seen": 10, "captured": 5, "sampled_out": 2, "dropped": {"spool_full": 1}, "undecodable": {"malformed": 1},
        "not_inference": 1, "unaccounted": 0,
    }  # fmt: skip
    assert found["tap"] == {
        "bytes": 100, "bytes_copied": 70, "bytes_uncopied": {"queue_full": 30}, "bytes_unaccounted": 0,
        "connections": 2, "connections_copied": 1, "connections_uncopied": {"queue_full": 1},
    }  # fmt: skip


def test_what_the_law_leaves_over_is_shown(catalog: Catalog) -> None:
    """A count that was lost between two others."""
    accept(catalog, 1, ledger(1, seen=10, captured=7))
    assert account(catalog, "m", "1", 0, None)["exchanges"]["unaccounted"] == 3


def test_a_missing_number_is_a_gap_of_the_account(catalog: Catalog) -> None:
    """Until it comes."""
    accept(catalog, 1, ledger(1, seen=1, captured=1), previous=0)
    accept(catalog, 3, ledger(3, seen=1, captured=1), previous=2)
    found = account(catalog, "m", None, None, None)
    assert (found["state"], found["gaps"]["batches_missing"]) == ("gaps", 1)
    accept(catalog, 2, ledger(2, seen=1, captured=1), previous=1)
    assert account(catalog, "m", None, None, None)["state"] == "complete"


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ((), "no_data"),
        ((Passed(start_ns=SECOND, end_ns=2 * SECOND, bytes=5, bytes_copied=5),), "idle"),
        ((Gap(start_ns=SECOND, end_ns=2 * SECOND, reason="worker_down", bytes=5),), "blind"),
        ((ledger(1, seen=1, captured=1), Gap(start_ns=SECOND, end_ns=2 * SECOND, reason="worker_down")), "gaps"),
    ],
)
def test_nothing_is_not_always_the_same(catalog: Catalog, records: tuple[Gap, ...], state: str) -> None:
    """No traffic, no sight, or no sidecar."""
    accept(catalog, 1, *records)
    assert account(catalog, "m", None, 0, None)["state"] == state
