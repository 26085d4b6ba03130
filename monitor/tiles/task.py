"""What a model is asked to do, where its declaration does not say so: told by the columns of its prediction."""

from __future__ import annotations

from collections.abc import Sequence

from collectors.records.categories import canonical_category
from monitor.definitions import MonitoredModel, Task


def task_of(model: MonitoredModel, classes: Sequence[str] = ()) -> Task | None:
    """The declared task, else the one its prediction tells; None for a model without a declared prediction.

    A score means binary and a value regression. A class alone means multiclass, unless the baseline's `classes` are at
    most two and the positive label is one of them.
    """
    if model.task is not None:
        return model.task
    if model.prediction.value is not None:
        return "regression"
    if model.prediction.score is not None:
        return "binary"
    if model.prediction.class_ is None:
        return None
    return "binary" if len(classes) <= 2 and positive_of(model) in classes else "multiclass"


def positive_of(model: MonitoredModel) -> str | None:
    """The positive label in canonical form."""
    return canonical_category(model.label.positive if model.label is not None else 1)
