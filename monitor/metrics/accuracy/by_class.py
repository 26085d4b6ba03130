"""The form of metrics that have a value for each class; the measurement's `feature` names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.joined import classes_of
from monitor.tiles.outcome import MulticlassOutcome, Outcome
from monitor.tiles.outcome_sets import MultilabelOutcome, labels_of
from monitor.tiles.task import task_of

CLASSES_MAX = 50
"""Classes with measurements of their own: the baseline's most frequent. Each is a series everywhere."""

Counts = tuple[int, int, int]
"""True positives, false positives, false negatives of one class."""


def class_rate(part: int, whole: int, empty: str, labelled: int) -> Value:
    """A share of the rows that concern one class, with Wilson's interval."""
    if not whole:
        return nothing(Status.UNDEFINED, empty, n_window=labelled)
    low, high = wilson(part, whole)
    return Value(part / whole, low, high, n_window=labelled, reason=f"{part:,} of {whole:,}")


@dataclass(frozen=True, slots=True)
class ClassMetric:
    """Measured of each class of a multi-class or multi-label model that the baseline knows; `of` takes its counts and the labelled rows."""

    name: str
    prometheus: str
    help: str
    of: Callable[[Counts, int], Value]
    kind: AlertKind = AlertKind.PERFORMANCE
    needs_labels: bool = True

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        model, grids = comparison.model, comparison.baseline.grids
        names = classes_of(grids, model)
        task = task_of(model, names)
        if model.label is None or task not in ("multiclass", "multilabel"):
            return
        names = labels_of(names) if task == "multilabel" else names
        now, window = comparison.window.outcome, comparison.window
        known = 0 if comparison.baseline.tiles.outcome is None else comparison.baseline.tiles.outcome.labelled
        for i, name in enumerate(names[:CLASSES_MAX]):
            counts = None if now is None else _counts(now, i)
            if counts is None or now is None or not now.labelled:
                reason = "no label has come yet" if window.rows else "the window has no rows"
                value = nothing(Status.NO_DATA, reason, n_baseline=known, n_missing=window.rows)
            else:
                value = self.of(counts, now.labelled)
                value = replace(value, n_baseline=known, n_missing=window.rows - now.labelled)
            yield Measurement(self.name, self.kind, name, None, value)


def _counts(outcome: Outcome, at: int) -> Counts | None:
    if isinstance(outcome, MultilabelOutcome):
        hits, wrong, missed = outcome.counts[at].tolist()
        return hits, wrong, missed
    if isinstance(outcome, MulticlassOutcome):
        hits = int(outcome.confusion[at, at])
        return hits, int(outcome.confusion[:, at].sum()) - hits, int(outcome.confusion[at].sum()) - hits
    return None
