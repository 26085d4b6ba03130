"""Labels that come late: estimates before them, groups judged once they are there, early ones corrected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.findings import Status
from monitor.tiles.delays import DelayTile, delay_cells
from monitor.tiles.encoding import decode_tileset
from monitor.tiles.rows import Column, Rows
from tests.monitor.jobs.house import MODEL, SECOND, House, closed, labelled, minute, population, truth_of

N = 400


MANY = 3_000


def window(number: int, n: int = N) -> Rows:
    return population(n, seed=300 + number, start_ns=minute(number), name=f"w{number}-")


def unfair(served: Rows, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Women who deserve a positive answer and get a negative one: positives of theirs are found less often."""
    ids, values = truth_of(served, seed=seed)
    women = served.columns["sex"].values == "f"
    refused = served.columns["yhat"].values == 0
    return ids, np.where(women & refused, 1, values.astype(int)).astype(object)


def ready(house: House, *, rows: int = 6_000, **keys: object) -> None:
    house.declare(groups=["sex"], **keys)
    house.baseline(labelled(population(rows, seed=1), seed=2), time_ordered=False)


def test_performance_is_estimated_when_the_window_closes(house: House) -> None:
    """Before any label, with its interval; when they come it is held against them."""
    ready(house)
    house.serve(window(0))
    house.at(closed(0))
    guess = house.findings("estimated_accuracy")
    whole = next(f for f in guess if f.slice is None)
    assert (whole.status, whole.n_window, whole.revision) == (Status.OK, N, 0)
    p = window(0).columns["p"].values.astype(float)
    assert whole.low is not None and whole.high is not None
    assert whole.low < np.maximum(p, 1 - p).mean() < whole.high
    assert {f.slice for f in guess} == {None, "sex=f", "sex=m"}
    assert house.findings("accuracy") == [] and house.findings("estimate_error") == []
    house.label(*truth_of(window(0), seed=5))
    house.at(closed(2))
    assert house.findings("accuracy")[0].revision == 1
    errors = {f.feature: f for f in house.findings("estimate_error")}
    assert errors.keys() >= {"accuracy", "roc_auc", "f1", "log_loss"}
    assert "inside" in (errors["accuracy"].reason or "")
    assert house.findings("estimate_inside_ratio")[0].n_window == N


def test_a_gap_that_labels_show_fires_once_when_they_come(house: House) -> None:
    """Answers are as even as ever, so nothing is told at the close; the labels tell it, once, and later windows do not again."""
    ready(house, rows=20_000)
    for number in range(6):
        house.serve(window(number, MANY))
        house.at(closed(number))
    assert ("fairness", "firing") not in house.transitions()
    for number in range(6):
        house.label(*unfair(window(number, MANY), seed=number))
        house.at(closed(6 + number))
    assert house.transitions().count(("fairness", "firing")) == 1
    told = next(t for t in house.catalog.transitions(MODEL) if t.kind.value == "fairness")
    assert told.revised and told.features[0].metric == "equal_opportunity_difference"
    house.restart()
    for number in range(6, 10):
        served = window(number, MANY)
        house.serve(served)
        house.label(*truth_of(served, seed=number))
        house.at(closed(number) + 8 * 60 * SECOND)
    assert house.transitions().count(("fairness", "firing")) == 1


def test_early_labels_are_corrected_where_a_declaration_says_when_they_are_complete(house: House) -> None:
    """Positives come at once, negatives late: the young window's accuracy counts each early negative for several."""
    ready(house, windows=[{"every": "1m", "lateness": "0s"}], estimation={"labels_complete_after": "20m"})

    def tell(number: int, *, positives: bool, share: float = 1.0) -> None:
        ids, values = truth_of(window(number), seed=number)
        chosen = (values.astype(int) == int(positives)) & (np.arange(N) < share * N)
        house.label(ids[chosen], values[chosen])

    for number in range(4):
        house.serve(window(number))
        house.at(minute(number + 1))
        tell(number, positives=True)
        tell(number, positives=False, share=0.25)
    house.at(minute(15))
    for number in range(4):
        ids, values = truth_of(window(number), seed=number)
        rest = (values.astype(int) == 0) & (np.arange(N) >= 0.25 * N)
        house.label(ids[rest], values[rest])
    house.at(minute(40))
    house.serve(window(40))
    house.at(minute(41))
    tell(40, positives=True)
    tell(40, positives=False, share=0.25)
    house.at(minute(43))
    found = next(f for f in house.findings("accuracy") if f.window.start_ns == minute(40))
    assert "corrected for labels to come" in (found.reason or "")
    data = house.catalog.tiles(MODEL, "1", house.windows()[-1].rule, found.window)
    assert data is not None
    delays = decode_tileset(data).delays
    assert delays is not None
    expected = delays.expected
    _, truth = truth_of(window(40), seed=40)
    assert expected[1] == np.count_nonzero(truth == 1)
    assert abs(expected[0] - np.count_nonzero(truth == 0)) < 0.25 * N
    complete = next(f for f in house.findings("accuracy") if f.window.start_ns == minute(0))
    assert "corrected" not in (complete.reason or "")


def delays_of_window(house: House, number: int) -> DelayTile:
    place = next(w for w in house.windows() if w.span.start_ns == minute(number))
    data = house.catalog.tiles(MODEL, "1", place.rule, place.span)
    assert data is not None
    found = decode_tileset(data).delays
    assert found is not None
    return found


def test_labels_of_recorded_rows_tell_no_delay(house: House) -> None:
    """Sent weeks after they were made, with their labels: when these were known nobody knows. Live ones beside them are measured."""
    weeks = 30 * 24 * 60
    ready(house)
    house.now_ns = minute(weeks)
    house.serve(window(0))
    house.label(*truth_of(window(0), seed=5))
    house.at(closed(weeks))
    recorded = delays_of_window(house, 0)
    assert (int(recorded.counts.sum()), recorded.undated) == (0, N)
    house.serve(window(weeks + 1))
    house.at(closed(weeks + 1))
    house.label(*truth_of(window(weeks + 1), seed=6))
    house.at(closed(weeks + 4))
    live = delays_of_window(house, weeks + 1)
    assert (int(live.counts.sum()), live.undated) == (N, 0)
    assert live.counts.sum(axis=0)[delay_cells(np.array([90 * SECOND]))[0]] > 0


def test_a_label_that_waited_for_its_prediction_came_when_it_came(house: House) -> None:
    """Not when its prediction was found; of a recorded prediction it tells no delay either."""
    ready(house)
    house.label(*truth_of(window(0), seed=5))
    house.serve(window(0))
    house.at(closed(30))
    cells = np.flatnonzero(delays_of_window(house, 0).counts.sum(axis=0))
    assert cells.tolist() == [0]
    weeks = 30 * 24 * 60
    house.at(minute(weeks))
    house.label(*truth_of(window(40), seed=7))
    house.serve(window(40))
    house.at(minute(weeks + 3))
    found = delays_of_window(house, 40)
    assert (int(found.counts.sum()), found.undated) == (0, N)


def test_nothing_is_estimated_where_it_is_switched_off(house: House) -> None:
    """Not even that there is nothing."""
    ready(house, estimation=False)
    house.serve(window(0))
    house.at(closed(0))
    assert house.findings("estimated_accuracy") == [] and house.findings("outside_support_ratio") == []


def test_a_window_without_the_score_says_so(house: House) -> None:
    """No data, with the reason; the rest of the window is measured."""
    ready(house)
    served = window(0)
    columns = {name: column for name, column in served.columns.items() if name not in ("p", "yhat")}
    house.serve(replace(served, columns=columns))
    house.at(closed(0))
    (found,) = house.findings("estimated_accuracy")
    assert found.status is Status.NO_DATA and "no score" in (found.reason or "")
    assert house.findings("missing_ratio")


def test_unusable_scores_are_not_counted(house: House) -> None:
    """Half of the scores are no probabilities: the estimate is of the other half, and says how many it missed."""
    ready(house)
    served = window(0)
    score = served.columns["p"].values.astype(float)
    score[::2] = 7.0
    house.serve(replace(served, columns={**served.columns, "p": Column(score)}))
    house.at(closed(0))
    found = next(f for f in house.findings("estimated_accuracy") if f.slice is None)
    assert (found.n_window, found.n_missing) == (N // 2, N // 2)
