"""Every door from the jobs to the outside, and the values that pass through them. One contract suite each in tests/contracts/.

Times are Unix nanoseconds, UTC; spans of event time are half-open. Nothing here decides.
"""

from monitor.ports.catalog import Catalog
from monitor.ports.entries import (
    BATCH_MISSING,
    Arrival,
    Arrived,
    BaselineEntry,
    BatchKey,
    Delivery,
    GapEntry,
    Hold,
    ModelEntry,
    Outcome,
    OwedOpinion,
    Publication,
    RowsKind,
    Segment,
    SegmentKind,
    Silence,
    TelemetryEntry,
    WindowEntry,
    WindowResult,
)
from monitor.ports.outside import Exporter, Notifier, Observer, Predictor, Runner
from monitor.ports.readers import (
    BeaconReader,
    EventCounts,
    EventReader,
    HeldEvents,
    HeldEventsNote,
    ToldByBeacon,
    ToldLabel,
)
from monitor.ports.segment_store import CAME_UNKNOWN_NS, FindingKey, FindingQuery, Labels, SegmentStore

__all__ = [
    "BATCH_MISSING",
    "CAME_UNKNOWN_NS",
    "Arrival",
    "Arrived",
    "BaselineEntry",
    "BatchKey",
    "BeaconReader",
    "Catalog",
    "Delivery",
    "EventCounts",
    "EventReader",
    "Exporter",
    "FindingKey",
    "FindingQuery",
    "GapEntry",
    "HeldEvents",
    "HeldEventsNote",
    "Hold",
    "Labels",
    "ModelEntry",
    "Notifier",
    "Observer",
    "Outcome",
    "OwedOpinion",
    "Predictor",
    "Publication",
    "RowsKind",
    "Runner",
    "Segment",
    "SegmentKind",
    "SegmentStore",
    "Silence",
    "TelemetryEntry",
    "ToldByBeacon",
    "ToldLabel",
    "WindowEntry",
    "WindowResult",
]
