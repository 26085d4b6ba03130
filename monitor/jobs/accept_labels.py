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
        segments, accepted = _write(model, labels.id, labels.value, times, store, now_ns)
        catalog.replace_segments(waiting, segments)
        # What still waits has been written anew; labels that came meanwhile have not been looked for.
        waiting = [s for s in _waiting(catalog, model) if s.path in {written.path for written in segments}]
    searched.predictions = max(searched.predictions, predictions[-1].id)
    searched.waiting = max([searched.waiting, *(s.id for s in waiting)])
    return accepted


def _waiting(catalog: Catalog, model: str) -> list[Segment]:
    return [s for s in catalog.segments("labels", model, end_ns=WAITING_NS + 1) if s.end_ns == WAITING_NS]


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
