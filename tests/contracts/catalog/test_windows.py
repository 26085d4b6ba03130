"""What every Catalog keeps of windows and of their publication."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from monitor.errors import Stale
from monitor.findings import Span, Status
from monitor.ports import Catalog, OwedOpinion
from tests.contracts.catalog.entries import HOOK, alert, finding, result, segment, transition, window


def test_a_committed_window_is_read_back_whole(catalog: Catalog) -> None:
    """Entry, tiles, memory, segments, alerts and transitions are all there after one commit."""
    entry = window(labelled=3, seen=9, captured=8, sampled_out=1, baseline="aa", reason="late rows")
    measured = segment("m", kind="measurements")
    catalog.commit_window(
        result(
            entry,
            tiles=b"\x00\x01" * 500,
            segments=(measured,),
            alerts=(alert(),),
            transitions=(transition(),),
            memory={"income/1/5m/evidence": b"\x00e"},
        ),
        [HOOK],
        50,
    )
    assert catalog.window("income", "1", "5m", Span(0, 10)) == entry
    assert catalog.tiles("income", "1", "5m", Span(0, 10)) == b"\x00\x01" * 500
    assert catalog.memory("income/1/5m/evidence") == b"\x00e"
    assert [s.path for s in catalog.segments("measurements", "income")] == ["m"]
    assert catalog.alerts("income") == [alert()]
    assert catalog.transitions("income") == [transition()]


def test_what_is_not_there_is_none(catalog: Catalog) -> None:
    """Windows, tiles and memory that nobody committed answer None."""
    assert catalog.window("income", "1", "5m", Span(0, 10)) is None
    assert catalog.tiles("income", "1", "5m", Span(0, 10)) is None
    assert catalog.memory("income/1/5m/evidence") is None


def test_a_commit_that_fails_changes_nothing(catalog: Catalog) -> None:
    """A result is committed as one, or not at all."""
    catalog.put_segments([segment("taken")])
    broken = result(segments=(segment("taken"),), alerts=(alert(),), transitions=(transition(),), memory={"k": b"v"})
    catalog.publications("prometheus")
    with pytest.raises(Exception, match=r"(?i)unique"):
        catalog.commit_window(broken, [HOOK], 1)
    assert catalog.windows("income") == []
    assert catalog.memory("k") is None
    assert catalog.alerts() == []
    assert catalog.transitions() == []
    assert catalog.deliveries(100) == []
    assert catalog.publications("prometheus") == []


def test_a_window_without_tiles_is_committed(catalog: Catalog) -> None:
    """A window without a baseline has none."""
    catalog.commit_window(result(tiles=b""), [], 1)
    assert catalog.tiles("income", "1", "5m", Span(0, 10)) == b""


def test_a_revision_takes_the_place_of_the_one_before(catalog: Catalog) -> None:
    """Readers see the latest revision and its tiles only; memory is replaced as a whole."""
    catalog.commit_window(result(memory={"k": b"old"}), [], 1)
    catalog.commit_window(result(window(revision=1, n_window=120), tiles=b"more", memory={"k": b"new"}), [], 2)
    (entry,) = catalog.windows("income")
    assert (entry.revision, entry.n_window) == (1, 120)
    assert catalog.tiles("income", "1", "5m", entry.span) == b"more"
    assert catalog.memory("k") == b"new"


def test_the_same_revision_twice_is_stale(catalog: Catalog) -> None:
    """Work that was done twice is refused the second time, with its transitions and deliveries."""
    catalog.commit_window(result(), [HOOK], 1)
    with pytest.raises(Stale):
        catalog.commit_window(result(transitions=(transition(),)), [HOOK], 2)
    assert catalog.transitions() == []


def test_windows_are_listed_in_order(catalog: Catalog) -> None:
    """Ascending by start and version, or newest first; filtered by version, rule and span; limited."""
    for start in (20, 0, 10):
        for version in ("2", "1"):
            catalog.commit_window(result(window(start, version=version)), [], 1)
    catalog.commit_window(result(window(0, rule="1h")), [], 1)

    def seen(**query: Any) -> list[tuple[int | None, str]]:
        return [(w.span.start_ns, w.version) for w in catalog.windows("income", **query)]

    assert seen(rule="5m") == [(0, "1"), (0, "2"), (10, "1"), (10, "2"), (20, "1"), (20, "2")]
    assert seen(rule="5m", version="2", newest_first=True, limit=2) == [(20, "2"), (10, "2")]
    assert seen(start_ns=10, end_ns=20) == [(10, "1"), (10, "2")]
    assert seen(rule="1h") == [(0, "1")]


def test_an_exporter_takes_publications_in_order(catalog: Catalog, reopen: Callable[[], Catalog]) -> None:
    """Each exporter goes on behind what it took last, after a restart too; sequences ascend."""
    sequences = [
        catalog.commit_window(result(window(start), transitions=(transition(start=start),)), [], 1)
        for start in (0, 10, 20)
    ]
    assert sequences == sorted(set(sequences))
    first, *_ = catalog.publications("elasticsearch", limit=2)
    assert (first.sequence, first.window, first.findings) == (sequences[0], window(0), (finding(),))
    assert first.transitions == (transition(start=0),)
    catalog.published("elasticsearch", sequences[1])
    catalog.published("elasticsearch", sequences[0])
    assert [p.sequence for p in reopen().publications("elasticsearch")] == sequences[2:]
    assert [p.sequence for p in catalog.publications("prometheus")] == sequences


def test_findings_keep_ranges_infinities_and_nothing(catalog: Catalog) -> None:
    """A threshold that is a range, an infinite score and values that are None survive."""
    odd = (
        finding(threshold=(-0.1, 0.1), score=float("inf")),
        finding(
            value=None, low=None, high=None, threshold=None, status=Status.UNDEFINED, reason="one class", version=None
        ),
    )
    catalog.commit_window(result(findings=odd), [], 1)
    (published,) = catalog.publications("e")
    assert published.findings == odd


def owed(start: int = 0, **more: Any) -> OwedOpinion:
    known = OwedOpinion("income", "1", "5m", Span(start, start + 10), of_rows=True, of_labels=False, owed_ns=5)
    return replace(known, **more)


def test_what_is_owed_of_a_window_comes_with_it_and_goes_with_its_answer(catalog: Catalog) -> None:
    """In the transactions that close the window and that bring the answer, whose tiles are as they were."""
    catalog.commit_window(result(window(), tiles=b"t", owes=owed()), (), 1)
    (waiting,) = catalog.owed_opinions("income")
    assert replace(waiting, id=0) == owed()
    catalog.commit_window(result(window(revision=1), tiles=None, settles=waiting.id), (), 2)
    assert catalog.owed_opinions() == []
    assert catalog.tiles("income", "1", "5m", Span(0, 10)) == b"t"
    found = catalog.window("income", "1", "5m", Span(0, 10))
    assert found is not None and found.revision == 1


def test_what_came_to_be_owed_meanwhile_stays_owed(catalog: Catalog) -> None:
    """Labels came while its rows were asked about: that answer settles nothing of what is owed now."""
    catalog.commit_window(result(window(), owes=owed()), (), 1)
    (before,) = catalog.owed_opinions("income")
    catalog.commit_window(result(window(revision=1), owes=owed(of_rows=False, of_labels=True, owed_ns=9)), (), 2)
    (after,) = catalog.owed_opinions("income")
    assert after.id > before.id and (after.of_rows, after.of_labels, after.owed_ns) == (True, True, 5)
    catalog.commit_window(result(window(revision=2), settles=before.id), (), 3)
    assert catalog.owed_opinions("income") == [after]
    catalog.forget_opinion(after.id)
    assert catalog.owed_opinions() == []


def test_the_first_that_each_model_is_owed_is_found(catalog: Catalog) -> None:
    """With how many there are; the others in their order."""
    assert catalog.owed_first() == []
    for start in (20, 0):
        catalog.commit_window(result(window(start), owes=owed(start)), (), 1)
    catalog.commit_window(result(window(40, model="other"), owes=owed(40, model="other")), (), 1)
    found = [(one.model, one.span.start_ns, count) for one, count in catalog.owed_first()]
    assert found == [("income", 20, 2), ("other", 40, 1)]
    assert [one.span.start_ns for one in catalog.owed_opinions(limit=2)] == [20, 0]


def test_what_is_owed_of_a_window_is_forgotten_with_it(catalog: Catalog) -> None:
    """A window past its retention is asked about no more."""
    catalog.commit_window(result(window(), owes=owed()), (), 1)
    catalog.expire(1_000, alerts_before_ns=0, exporters=())
    assert catalog.windows("income") == [] and catalog.owed_opinions() == []
