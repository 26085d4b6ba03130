"""The door to the catalog."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from collectors.records.types import Ledger, Passed
from monitor.definitions import MonitoredModel, Receiver
from monitor.findings import Alert, Span, Transition
from monitor.ports.entries import (
    Arrival,
    Arrived,
    BaselineEntry,
    BatchKey,
    Delivery,
    GapEntry,
    Hold,
    ModelEntry,
    OwedOpinion,
    Publication,
    Segment,
    SegmentKind,
    Silence,
    TelemetryEntry,
    WindowEntry,
    WindowResult,
)


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
        """The newest id of any segment, and what predictions, refused exchanges and labels have come since `after_id`."""

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

    def owed_opinions(self, model: str | None = None, limit: int = 1_000) -> list[OwedOpinion]:
        """In the order in which they came to be owed, oldest first."""

    def owed_first(self) -> list[tuple[OwedOpinion, int]]:
        """Of each model the oldest that is owed, with how many are."""

    def forget_opinion(self, opinion_id: int) -> None:
        """It is owed no more, and nothing comes of it."""

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

    def put_hold(self, hold: Hold, alert: Alert) -> None:
        """Store that an alert is held, or no more, with the alert as it is marked now. One of the same start is replaced."""

    def holds(
        self, model: str | None = None, start_ns: int | None = None, end_ns: int | None = None, limit: int | None = None
    ) -> list[Hold]:
        """Those that began in [start_ns, end_ns), newest first."""

    def put_silence(self, silence: Silence) -> None: ...
    def silences(self, now_ns: int | None = None) -> list[Silence]: ...
    def expire(
        self,
        before_ns: int,
        *,
        alerts_before_ns: int,
        taken_before_ns: int | None = None,
        exporters: Collection[str],
        windows_before_ns: Mapping[str, int] | None = None,
    ) -> list[Segment]:
        """Forget batches, publications that all of these exporters have taken, gaps, ledgers, windows, deliveries that are done
        and silences that are over, older than this; back-filled windows by their closing; transitions, publications
        where it is given, and windows of the models that are named, older than their own instant.

        The last transition of an alert stays. Returns dropped and replaced segments for the deletion of their files, each in
        two calls, lest a crash leave one behind.
        """

    def ready(self) -> bool: ...
    def close(self) -> None: ...
