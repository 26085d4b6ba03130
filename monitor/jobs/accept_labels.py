"""Accept ground truth by prediction id: each label is stored at the event time of its prediction.

So a window finds its labels by its own span, however late they came. Labels of predictions that are not (yet) known
wait at event time WAITING_NS and are looked up again whenever labels are applied; the answer says how many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.errors import Fault, InvalidInput
from monitor.findings import rfc3339
from monitor.ports import CAME_UNKNOWN_NS, Catalog, Labels, Segment, SegmentStore

RECORDED_NS = 86_400 * 10**9
"""Predictions that came so much later than they were made were recorded somewhere and sent at last: a sidecar that was cut off
sends within hours. Their labels are recorded too."""
AHEAD_NS = 86_400 * 10**9
"""By which a label may say that it was known later than now: clocks and zones are off by hours, never by a day."""
WAITING_NS = 0
"""Event time of a label whose prediction is unknown: no prediction is older than 1970."""


@dataclass(frozen=True, slots=True)
class LabelsAccepted:
    accepted: int
    unknown: int
    """Of the accepted: labels that wait for their prediction."""
    start_ns: int | None = None
    end_ns: int | None = None
    """Event time span (inclusive) of the predictions that were labelled."""


def accept_labels(
    model: str,
    ids: npt.NDArray[np.object_],
    values: npt.NDArray[np.object_],
    catalog: Catalog,
    store: SegmentStore,
    now_ns: int,
    known_ns: npt.NDArray[np.int64] | None = None,
) -> LabelsAccepted:
    """Store labels of a model. Later values of an id replace earlier ones. `known_ns`: as of `Labels`; InvalidInput where it lies ahead."""
    _refuse_ahead(ids, known_ns, now_ns)
    predictions = catalog.segments("predictions", model)
    times = store.locate(predictions, [str(i) for i in ids])
    came_ns = _came(times, predictions, np.full(len(ids), now_ns, np.int64))
    segments, accepted = _write(model, Labels(ids, values, times, came_ns, known_ns), store, now_ns)
    catalog.put_segments(segments)
    return accepted


def _refuse_ahead(ids: npt.NDArray[np.object_], known_ns: npt.NDArray[np.int64] | None, now_ns: int) -> None:
    ahead = np.zeros(0, np.intp) if known_ns is None else np.flatnonzero(known_ns > now_ns + AHEAD_NS)
    if known_ns is not None and len(ahead):
        found = f"known at {rfc3339(int(known_ns[ahead[0]]))}"
        where = f"label of {str(ids[ahead[0]])[:80]!r}"
        raise InvalidInput(Fault(where, found, f"a time up to now, {rfc3339(now_ns)} by the monitor's clock"))


@dataclass(slots=True)
class Searched:
    """How far the predictions of a model's waiting labels have been looked for: newest segment of each kind."""

    predictions: int = 0
    waiting: int = 0


def find_waiting(
    model: str, catalog: Catalog, store: SegmentStore, now_ns: int, searched: Searched | None = None
) -> LabelsAccepted:
    """Look again for the predictions of waiting labels; those found move to their event time.

    With `searched`, only among the predictions that came since: an id that nobody has may wait for months.
    """
    searched = searched if searched is not None else Searched()
    waiting = _waiting(catalog, model)
    if not waiting:
        return LabelsAccepted(0, 0)
    are_new = waiting[-1].id > searched.waiting
    predictions = catalog.segments("predictions", model, after_id=0 if are_new else searched.predictions)
    if not predictions:
        return LabelsAccepted(0, sum(s.rows for s in waiting))
    labels = store.read_labels(waiting)
    times = store.locate(predictions, [str(i) for i in labels.id])
    accepted = LabelsAccepted(0, len(labels))
    if np.any(times >= 0):
        came_ns = np.full(len(labels), now_ns, np.int64) if labels.came_ns is None else labels.came_ns
        found = Labels(labels.id, labels.value, times, _came(times, predictions, came_ns), labels.known_ns)
        segments, accepted = _write(model, found, store, now_ns)
        catalog.replace_segments(waiting, segments)
        # What still waits has been written anew; labels that came meanwhile have not been looked for.
        waiting = [s for s in _waiting(catalog, model) if s.path in {written.path for written in segments}]
    searched.predictions = max(searched.predictions, predictions[-1].id)
    searched.waiting = max([searched.waiting, *(s.id for s in waiting)])
    return accepted


def waiting_labels(catalog: Catalog, model: str) -> int:
    """How many labels of a model wait for their prediction."""
    return sum(segment.rows for segment in _waiting(catalog, model))


def _waiting(catalog: Catalog, model: str) -> list[Segment]:
    return [s for s in catalog.segments("labels", model, end_ns=WAITING_NS + 1) if s.end_ns == WAITING_NS]


def _came(
    times: npt.NDArray[np.int64], predictions: Sequence[Segment], came_ns: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """When labels came; not known of labels whose predictions are recorded ones, sent long after they were made."""
    recorded = [s for s in predictions if s.created_ns - s.end_ns > RECORDED_NS]
    if not recorded:
        return came_ns
    live = [s for s in predictions if s.created_ns - s.end_ns <= RECORDED_NS]
    return np.where(_covered(times, recorded) & ~_covered(times, live), CAME_UNKNOWN_NS, came_ns)


def _covered(times: npt.NDArray[np.int64], segments: Sequence[Segment]) -> npt.NDArray[np.bool_]:
    """Which of the times some segment reaches over."""
    starts = np.sort(np.array([s.start_ns for s in segments], np.int64))
    ends = np.sort(np.array([s.end_ns for s in segments], np.int64))
    return np.searchsorted(starts, times, side="right") > np.searchsorted(ends, times, side="left")


def _write(model: str, labels: Labels, store: SegmentStore, now_ns: int) -> tuple[list[Segment], LabelsAccepted]:
    """`time_ns` of the labels is below 0 where their prediction is unknown."""
    times = labels.time_ns
    known = times >= 0
    segments = []
    if known.any():
        order = np.flatnonzero(known)[np.argsort(times[known], kind="stable")]
        segments.append(store.write_labels(model, labels.take(order), now_ns))
    if not known.all():
        rest = labels.take(np.flatnonzero(~known))
        held = replace(rest, time_ns=np.full(len(rest), WAITING_NS, np.int64))
        segments.append(store.write_labels(model, held, now_ns))
    span = (int(times[known].min()), int(times[known].max())) if known.any() else (None, None)
    return segments, LabelsAccepted(len(labels), int((~known).sum()), *span)
