"""What a model is asked to do, told by its declaration."""

import pytest

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.tiles.task import positive_of, task_of


@pytest.mark.parametrize(
    ("model", "classes", "task"),
    [
        (MonitoredModel("m"), (), None),
        (MonitoredModel("m", task="ranking", prediction=Prediction(score="p")), (), "ranking"),
        (MonitoredModel("m", prediction=Prediction(score="p")), (), "binary"),
        (MonitoredModel("m", prediction=Prediction(value="v")), (), "regression"),
        (MonitoredModel("m", prediction=Prediction(class_="c")), ("0", "1"), "binary"),
        (MonitoredModel("m", prediction=Prediction(class_="c")), ("a", "b"), "multiclass"),
        (MonitoredModel("m", prediction=Prediction(class_="c"), label=Label("y", "a")), ("a", "b"), "binary"),
        (MonitoredModel("m", prediction=Prediction(class_="c")), ("0", "1", "2"), "multiclass"),
    ],
)
def test_the_prediction_tells_the_task(model: MonitoredModel, classes: tuple[str, ...], task: str | None) -> None:
    """Unless it is declared."""
    assert task_of(model, classes) == task


def test_the_positive_label_is_compared_in_canonical_form() -> None:
    """1 and 1.0 and "1" are one."""
    assert {positive_of(MonitoredModel("m", label=Label("y", v))) for v in (1, 1.0, "1")} == {"1"}
    assert positive_of(MonitoredModel("m")) == "1"
