"""Every door from the jobs to the outside, and the values that pass through them. One contract suite each in tests/contracts/.

Times are Unix nanoseconds, UTC; spans of event time are half-open. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from collectors.records.types import Batch, Gap, Ledger, Passed, TelemetrySample
from monitor.definitions import MonitoredModel, Receiver
from monitor.findings import Alert, AlertKind, Finding, Span, Status, Transition
from monitor.tiles.rows import Rows

T = TypeVar("T")

SegmentKind = Literal["predictions", "labels", "measurements", "anomalies", "explanations"]

FindingKey = Literal["kind", "feature", "metric", "slice"]
"""What the findings of a column may be told apart by."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model the catalog knows: declared by a user, or proposed because traffic named it (`declared` False)."""

    name: str
    declaration: MonitoredModel
    declared: bool
    updated_ns: int
    proposal: MonitoredModel | None = None
    """Kinds inferred from the baseline or the first window, for the user to take over."""

    def in_force(self) -> MonitoredModel:
        """The declaration, with what it leaves open taken from the proposal."""
        if self.proposal is None:
            return self.declaration
        inferred = {f.name: f for f in self.proposal.features}
        if not self.declaration.features:
            return self.declaration.with_features(self.proposal.features)
        return self.declaration.with_features(
            [f if f.kind else inferred.get(f.name, f) for f in self.declaration.features]
        )


@dataclass(frozen=True, slots=True)
class BaselineEntry:
    """A model's baseline: `id` is the hash of its rows and of the frozen grids, `profile` the bytes of a Baseline."""

    id: str
    model: str
    rows: int
    path: str
    created_ns: int
    profile: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """An immutable Parquet file, registered in the catalog. `start_ns` to `end_ns` (inclusive) is the event time of its rows."""

    kind: SegmentKind
    model: str
    version: str
    path: str
    rows: int
    start_ns: int
    end_ns: int
    created_ns: int
    id: int = 0
    """Given by the catalog, ascending in order of registration."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Segments of one kind that came for one version of a model; `start_ns` is the event time of their first row."""

    kind: SegmentKind
    model: str
    version: str
    start_ns: int


@dataclass(frozen=True, slots=True)
class BatchKey:
    sidecar: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch that is to be registered, without its rows. `start_ns` is when what it tells of began.

    `previous` is the sequence of the batch that its sender spooled before it (0: none, None: there is no order).
    """

    key: BatchKey
    gaps: tuple[Gap, ...] = ()
    ledgers: tuple[Ledger, ...] = ()
    passed: tuple[Passed, ...] = ()
    previous: int | None = None
    start_ns: int = 0
    models: tuple[str, ...] = ()
    """Models that it tells of."""
    telemetry: tuple[TelemetrySample, ...] = ()


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Events of inference loggers since the start, by what became of them.

    received = 2 * paired + alone + duplicate + other + waiting.
    """

    received: int = 0
    paired: int = 0
    alone: int = 0
    duplicate: int = 0
    other: int = 0
    waiting: int = 0


BATCH_MISSING = "batch_missing"
"""The reason of a gap where a batch of a sidecar never came."""


@dataclass(frozen=True, slots=True)
class GapEntry:
    sidecar: str
    gap: Gap


@dataclass(frozen=True, slots=True)
class TelemetryEntry:
    """A sample of a device or of a server, and which sidecar took it."""

    sidecar: str
    sample: TelemetrySample


@dataclass(frozen=True, slots=True)
class WindowEntry:
    """One revision of one closed window. Counts of capture come from the sidecars' ledgers of its span."""

    model: str
    version: str
    rule: str
    """Name of the WindowRule."""
    span: Span
    revision: int
    status: Status
    """Worst status of its findings that is not merely informative."""
    n_window: int
    closed_ns: int
    labelled: int = 0
    seen: int = 0
    captured: int = 0
    sampled_out: int = 0
    dropped: int = 0
    undecodable: int = 0
    baseline: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A committed window result on its way to the exporters; `sequence` ascends and never repeats."""

    sequence: int
    window: WindowEntry
    findings: tuple[Finding, ...]
    transitions: tuple[Transition, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One transition owed to one receiver: written with the transition, done when the receiver took it."""

    id: int
    receiver: Receiver
    transition: Transition
    attempts: int
    due_ns: int
    is_held: bool = False
    """Whether it was muted before: what it tells may be over by now."""
    is_superseded: bool = False
    """Whether the same receiver is owed a later transition of the same alert."""
    follows_muted: bool = False
    """Whether the receiver was never told of the transition before, for that one was muted."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Mutes notifications of matching alerts until `end_ns`; never changes a state."""

    id: str
    model: str | None
    kind: AlertKind | None
    start_ns: int
    end_ns: int
    creator: str
    comment: str


@dataclass(frozen=True, slots=True)
class WindowResult:
    """All that closing or revising one window changes: committed as one, or not at all."""

    window: WindowEntry
    tiles: bytes
    findings: tuple[Finding, ...]
    segments: tuple[Segment, ...]
    """Measurement, anomaly and explanation segments written for it."""
    alerts: tuple[Alert, ...]
    """New states of this model's and version's alerts."""
    transitions: tuple[Transition, ...]
    memory: Mapping[str, bytes] = field(default_factory=dict)
    """What the judging keeps between looks, by name, replaced as a whole (key: `model/version/rule/name`)."""


class Catalog(Protocol):
    """SQL behind it. One writer; every method is one transaction; readers never see half of one."""

    def put_model(self, declaration: MonitoredModel, now_ns: int, *, declared: bool) -> None: ...
    def put_proposal(self, name: str, proposal: MonitoredModel) -> None: ...
    def model(self, name: str) -> ModelEntry | None: ...
    def models(self) -> list[ModelEntry]: ...

    def put_baseline(self, entry: BaselineEntry) -> None: ...
    def baseline(self, model: str) -> BaselineEntry | None:
        """The baseline in force (the newest)."""

    def drop_baselines(self, before_ns: int) -> list[str]:
        """Forget baselines set before this that are not in force and that no window names; returns their paths."""

    def baselines(self) -> dict[str, str]:
        """Of each model that has one the id of the baseline in force: what a pass asks, for the profiles are large."""

    def accept(self, arrivals: Sequence[Arrival], segments: Sequence[Segment], now_ns: int) -> bool:
        """Register batches and all they brought. False, and nothing changes, where one of the keys is known."""

    def known(self, keys: Sequence[BatchKey]) -> set[BatchKey]:
        """Those of the keys that have been accepted."""

    def put_segments(self, segments: Sequence[Segment]) -> None: ...
    def segments(
        self,
        kind: SegmentKind,
        model: str,
        version: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        *,
        after_id: int = 0,
    ) -> list[Segment]:
        """Segments whose inclusive time range meets [start_ns, end_ns) and whose id is above `after_id`, ascending by id.

        Every version where it is None.
        """

    def arrived(self, after_id: int) -> tuple[int, list[Arrived]]:
        """The newest id of any segment, and what predictions and labels have come since `after_id`."""

    def replace_segments(self, old: Sequence[Segment], new: Sequence[Segment]) -> None:
        """Swap segments in one step (compaction). Raises Stale where an old one is no longer registered."""

    def drop_segments(self, ids: Iterable[int]) -> None: ...
    def segment_paths(self, paths: Sequence[str]) -> set[str]:
        """Those of the paths that a segment has, dropped ones included."""

    def versions(self, model: str) -> list[str]: ...
    def gaps(self, model: str, start_ns: int | None, end_ns: int | None) -> list[GapEntry]:
        """Gaps of the sidecars that have carried this model, and their batches that never came (`batch_missing`)."""

    def ledger(self, model: str | None, version: str | None, start_ns: int, end_ns: int) -> Ledger:
        """The sum of the ledger entries whose start lies in the span; of those that name no model where it is None."""

    def passed(self, model: str, start_ns: int, end_ns: int) -> Passed:
        """What passed at the taps of the sidecars that have carried this model: entries whose start lies in the span."""

    def telemetry(self, model: str, start_ns: int, end_ns: int) -> list[TelemetryEntry]:
        """Samples that begin in the span, of the sidecars that told of the model, and what others told of the same devices.

        Raises InvalidInput where they are too many.
        """

    def commit_window(self, result: WindowResult, receivers: Sequence[Receiver], now_ns: int) -> int:
        """Store the result, one publication, and a delivery per transition and receiver. Returns the publication's sequence.

        Raises Stale where this revision of the window, or a later one, is committed already.
        """

    def window(self, model: str, version: str, rule: str, span: Span) -> WindowEntry | None:
        """The latest revision."""

    def windows(
        self,
        model: str,
        *,
        version: str | None = None,
        rule: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[WindowEntry]:
        """Latest revisions whose start lies in [start_ns, end_ns), ascending by (start, version)."""

    def tiles(self, model: str, version: str, rule: str, span: Span) -> bytes | None: ...
    def memory(self, key: str) -> bytes | None: ...

    def alerts(self, model: str | None = None) -> list[Alert]: ...
    def put_alert(self, alert: Alert) -> None:
        """Change flags of an alert (acknowledge) without a transition."""

    def transitions(
        self, model: str | None = None, fingerprint: str | None = None, start_ns: int | None = None, limit: int = 1000
    ) -> list[Transition]:
        """The newest `limit`, ascending in order of commitment."""

    def deliveries(self, now_ns: int, limit: int = 100) -> list[Delivery]:
        """Owed and due, oldest first; none while an earlier one of the same alert and receiver is owed."""

    def delivered(self, delivery_id: int, now_ns: int) -> None: ...
    def postpone(self, delivery_id: int, due_ns: int, reason: str) -> None: ...
    def give_up(self, delivery_id: int, reason: str, now_ns: int) -> None: ...
    def hold(self, delivery_id: int, due_ns: int, reason: str) -> None:
        """Muted: owed again at `due_ns`; not an attempt."""

    def mute(self, delivery_id: int, reason: str, now_ns: int) -> None:
        """The receiver is never told: what it was held for is over."""

    def publications(self, exporter: str, limit: int = 100) -> list[Publication]:
        """The next ones this exporter has not taken, in order."""

    def published(self, exporter: str, sequence: int) -> None: ...

    def put_silence(self, silence: Silence) -> None: ...
    def silences(self, now_ns: int | None = None) -> list[Silence]: ...
    def expire(self, before_ns: int, *, alerts_before_ns: int, exporters: Collection[str]) -> list[Segment]:
        """Forget batches, publications that all of these exporters have taken, gaps, ledgers, windows, deliveries that are done
        and silences that are over, older than this; back-filled windows by their closing; transitions older than their own instant.

        The last transition of an alert stays. Returns dropped and replaced segments for the deletion of their files, each in
        two calls, lest a crash leave one behind.
        """

    def ready(self) -> bool: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Labels:
    """n labels. `value` object of int, float, bool or str; `time_ns` is the event time of the prediction it belongs to.

    `came_ns`: when each was taken in, by the monitor's clock; None where they come from a file.
    """

    id: npt.NDArray[np.object_]
    value: npt.NDArray[np.object_]
    time_ns: npt.NDArray[np.int64]
    came_ns: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.id)


class SegmentStore(Protocol):
    """Files behind it (local directory or object store). A file appears whole or not at all."""

    def write_rows(self, model: str, version: str, rows: Rows, now_ns: int) -> Segment: ...
    def read_rows(
        self,
        segments: Sequence[Segment],
        start_ns: int | None = None,
        end_ns: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Rows:
        """Rows of the segments in [start_ns, end_ns), in canonical order. Columns that some segments lack are missing there."""

    def locate(self, segments: Sequence[Segment], prediction_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Event time of each prediction id (`id` or `id/row`), -1 where no segment has it. Reads the id index, not the rows."""

    def write_labels(self, model: str, labels: Labels, now_ns: int) -> Segment: ...
    def read_labels(
        self, segments: Sequence[Segment], start_ns: int | None = None, end_ns: int | None = None
    ) -> Labels:
        """The latest value of each prediction id, by order of the segments' registration."""

    def write_baseline(self, model: str, rows: Rows, baseline_id: str) -> str: ...
    def read_baseline(self, path: str) -> Rows: ...
    def delete_baseline(self, path: str) -> None: ...

    def write_findings(self, findings: Sequence[Finding], rule: str, now_ns: int) -> Segment: ...
    def find_findings(self, segments: Sequence[Segment], query: FindingQuery) -> list[Finding]:
        """Latest revision of each decision record that matches, ordered by (window start, metric, feature, slice)."""

    def worst_findings(
        self, segments: Sequence[Segment], query: FindingQuery, columns: Sequence[Span], per: FindingKey
    ) -> list[tuple[int, Finding]]:
        """Of each column (spans that do not overlap, found by window start) and each value of `per` the worst
        matching decision record: by status, then one with a limit, then by score. Ordered by (column, that value); limit and offset do not apply.
        """

    def write_records(
        self, kind: SegmentKind, model: str, version: str, span: Span, records: Sequence[Mapping[str, Any]], now_ns: int
    ) -> Segment:
        """Anomalies or explanations: one JSON-able mapping each, with `prediction_id` and `time_ns`.

        All records of the window at once: they take the place of what an earlier revision wrote for this span.
        """

    def find_records(
        self,
        segments: Sequence[Segment],
        start_ns: int | None,
        end_ns: int | None,
        prediction_id: str | None,
        limit: int,
        offset: int,
        slice: str | None = None,
    ) -> list[dict[str, Any]]:
        """Ascending by time and prediction id; with `slice` those whose `slices` name it."""

    def delete(self, segments: Sequence[Segment]) -> None: ...
    def sweep(self, registered: Callable[[Sequence[str]], set[str]], before_ns: int) -> int:
        """Delete files of segments written before this whose path `registered` does not answer; returns how many."""

    def compact(self, segments: Sequence[Segment], now_ns: int) -> Segment:
        """One new file with the rows of all (of one kind, model and version)."""


@dataclass(frozen=True, slots=True)
class FindingQuery:
    """A filter of findings; None matches all."""

    start_ns: int | None = None
    end_ns: int | None = None
    version: str | None = None
    slice: str | None = None
    metric: str | None = None
    feature: str | None = None
    limit: int = 1_000
    offset: int = 0
    kind: str | None = None
    rule: str | None = None
    """Name of the WindowRule."""
    whole: bool = False
    """Only what is said of the whole population, of no slice or group."""


class Exporter(Protocol):
    """Takes publications in order, at least once each. Raises Unavailable to be asked again."""

    @property
    def name(self) -> str: ...
    def publish(self, publications: Sequence[Publication]) -> None: ...
    def close(self) -> None: ...


class Notifier(Protocol):
    """Speaks to one kind of receiver. Raises Unavailable to be asked again, InvalidInput where it never will work."""

    @property
    def kind(self) -> str: ...
    def send(
        self, receiver: Receiver, transition: Transition, *, idempotency_key: str, link: str, now_ns: int
    ) -> None: ...


class Predictor(Protocol):
    """The model's own function, for explanation: features in, score out."""

    @property
    def features(self) -> tuple[str, ...]: ...
    def matrix(self, rows: Rows) -> npt.NDArray[np.float64]:
        """The rows' features as `predict` takes them, [n, features]; NaN where a value is missing or of no use to the model."""

    def predict(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Scores [n] of rows [n, features], NaN where the model cannot score a row. Raises Unavailable."""


class EventReader(Protocol):
    """Reads what inference loggers send (CloudEvents) into batches, whose identities are those of the exchanges in them."""

    def read(self, headers: Mapping[str, str], body: bytes, now_ns: int) -> Sequence[Batch]:
        """The batches that a request completes; header names are lower case. Raises InvalidInput, and takes nothing then."""

    @property
    def counts(self) -> EventCounts: ...
    def expire(self, now_ns: int) -> Sequence[Batch]:
        """Batches that tell of the halves of exchanges that waited in vain for the other half."""


@dataclass(frozen=True, slots=True)
class ToldLabel:
    """A label that a browser told; `where` is its place in the message."""

    where: str
    model: str
    id: str
    value: str | float | bool


@dataclass(frozen=True, slots=True)
class ToldByBeacon:
    """What one message of a browser holds; `models` are those of its predictions, with the place that names each."""

    batch: Batch | None
    models: Mapping[str, str]
    labels: tuple[ToldLabel, ...]


class BeaconReader(Protocol):
    """Reads what browsers tell, and redacts it."""

    def read(self, body: bytes, now_ns: int) -> ToldByBeacon:
        """Raises InvalidInput with the place of what is wrong, and takes nothing then."""


class Observer(Protocol):
    """Told what the jobs did: the monitor's own telemetry. Never refuses, never blocks."""

    def batch_received(self, *, duplicate: bool = False) -> None: ...
    def batch_refused(self, reason: str) -> None: ...
    def records_received(self, kind: str, count: int) -> None: ...
    def events_counted(self, counts: EventCounts) -> None: ...
    def window_started(self, model: str | None, rule: str) -> None:
        """Here and below: None for a model that nobody declared, whose name is foreign data."""

    def window_finished(self, model: str | None, rule: str, seconds: float) -> None: ...
    def budget_spent(self, model: str | None, false_alarms: float) -> None:
        """A look was taken that could have raised so many false alarms at most."""

    def window_failed(self, model: str | None, rule: str, reason: str) -> None: ...
    def retried(self, sink: str) -> None: ...
    def notified(self, receiver: str) -> None: ...
    def notification_postponed(self, receiver: str) -> None: ...
    def notification_failed(self, receiver: str, reason: str) -> None: ...


class Runner(Protocol):
    """Where a job's heavy part runs."""

    def submit(self, work: Callable[..., T], *args: Any) -> Future[T]: ...
    def close(self) -> None: ...
