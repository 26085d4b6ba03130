"""What the catalog holds: values with an identity, as the jobs write and read them. Times are Unix nanoseconds, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from collectors.records.types import Gap, Ledger, Passed, TelemetrySample
from monitor.definitions import MonitoredModel, Receiver
from monitor.findings import Alert, AlertKind, Finding, HeldFor, Span, Status, Transition

SegmentKind = Literal["predictions", "labels", "measurements", "anomalies", "explanations", "failures"]
RowsKind = Literal["predictions", "failures"]
"""Kinds whose segments hold rows; those of failures are exchanges that the server refused, one row each."""


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
    code: str | None = None
    """Version and build of the code that computed it."""


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


Outcome = Literal["told", "over", "held"]
"""How a hold ended: the alert was told, was over by then, or went on being held for another reason."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A time in which nobody was told of an open alert: it began at `since_ns`, and goes on where `until_ns` is None."""

    fingerprint: str
    model: str
    version: str
    kind: AlertKind
    reason: HeldFor
    text: str
    """As it was when it began."""
    since_ns: int
    until_ns: int | None = None
    outcome: Outcome | None = None


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
class OwedOpinion:
    """A closed window of which another library has yet to be asked: about its rows, what labels tell of them, or both."""

    model: str
    version: str
    rule: str
    """Name of the WindowRule."""
    span: Span
    of_rows: bool
    of_labels: bool
    owed_ns: int
    id: int = 0
    """Given by the catalog, ascending; a new one where more is owed of a window than before."""


@dataclass(frozen=True, slots=True)
class WindowResult:
    """All that closing or revising one window changes: committed as one, or not at all."""

    window: WindowEntry
    tiles: bytes | None
    """None: as they are stored."""
    findings: tuple[Finding, ...]
    segments: tuple[Segment, ...]
    """Measurement, anomaly and explanation segments written for it."""
    alerts: tuple[Alert, ...]
    """New states of this model's and version's alerts."""
    transitions: tuple[Transition, ...]
    memory: Mapping[str, bytes] = field(default_factory=dict)
    """What the judging keeps between looks, by name, replaced as a whole (key: `model/version/rule/name`)."""
    owes: OwedOpinion | None = None
    """Joined with what is owed of this window already."""
    settles: int | None = None
    """Id of an owed opinion that this result brings; one that was joined with more since then stays owed."""
