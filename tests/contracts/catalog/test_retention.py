"""What every Catalog lets go, and when."""

from __future__ import annotations

from dataclasses import replace

from collectors.records.types import Gap, Ledger
from monitor.findings import Span
from monitor.ports import BaselineEntry, BatchKey, Catalog, Silence
from tests.contracts.catalog.entries import HOOK, accept, alert, expire, result, segment, transition, window


def test_what_is_old_expires(catalog: Catalog) -> None:
    """Batches, gaps, ledgers and windows before the instant go; younger ones, segments and alerts stay."""
    for start, sequence in ((0, 1), (200, 2)):
        accept(
            catalog,
            BatchKey("s", sequence),
            [segment(f"p{start}", start, start + 9)],
            [Gap(start_ns=start, end_ns=start + 9, reason="full")],
            [Ledger(start_ns=start, end_ns=start + 9, model="income", seen=1, captured=1)],
            start,
        )
        closed = window(start, closed_ns=start + 10)
        catalog.commit_window(result(closed, alerts=(alert(),), transitions=(transition(start=start),)), [], start)
    assert expire(catalog, 150) == []
    assert len(catalog.segments("predictions", "income")) == 2
    assert [w.span.start_ns for w in catalog.windows("income")] == [200]
    assert catalog.tiles("income", "1", "5m", Span(0, 10)) is None
    assert [g.gap.start_ns for g in catalog.gaps("income", None, None)] == [200]
    assert catalog.ledger("income", None, 0, 1000).seen == 1
    assert not catalog.known([BatchKey("s", 1)])
    assert catalog.known([BatchKey("s", 2)])
    assert len(catalog.alerts()) == 1
    assert len(catalog.transitions()) == 2


def test_a_window_of_long_ago_that_was_closed_today_is_young(catalog: Catalog) -> None:
    """What is back-filled has its whole retention."""
    catalog.commit_window(result(window(0, closed_ns=1_000)), [], 1)
    expire(catalog, 500)
    assert len(catalog.windows("income")) == 1


def test_windows_of_some_models_are_kept_for_longer(catalog: Catalog) -> None:
    """Those that are named have an instant of their own."""
    for start in (0, 100):
        for model in ("income", "shop"):
            catalog.commit_window(result(replace(window(start, closed_ns=start + 10), model=model)), [], 1)
    catalog.expire(200, alerts_before_ns=0, exporters=(), windows_before_ns={"shop": 50})
    assert catalog.windows("income") == []
    assert [w.span.start_ns for w in catalog.windows("shop")] == [100]


def test_files_of_dropped_segments_are_handed_out_twice(catalog: Catalog) -> None:
    """So that a crash before their deletion leaves no file behind; then they are forgotten."""
    catalog.put_segments([segment("a"), segment("b"), segment("c")])
    a, b, _ = catalog.segments("predictions", "income")
    catalog.drop_segments([a.id])
    catalog.replace_segments([b], [segment("d")])
    assert [s.path for s in catalog.segments("predictions", "income")] == ["c", "d"]
    assert [[s.path for s in expire(catalog, 0)] for _ in range(3)] == [["a", "b"], ["a", "b"], []]


def test_a_publication_stays_until_every_exporter_took_it(catalog: Catalog) -> None:
    """An exporter that is behind, or has taken nothing yet, loses nothing to retention."""
    catalog.publications("slow")
    sequence = catalog.commit_window(result(), [], 1)
    catalog.published("fast", sequence)
    expire(catalog, 10**9, exporters=("fast", "slow"))
    assert [p.sequence for p in catalog.publications("slow")] == [sequence]
    catalog.published("slow", sequence)
    expire(catalog, 10**9, exporters=("fast", "slow"))
    assert catalog.publications("late") == []


def test_an_exporter_that_was_switched_off_holds_nothing(catalog: Catalog) -> None:
    """What is old goes without it; switched on again it takes what is left."""
    catalog.publications("off")
    sequence = catalog.commit_window(result(), [], 1)
    catalog.published("fast", sequence)
    expire(catalog, 10**9, exporters=("fast",))
    assert catalog.publications("off") == []
    later = catalog.commit_window(result(window(10)), [], 2)
    assert [p.sequence for p in catalog.publications("off")] == [later]


def test_old_transitions_expire_but_for_the_last_of_their_alert(catalog: Catalog) -> None:
    """It says where the alert stands; one that is still owed to somebody stays too."""
    for start, name in ((0, "f1"), (10, "f1"), (20, "f1"), (0, "f2")):
        moved = transition(start=start, fingerprint=name)
        catalog.commit_window(result(window(start, version=name), transitions=(moved,)), [HOOK], 1)
    for delivery in (d for _ in range(2) for d in catalog.deliveries(1) if d.transition.fingerprint == "f1"):
        catalog.delivered(delivery.id, 2)
    expire(catalog, 15, alerts_before_ns=100)
    kept = [(t.fingerprint, t.window.start_ns) for t in catalog.transitions()]
    assert kept == [("f1", 20), ("f2", 0)]


def test_young_transitions_stay(catalog: Catalog) -> None:
    """Their time is longer than that of the deliveries."""
    for start in (0, 10):
        catalog.commit_window(result(window(start), transitions=(transition(start=start),)), [], 1)
    expire(catalog, 100, alerts_before_ns=0)
    assert len(catalog.transitions()) == 2


def test_a_silence_that_is_over_expires(catalog: Catalog) -> None:
    """One that runs stays."""
    for name, end in (("over", 10), ("runs", 1_000)):
        catalog.put_silence(Silence(name, None, None, 0, end, "ann", "known"))
    expire(catalog, 100)
    assert [s.id for s in catalog.silences()] == ["runs"]


def test_an_old_baseline_goes_when_no_window_names_it(catalog: Catalog) -> None:
    """The one in force never; one that a window was compared with as long as that window is kept."""
    for number, name in enumerate(("unused", "named", "force")):
        catalog.put_baseline(BaselineEntry(name, "income", 10, f"baselines/{name}", number, b"profile"))
    catalog.commit_window(result(window(baseline="named")), [], 1)
    assert catalog.drop_baselines(0) == []
    assert catalog.drop_baselines(100) == ["baselines/unused"]
    assert catalog.baselines() == {"income": "force"}
    assert catalog.drop_baselines(100) == []
