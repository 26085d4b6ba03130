"""What every Catalog keeps: SQLite always, a real PostgreSQL with the system tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.records.types import Gap, GpuSample, Ledger, ServerSample, TelemetrySample
from monitor.catalog import open_catalog
from monitor.definitions import MonitoredModel, Receiver
from monitor.errors import NotFound, Stale
from monitor.findings import (
    Alert,
    AlertKind,
    AlertStatus,
    FeatureScore,
    Finding,
    Held,
    HeldFor,
    Span,
    Status,
    Transition,
)
from monitor.ports import (
    Arrival,
    BaselineEntry,
    BatchKey,
    Catalog,
    Hold,
    Segment,
    Silence,
    WindowEntry,
    WindowResult,
)
from tests.system.services.postgresql import PostgreSql, running_postgresql

HOOK = Receiver("webhook", "http://127.0.0.1:9000/hook", "SECRET")
OTHER_HOOK = Receiver("alertmanager", "http://127.0.0.1:9093")


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSql]:
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.db'}"
    server: PostgreSql = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def reopen(url: str) -> Iterator[Callable[[], Catalog]]:
    opened: list[Catalog] = []

    def open_again() -> Catalog:
        opened.append(open_catalog(url))
        return opened[-1]

    yield open_again
    for catalog in opened:
        catalog.close()


@pytest.fixture
def catalog(reopen: Callable[[], Catalog]) -> Catalog:
    return reopen()


def declared(name: str = "income", **keys: Any) -> MonitoredModel:
    return MonitoredModel.from_document({"model": name, **keys})


def segment(
    path: str, start: int = 0, end: int = 9, *, model: str = "income", version: str = "1", **more: Any
) -> Segment:
    return replace(Segment("predictions", model, version, path, 10, start, end, 77), **more)


def window(start: int = 0, revision: int = 0, *, model: str = "income", version: str = "1", **more: Any) -> WindowEntry:
    entry = WindowEntry(model, version, "5m", Span(start, start + 10), revision, Status.OK, 100, 99)
    return replace(entry, **more)


def finding(start: int = 0, **more: Any) -> Finding:
    known = Finding(
        model="income",
        version="1",
        slice=None,
        feature="AGEP",
        metric="js_distance",
        kind=AlertKind.DRIFT,
        window=Span(start, start + 10),
        value=0.25,
        low=0.125,
        high=0.5,
        n_baseline=1000,
        n_window=100,
        n_missing=1,
        threshold=0.05,
        threshold_origin="default",
        status=Status.CRITICAL,
        reason=None,
    )
    return replace(known, **more)


def transition(state: AlertStatus = AlertStatus.FIRING, start: int = 0, **more: Any) -> Transition:
    known = Transition(
        fingerprint="f1",
        model="income",
        version="1",
        kind=AlertKind.DRIFT,
        state=state,
        since_ns=start + 10,
        window=Span(start, start + 10),
        value=0.5,
        threshold=0.05,
        features=(FeatureScore("RELP", "js_distance", 3.0, 0.2, "RELP = 17: 69.6 % against 5.2 %"),),
        summary="RELP drifted.",
    )
    return replace(known, **more)


def alert(state: AlertStatus = AlertStatus.FIRING, **more: Any) -> Alert:
    known = Alert("f1", "income", "1", AlertKind.DRIFT, state, 10, Span(0, 10), 0.5, 0.05, memory={"e": 12.5})
    return replace(known, **more)


def accept(
    catalog: Catalog,
    key: BatchKey,
    segments: Sequence[Segment],
    gaps: Sequence[Gap],
    ledgers: Sequence[Ledger],
    now_ns: int,
    previous: int | None = None,
) -> bool:
    """One batch by itself."""
    models = {s.model for s in segments} | {entry.model for entry in ledgers if entry.model}
    told = (tuple(gaps), tuple(ledgers))
    arrival = Arrival(key, *told, previous=previous, start_ns=now_ns, models=tuple(sorted(models)))
    return catalog.accept([arrival], segments, now_ns)


def result(entry: WindowEntry | None = None, **more: Any) -> WindowResult:
    known = WindowResult(entry or window(), b"tiles", (finding(),), (), (), ())
    return replace(known, **more)


# Models and baselines


def test_a_declaration_is_read_back_equal(catalog: Catalog) -> None:
    """Every key of a declaration survives the catalog."""
    model = declared(
        task="binary",
        features={"AGEP": "numeric", "SEX": "categorical", "emb": {"vector": 3}, "x": None},
        prediction={"score": "p", "class": "yhat"},
        label={"name": "employed", "positive": True},
        groups=["SEX"],
        windows=[{"every": "5m", "lateness": "10m"}, {"rows": 5000}, {"sliding": "1h", "step": "5m"}],
        checks={"drift": {"tolerance": {"js_distance": 0.07}}, "fairness": {"parity_difference": [-0.1, 0.1]}},
        receivers=[{"webhook": "http://127.0.0.1:9000/hook", "secret_env": "KEY"}],
        explain={"onnx": "model.onnx", "sample": "all"},
        tensors={"x": ["AGEP", "SEX"], "e": "vector"},
    )
    catalog.put_model(model, 5, declared=True)
    entry = catalog.model("income")
    assert entry is not None
    assert entry.declaration == model
    assert (entry.name, entry.declared, entry.updated_ns, entry.proposal) == ("income", True, 5, None)


def test_an_unknown_model_is_none(catalog: Catalog) -> None:
    """Asking for a model that nobody named answers None."""
    assert catalog.model("income") is None
    assert catalog.baseline("income") is None


def test_traffic_never_replaces_a_declaration(catalog: Catalog) -> None:
    """A proposed model gives way to a declared one, and not the other way round."""
    catalog.put_model(declared(), 1, declared=False)
    catalog.put_model(declared(task="binary"), 2, declared=True)
    catalog.put_model(declared(), 3, declared=False)
    entry = catalog.model("income")
    assert entry is not None
    assert (entry.declared, entry.declaration.task, entry.updated_ns) == (True, "binary", 2)


def test_a_proposal_stays_when_the_model_is_declared_again(catalog: Catalog) -> None:
    """What was inferred is kept beside what the user declares."""
    catalog.put_model(declared(), 1, declared=True)
    catalog.put_proposal("income", declared(task="binary"))
    catalog.put_model(declared(groups=["SEX"]), 2, declared=True)
    entry = catalog.model("income")
    assert entry is not None
    assert entry.proposal == declared(task="binary")


def test_a_proposal_for_an_unknown_model_is_refused(catalog: Catalog) -> None:
    """A proposal needs the model it is for."""
    with pytest.raises(NotFound, match="income"):
        catalog.put_proposal("income", declared())


def test_models_are_listed_by_name(catalog: Catalog) -> None:
    """The list ascends by name, whatever the order of declaration."""
    for name in ("b", "a", "C"):
        catalog.put_model(declared(name), 1, declared=True)
    assert [entry.name for entry in catalog.models()] == ["C", "a", "b"]


def test_the_newest_baseline_is_in_force(catalog: Catalog) -> None:
    """A baseline set again after another one is in force again."""
    first = BaselineEntry("aa", "income", 10, "baselines/income/aa.parquet", 1, b"\x00profile")
    second = replace(first, id="bb", created_ns=2)
    catalog.put_baseline(first)
    catalog.put_baseline(second)
    assert catalog.baseline("income") == second
    catalog.put_baseline(replace(first, created_ns=3))
    assert catalog.baseline("income") == replace(first, created_ns=3)


def expire(
    catalog: Catalog, before_ns: int, *, alerts_before_ns: int = 0, exporters: Sequence[str] = ()
) -> list[Segment]:
    return catalog.expire(before_ns, alerts_before_ns=alerts_before_ns, exporters=exporters)


# Batches, gaps, ledgers


def test_baselines_in_force_are_named_without_their_profiles(catalog: Catalog) -> None:
    """Of each model that has one; set again, an older one is in force again."""
    for name in ("first", "second"):
        catalog.put_model(MonitoredModel(name), 1, declared=True)
    entries = [BaselineEntry(f"b{i}", "first", 10, "p", 1, b"profile") for i in range(2)]
    for entry in (*entries, entries[0]):
        catalog.put_baseline(entry)
    assert catalog.baselines() == {"first": "b0"}


def test_what_arrived_is_told_by_kind_model_and_version(catalog: Catalog) -> None:
    """With the time of the first row, since an id that was told before; results of our own are no arrival."""
    catalog.put_segments([segment("a", start=5), segment("b", start=3)])
    newest, came = catalog.arrived(0)
    assert [(a.kind, a.version, a.start_ns) for a in came] == [("predictions", "1", 3)]
    assert catalog.arrived(newest) == (newest, [])
    catalog.put_segments([segment("c", kind="measurements"), segment("d", kind="labels", version="")])
    assert [(a.kind, a.version) for a in catalog.arrived(newest)[1]] == [("labels", "")]


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


# Segments


def test_a_segment_is_read_back_with_its_id(catalog: Catalog) -> None:
    """Ids ascend in order of registration and everything else is as it was."""
    catalog.put_segments([segment("a", version=""), segment("b")])
    found = catalog.segments("predictions", "income")
    assert [replace(s, id=0) for s in found] == [segment("a", version=""), segment("b")]
    assert 0 < found[0].id < found[1].id


def test_ids_are_never_given_twice(catalog: Catalog) -> None:
    """An id of a dropped segment does not come back."""
    catalog.put_segments([segment("a")])
    (first,) = catalog.segments("predictions", "income")
    catalog.drop_segments([first.id])
    catalog.put_segments([segment("b")])
    (second,) = catalog.segments("predictions", "income")
    assert second.id > first.id


@pytest.mark.parametrize(("start", "end", "found"), [(9, 20, True), (10, 20, False), (-5, 0, False), (-5, 1, True)])
def test_segments_are_found_by_their_inclusive_range(catalog: Catalog, start: int, end: int, found: bool) -> None:
    """A segment from 0 to 9, both inclusive, meets the half-open spans that contain one of its instants."""
    catalog.put_segments([segment("a", 0, 9)])
    assert bool(catalog.segments("predictions", "income", None, start, end)) is found


def test_segments_are_found_by_kind_model_and_version(catalog: Catalog) -> None:
    """A filter that is None matches all; the empty version is a version."""
    catalog.put_segments(
        [segment("a"), segment("b", version=""), segment("c", model="other"), segment("d", kind="labels", version="")]
    )
    assert [s.path for s in catalog.segments("predictions", "income")] == ["a", "b"]
    assert [s.path for s in catalog.segments("predictions", "income", "")] == ["b"]
    assert [s.path for s in catalog.segments("labels", "income")] == ["d"]


def test_segments_that_came_since_are_found_by_id(catalog: Catalog) -> None:
    """What was registered after an id is what a reader has not seen yet."""
    catalog.put_segments([segment("a"), segment("b")])
    first, second = catalog.segments("predictions", "income")
    assert catalog.segments("predictions", "income", after_id=first.id) == [second]


def test_versions_are_those_of_predictions_and_windows(catalog: Catalog) -> None:
    """A version is known by its traffic or by its windows; labels have none."""
    catalog.put_segments(
        [segment("a", version="2"), segment("b", version=""), segment("c", kind="labels", version="x")]
    )
    catalog.commit_window(result(window(version="1")), [], 1)
    assert catalog.versions("income") == ["", "1", "2"]


def test_segments_are_replaced_in_one_step(catalog: Catalog) -> None:
    """After a compaction the new one stands for all old ones."""
    catalog.put_segments([segment("a"), segment("b"), segment("c")])
    a, b, _ = catalog.segments("predictions", "income")
    catalog.replace_segments([a, b], [segment("ab")])
    assert [s.path for s in catalog.segments("predictions", "income")] == ["c", "ab"]


def test_a_segment_that_is_gone_is_not_replaced(catalog: Catalog) -> None:
    """Rows that were dropped during a compaction do not come back with it."""
    catalog.put_segments([segment("a"), segment("b")])
    a, b = catalog.segments("predictions", "income")
    catalog.drop_segments([a.id])
    with pytest.raises(Stale, match="1 of 2"):
        catalog.replace_segments([a, b], [segment("ab")])
    assert [s.path for s in catalog.segments("predictions", "income")] == ["b"]


def test_many_segments_are_dropped_at_once(catalog: Catalog) -> None:
    """The number of ids in one call has no limit that a caller meets."""
    catalog.put_segments([segment(f"p{i}") for i in range(1_100)])
    catalog.drop_segments(s.id for s in catalog.segments("predictions", "income"))
    assert catalog.segments("predictions", "income") == []


# Windows


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


# Alerts, deliveries, silences


def test_an_alert_keeps_every_number(catalog: Catalog, reopen: Callable[[], Catalog]) -> None:
    """An alert with an infinity, NumPy numbers and no version survives a restart."""
    kept = alert(
        version=None, value=float("inf"), peak=np.float64(0.5), looks_below=2, acknowledged_by="ana", since_ns=None
    )
    catalog.put_alert(kept)
    assert reopen().alerts() == [kept]


def test_alerts_are_one_per_fingerprint(catalog: Catalog) -> None:
    """A new state takes the place of the old one."""
    catalog.put_alert(alert())
    catalog.put_alert(alert(AlertStatus.RESOLVED))
    catalog.put_alert(alert(fingerprint="f2", model="other"))
    assert [a.state for a in catalog.alerts("income")] == [AlertStatus.RESOLVED]
    assert [a.fingerprint for a in catalog.alerts()] == ["f1", "f2"]


def test_transitions_are_found_in_order_of_commitment(catalog: Catalog) -> None:
    """Filters by model, alert and time; of more than the limit the newest stay."""
    for start in range(0, 50, 10):
        moved = transition(start=start, fingerprint="f1" if start < 30 else "f2")
        catalog.commit_window(result(window(start), transitions=(moved,)), [], 1)
    assert [t.window.start_ns for t in catalog.transitions()] == [0, 10, 20, 30, 40]
    assert [t.window.start_ns for t in catalog.transitions(fingerprint="f2")] == [30, 40]
    assert [t.window.start_ns for t in catalog.transitions("income", start_ns=20)] == [20, 30, 40]
    assert [t.window.start_ns for t in catalog.transitions(limit=2)] == [30, 40]
    assert catalog.transitions("other") == []


def test_every_receiver_is_owed_every_transition_once(catalog: Catalog) -> None:
    """One delivery per transition and receiver, a receiver that is named twice once."""
    catalog.commit_window(result(transitions=(transition(),)), [HOOK, OTHER_HOOK, HOOK], 50)
    owed = catalog.deliveries(50)
    assert [(d.receiver, d.transition, d.attempts, d.due_ns) for d in owed] == [
        (HOOK, transition(), 0, 50),
        (OTHER_HOOK, transition(), 0, 50),
    ]
    assert catalog.deliveries(49) == []


def test_a_delivery_ends_when_it_was_taken_or_given_up(catalog: Catalog, reopen: Callable[[], Catalog]) -> None:
    """What is done is not owed again, after a restart neither."""
    catalog.commit_window(result(transitions=(transition(),)), [HOOK, OTHER_HOOK], 50)
    first, second = catalog.deliveries(50)
    catalog.delivered(first.id, 51)
    catalog.give_up(second.id, "HTTP 410", 52)
    assert reopen().deliveries(10**9) == []


def test_a_postponed_delivery_comes_back_when_due(catalog: Catalog) -> None:
    """It carries the number of attempts."""
    catalog.commit_window(result(transitions=(transition(),)), [HOOK], 50)
    (owed,) = catalog.deliveries(50)
    catalog.postpone(owed.id, 80, "connection refused")
    assert catalog.deliveries(79) == []
    (again,) = catalog.deliveries(80)
    assert (again.id, again.attempts, again.due_ns) == (owed.id, 1, 80)


def test_a_resolve_never_overtakes_its_page(catalog: Catalog) -> None:
    """While an earlier transition of an alert is owed to a receiver, the next one waits; other alerts do not."""
    catalog.commit_window(result(transitions=(transition(),)), [HOOK, OTHER_HOOK], 50)
    page = next(d for d in catalog.deliveries(50) if d.receiver == HOOK)
    catalog.postpone(page.id, 500, "connection refused")
    resolve = transition(AlertStatus.RESOLVED, 10)
    catalog.commit_window(
        result(window(10), transitions=(resolve, transition(start=10, fingerprint="f2"))), [HOOK, OTHER_HOOK], 60
    )
    due = {(d.receiver.kind, d.transition.fingerprint, d.transition.state) for d in catalog.deliveries(60)}
    assert ("webhook", "f1", AlertStatus.RESOLVED) not in due
    assert ("webhook", "f2", AlertStatus.FIRING) in due
    catalog.delivered(page.id, 70)
    assert resolve in [d.transition for d in catalog.deliveries(70) if d.receiver == HOOK]


def test_deliveries_are_limited(catalog: Catalog) -> None:
    """The oldest come first."""
    for start in (0, 10, 20):
        moved = transition(start=start, fingerprint=f"f{start}")
        catalog.commit_window(result(window(start), transitions=(moved,)), [HOOK], start)
    assert [d.transition.window.start_ns for d in catalog.deliveries(99, limit=2)] == [0, 10]


def test_an_unknown_delivery_is_refused(catalog: Catalog) -> None:
    """A delivery that does not exist cannot be done."""
    with pytest.raises(NotFound, match="delivery"):
        catalog.delivered(99, 1)


def test_silences_are_in_force_in_their_span(catalog: Catalog) -> None:
    """Half-open; all of them without a time; one per id."""
    silence = Silence("s", "income", AlertKind.DRIFT, 10, 20, "ana", "deploy")
    catalog.put_silence(replace(silence, end_ns=99))
    catalog.put_silence(silence)
    catalog.put_silence(Silence("t", None, None, 30, 40, "bo", ""))
    assert catalog.silences() == [silence, Silence("t", None, None, 30, 40, "bo", "")]
    assert catalog.silences(10) == [silence]
    assert catalog.silences(20) == []


# Publications


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


# Batches that never came


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


# Retention, state


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


def test_a_held_delivery_comes_back_without_an_attempt(catalog: Catalog) -> None:
    """It is no failure of the receiver; it says that it was held, and whether it is overtaken."""
    catalog.commit_window(result(transitions=(transition(),)), [HOOK], 50)
    (owed,) = catalog.deliveries(50)
    catalog.hold(owed.id, 80, "silenced by s")
    assert catalog.deliveries(79) == []
    (held,) = catalog.deliveries(80)
    assert (held.attempts, held.is_held, held.is_superseded, held.follows_muted) == (0, True, False, False)
    catalog.commit_window(result(window(10), transitions=(transition(AlertStatus.RESOLVED, 10),)), [HOOK], 60)
    (held,) = catalog.deliveries(80)
    assert held.is_superseded
    catalog.mute(held.id, "over", 81)
    (resolve,) = catalog.deliveries(81)
    assert resolve.follows_muted and not resolve.is_held


def test_a_hold_is_stored_with_its_alert_and_replaced_when_it_ends(
    catalog: Catalog, reopen: Callable[[], Catalog]
) -> None:
    """Newest first, by model and beginning; one that has ended goes with the alerts' age, one that goes on stays."""
    hold = Hold("f1", "income", "1", AlertKind.DRIFT, HeldFor.DEPLOYMENT, "held back: new", 100)
    catalog.put_hold(hold, alert(held=Held(HeldFor.DEPLOYMENT, "held back: new", 100)))
    later = replace(hold, since_ns=300, reason=HeldFor.SILENCE, text="silenced by s")
    catalog.put_hold(later, alert())
    ended = replace(hold, until_ns=200, outcome="told")
    catalog.put_hold(ended, alert())
    catalog = reopen()
    assert catalog.holds() == [later, ended]
    assert catalog.holds("income", 100, 300) == [ended] and catalog.holds("other") == []
    assert catalog.holds(limit=1) == [later]
    assert [a.held for a in catalog.alerts()] == [None]
    catalog.expire(1_000, alerts_before_ns=1_000, exporters=())
    assert catalog.holds() == [later]


def test_foreign_text_is_stored_and_found(catalog: Catalog) -> None:
    """A version with a NUL, a lone surrogate or a quote is stored in a form that a query finds again."""
    for i, version in enumerate(("v\0", "v\ud800", "v'; DROP TABLE windows; --", "größe")):
        catalog.put_segments([segment(f"p{i}", version=version)])
        assert len(catalog.segments("predictions", "income", version)) == 1


def test_a_catalog_says_whether_it_is_ready(catalog: Catalog) -> None:
    """An open catalog answers."""
    assert catalog.ready()


def test_everything_survives_a_restart(catalog: Catalog, reopen: Callable[[], Catalog]) -> None:
    """A second opening finds the tables up to date and the rows in place."""
    catalog.put_model(declared(), 1, declared=True)
    catalog.close()
    assert [m.name for m in reopen().models()] == ["income"]
