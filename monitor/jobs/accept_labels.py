"""Accept ground truth by prediction id: each label is stored at the event time of its prediction.

So a window finds its labels by its own span, however late they came. Labels of predictions that are not (yet) known
wait at event time WAITING_NS and are looked up again whenever labels are applied; the answer says how many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.ports import Catalog, Labels, Segment, SegmentStore

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
) -> LabelsAccepted:
    """Store labels of a model. Later values of an id replace earlier ones."""
    times = store.locate(catalog.segments("predictions", model), [str(i) for i in ids])
    segments, accepted = _write(model, ids, values, times, store, now_ns)
    catalog.put_segments(segments)
    return accepted


def find_waiting(model: str, catalog: Catalog, store: SegmentStore, now_ns: int) -> LabelsAccepted:
    """Look again for the predictions of waiting labels; those found move to their event time."""
    waiting = [s for s in catalog.segments("labels", model, end_ns=WAITING_NS + 1) if s.end_ns == WAITING_NS]
    if not waiting:
        return LabelsAccepted(0, 0)
    labels = store.read_labels(waiting)
    times = store.locate(catalog.segments("predictions", model), [str(i) for i in labels.id])
    if not np.any(times >= 0):
        return LabelsAccepted(0, len(labels))
    segments, accepted = _write(model, labels.id, labels.value, times, store, now_ns)
    catalog.replace_segments(waiting, segments)
    return accepted


def _write(
    model: str,
    ids: npt.NDArray[np.object_],
    values: npt.NDArray[np.object_],
    times: npt.NDArray[np.int64],
    store: SegmentStore,
    now_ns: int,
) -> tuple[list[Segment], LabelsAccepted]:
    known = times >= 0
    segments = []
    if known.any():
        order = np.flatnonzero(known)[np.argsort(times[known], kind="stable")]
        segments.append(store.write_labels(model, Labels(ids[order], values[order], times[order]), now_ns))
    if not known.all():
        rest = ~known
        held = Labels(ids[rest], values[rest], np.full(int(rest.sum()), WAITING_NS, np.int64))
        segments.append(store.write_labels(model, held, now_ns))
    span = (int(times[known].min()), int(times[known].max())) if known.any() else (None, None)
    return segments, LabelsAccepted(len(ids), int((~known).sum()), *span)
