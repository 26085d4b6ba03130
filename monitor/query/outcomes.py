"""GET outcomes: what labels say of the answers of a span: confusion, reliability, gains, classes, and the metrics of the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from monitor.findings import AlertKind
from monitor.jobs.accept_labels import waiting_labels
from monitor.metrics.accuracy.forecasts import ClassForecastMetric
from monitor.metrics.accuracy.gains import gains
from monitor.metrics.accuracy.reliability import reliability
from monitor.metrics.accuracy.roc_auc import AreaMetric
from monitor.metrics.estimation.class_rates import expected_confusion
from monitor.metrics.estimation.forms import class_curves_of
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import Metric
from monitor.metrics.registry import METRICS
from monitor.query.asked import Between
from monitor.query.provided import TheCatalog, TheStore
from monitor.query.stretches import Stretch, stretch_of, told
from monitor.tiles.joined import classes_of
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, Outcome
from monitor.tiles.outcome_sets import MultilabelOutcome, labels_of
from monitor.tiles.task import positive_of, task_of

CLASSES_MAX = 15
"""Rows and columns of a confusion table: more are not read. The others are one class."""
OTHER = "other"


class OutcomesController(Controller):
    """What labels say."""

    path = "/models/{model:str}"
    tags = ("measurements",)

    @get("/outcomes", sync_to_thread=True, summary="Confusion, reliability, gains, classes and metrics of a span")
    def outcomes(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        between: Between,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
        slice: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """Of the windows that begin in the span, put together, or of the newest. `reason` says why there is nothing."""
        stretch = stretch_of(catalog, model, between, version, rule, slice)
        outcome, known = stretch.tiles.outcome, stretch.baseline.tiles.outcome
        task = task_of(stretch.model, classes_of(stretch.baseline.grids, stretch.model))
        labelled = 0 if outcome is None else outcome.labelled
        delays = stretch.tiles.delays
        parts = _parts(stretch, outcome) if outcome is not None and labelled else {}
        return stretch.document() | {
            "task": task,
            "labelled": labelled,
            "unusable": 0 if outcome is None else outcome.unusable,
            "expected": float(delays.expected.sum()) if delays is not None and delays.corrected else None,
            "reason": None if parts else _why(stretch, outcome, waiting_labels(catalog, model)),
            "confusion": parts.get("confusion"),
            "classes": parts.get("classes"),
            "reliability": parts.get("reliability"),
            "gains": parts.get("gains"),
            "baseline_reliability": _table(known, reliability),
            "estimated": _estimated(stretch),
            "metrics": {
                metric: cell
                for (metric, feature, place), cell in told(catalog, store, stretch, _of_task(task)).items()
                if feature is None and place is None
            },
        }


def _of_task(task: str | None) -> Sequence[Metric]:
    """Those of the whole that are made from labels, of the model's own task."""
    made = [m for m in METRICS if m.kind is AlertKind.PERFORMANCE and m.needs_labels]
    several = (ClassForecastMetric, AreaMetric) if task == "multiclass" else ()
    return [m for m in made if getattr(m, task or "", None) or isinstance(m, several)]


def _why(stretch: Stretch, outcome: Outcome | None, waiting: int) -> str:
    if stretch.model.label is None:
        return "no label is declared for this model"
    if not stretch.tiles.rows:
        return "the window has no rows"
    if outcome is None and stretch.model.task == "ranking" and stretch.model.prediction.score is None:
        return "a ranking is measured by its score, and the declaration names none (prediction: {score: ...})"
    if outcome is None:
        return "the rows have no prediction to compare with a label"
    if outcome.unusable:
        return f"the predictions of the {outcome.unusable:,} labelled rows are missing or not finite"
    told = f"; {waiting:,} that came are of predictions that nobody has sent" if waiting else ""
    return f"no label has come yet{told}"


def _parts(stretch: Stretch, outcome: Outcome) -> Mapping[str, Any]:
    names = classes_of(stretch.baseline.grids, stretch.model)
    if isinstance(outcome, BinaryOutcome):
        return {
            "confusion": _binary(outcome, positive_of(stretch.model) or "positive"),
            "reliability": _table(outcome, reliability),
            "gains": _table(outcome, lambda own: [asdict(g) | {"lift": g.lift} for g in gains(own)]),
        }
    if isinstance(outcome, MulticlassOutcome):
        table = outcome.confusion
        return {"confusion": _confusion(table, names), "classes": _classes([*names, OTHER], _one_against_rest(table))}
    if isinstance(outcome, MultilabelOutcome):
        return {"classes": _classes([*labels_of(names), OTHER], outcome.counts)}
    return {"classes": []}


def _estimated(stretch: Stretch) -> dict[str, Any] | None:
    """What labels will most likely say of several classes: rows by label and prediction, with the ends of 95 % intervals."""
    curves, tile = class_curves_of(stretch.comparison), stretch.tiles.class_scores
    if curves is None or tile is None or not tile.every.rows:
        return None
    expected, low, high = (part.tolist() for part in expected_confusion(tile.every))
    return {"classes": list(curves.classes), "rows": tile.every.rows, "counts": expected, "low": low, "high": high}


def _table(outcome: Outcome | None, of: Callable[[BinaryOutcome], Sequence[Any]]) -> list[dict[str, Any]] | None:
    if not isinstance(outcome, BinaryOutcome):
        return None
    return [line if isinstance(line, dict) else asdict(line) for line in of(outcome)]


def _binary(outcome: BinaryOutcome, positive: str) -> dict[str, Any]:
    """Rows are labels, columns predictions."""
    return {
        "classes": [positive, f"not {positive}"],
        "counts": [
            [outcome.true_positives, outcome.false_negatives],
            [outcome.false_positives, outcome.true_negatives],
        ],
    }


def _confusion(table: np.ndarray[Any, np.dtype[np.int64]], names: Sequence[str]) -> dict[str, Any]:
    """The largest classes one by one, the others together."""
    kept = min(CLASSES_MAX, len(names))
    folded = np.zeros((kept + 1, len(table)), np.int64)
    folded[:kept], folded[kept] = table[:kept], table[kept:].sum(axis=0)
    both = np.zeros((kept + 1, kept + 1), np.int64)
    both[:, :kept], both[:, kept] = folded[:, :kept], folded[:, kept:].sum(axis=1)
    shown = kept + 1 if both[kept].any() or both[:, kept].any() else kept
    return {"classes": [*names[:kept], OTHER][:shown], "counts": both[:shown, :shown].tolist()}


def _one_against_rest(table: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    hits = np.diagonal(table)
    return np.stack([hits, table.sum(axis=0) - hits, table.sum(axis=1) - hits], axis=1)


def _classes(names: Sequence[str], counts: np.ndarray[Any, np.dtype[np.int64]]) -> list[dict[str, Any]]:
    """Precision and recall of each class with their intervals, the most frequent label first; `counts` are TP, FP, FN."""
    lines = []
    for name, (hits, wrong, missed) in zip(names, counts.tolist(), strict=False):
        if hits or wrong or missed:
            said, true = hits + wrong, hits + missed
            lines.append({
                "class": name,
                "n": true,
                "predicted": said,
                "precision": _share(hits, said),
                "recall": _share(hits, true),
                "f1": 2 * hits / (said + true),
            })  # fmt: skip
    return sorted(lines, key=lambda line: (line["class"] == OTHER, -line["n"]))


def _share(part: int, whole: int) -> dict[str, Any]:
    if not whole:
        return {"value": None, "low": None, "high": None}
    low, high = wilson(part, whole)
    return {"value": part / whole, "low": low, "high": high}
