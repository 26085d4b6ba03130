"""What is asked of another library about one window, and what is told where it cannot say."""

from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from monitor.errors import Unavailable
from monitor.findings import Measurement, Span, Status, Value
from monitor.jobs.second_opinion import Question, SecondOpinions
from tests.monitor.jobs.house import MODEL, House, minute, population


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.close()


def told(answer) -> Future[list[Measurement]]:
    future: Future[list[Measurement]] = Future()
    future.set_exception(answer) if isinstance(answer, Exception) else future.set_result(answer)
    return future


def question(house: House, **changed) -> Question:
    entry = house.catalog.baseline(MODEL)
    assert entry is not None
    span = Span(minute(0), minute(1))
    return replace(Question(MODEL, "1", "1m", span, entry.id, of_rows=True, of_labels=False), **changed)


@pytest.fixture
def served(house: House) -> House:
    """A baseline and one window of fifty rows, of a model that asks for one mean and one thing of labels."""
    house.declare(evidently=["MeanValue", "Accuracy"])
    house.baseline(population(600, seed=1, name="b"))
    house.serve(population(50, seed=2))
    return house


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (TimeoutError("took longer than 60 s"), "Evidently took longer than 60 s"),
        (ValueError("no such column"), "Evidently failed: ValueError: no such column"),
    ],
)
def test_a_failure_is_told_with_its_reason(served: House, failure: Exception, reason: str) -> None:
    """One line for each that was asked for, with the counts that are known."""
    opinions = SecondOpinions(served.catalog, served.store, lambda *_: told(failure))
    said = opinions.on(question(served))
    assert said is not None
    (one,) = said
    assert one.metric == "evidently_mean"
    assert one.value == Value(None, n_baseline=600, n_window=50, status=Status.UNDEFINED, reason=reason)


def test_where_its_process_died_there_is_no_answer_yet(served: House) -> None:
    """It may be asked again, and nothing is said of the window."""
    opinions = SecondOpinions(served.catalog, served.store, lambda *_: told(Unavailable("worker process", "it died")))
    assert opinions.on(question(served)) is None


def test_what_is_not_there_to_ask_about_is_told(served: House) -> None:
    """Rows past their retention, a baseline that was replaced, a model that asks for nothing (any more)."""
    opinions = SecondOpinions(served.catalog, served.store, lambda *_: told([]))
    (gone,) = opinions.on(question(served, span=Span(minute(7), minute(8)))) or ()
    assert gone.value.status is Status.NO_DATA and gone.value.reason == "the window's rows are past their retention"
    (replaced,) = opinions.on(question(served, baseline="older")) or ()
    assert replaced.value.reason == "the baseline has been replaced since the window closed"
    served.declare()
    assert opinions.on(question(served)) == ()
    assert opinions.on(question(served, model="nobody")) == ()


def test_rows_that_cannot_be_read_cost_the_answer_alone(served: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged segment is a reason, not the end of the desk."""

    def broken(*_: object, **__: object) -> None:
        raise OSError("bad sector")

    opinions = SecondOpinions(served.catalog, served.store, lambda *_: told([]))
    monkeypatch.setattr(type(served.store), "read_rows", broken)
    (one,) = opinions.on(question(served)) or ()
    assert one.value.reason == "Evidently could not be asked: OSError: bad sector"


def test_large_windows_are_sampled_before_they_are_handed_over(served: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how many rows there were is told with them."""
    monkeypatch.setattr("monitor.jobs.second_opinion.ROWS_MAX", 100)
    handed = []
    opinions = SecondOpinions(served.catalog, served.store, lambda *asked: handed.append(asked) or told([]))
    served.serve(population(250, seed=3, name="more"))
    opinions.on(question(served, of_labels=True))
    reference, rows, _, names, of = handed[0]
    assert (len(reference), len(rows), names, of) == (100, 100, ["MeanValue", "Accuracy"], 300)
    assert np.isin(rows.id, [*population(50, seed=2).id, *population(250, seed=3, name="more").id]).all()
