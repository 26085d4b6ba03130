"""Data that no metric was made for: each case leaves a status with a reason where it stands, and the others go on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitor.definitions import MonitoredModel
from monitor.findings import Finding, Status
from monitor.ports import FindingQuery
from monitor.tiles.categorical import CATEGORIES_MAX
from monitor.tiles.rows import Column, Rows
from tests.monitor.jobs.house import MODEL, SECOND, START, House, closed, labelled, minute, population

SILENT = {Status.NO_DATA, Status.UNDEFINED}
N = 300
DAY = 86_400 * SECOND


def before(n: int = 2_000) -> Rows:
    """A sound baseline of the day before."""
    return labelled(population(n, seed=1, start_ns=START - DAY), seed=2)


def served(**columns: Any) -> Rows:
    """The rows of the first window, with some columns otherwise."""
    made = population(N, seed=3)
    odd = {name: Column(np.asarray(values)) for name, values in columns.items()}
    return replace(made, columns={**made.columns, **odd})


def judged(house: House, baseline: Rows, window: Rows, **keys: Any) -> list[Finding]:
    """What is found in the first window, with every metric measured; whatever comes, a value stands within its interval."""
    house.declare(metrics="all", **keys)
    house.baseline(baseline)
    house.serve(window)
    house.at(closed(0))
    found = house.store.find_findings(house.catalog.segments("measurements", MODEL), FindingQuery())
    for one in found:
        if one.value is None:
            assert one.reason, one
        else:
            assert one.low is not None and one.high is not None and one.low <= one.value <= one.high, one
    return found


def statuses(found: list[Finding], feature: str) -> dict[str, Status]:
    return {one.metric: one.status for one in found if one.feature == feature}


def sound(found: list[Finding], feature: str = "sex") -> bool:
    """Whether another column is measured all the same."""
    return statuses(found, feature)["js_distance"] not in SILENT


@pytest.mark.parametrize("side", ["baseline", "window"])
def test_a_constant_column_has_distances_or_reasons(house: House, side: str) -> None:
    """Nothing can be divided by its spread; what needs none is measured."""
    base, now = before(), served()
    target = base if side == "baseline" else now
    target.columns["age"].values[:] = 40.0
    found = judged(house, base, now)
    wasserstein = next(f for f in found if (f.metric, f.feature) == ("wasserstein_normalized", "age"))
    if side == "baseline":
        assert wasserstein.status is Status.UNDEFINED and wasserstein.reason
    assert statuses(found, "age")["ks_statistic"] not in SILENT
    assert sound(found)


@pytest.mark.parametrize("empty", [np.full(N, np.nan), np.full(N, np.inf), np.full(N, "no number", object)])
def test_a_column_without_a_usable_number_is_undefined(house: House, empty: np.ndarray) -> None:
    """All NaN, all infinite, all of another type: the same words, and the missing ratio is 1."""
    found = judged(house, before(), served(age=empty))
    of_age = {f.metric: f for f in found if f.feature == "age"}
    assert of_age["js_distance"].status is Status.UNDEFINED and of_age["js_distance"].n_missing == N
    assert of_age["missing_ratio"].value == 1.0
    assert sound(found)


@pytest.mark.parametrize("column", ["age", "sex"])
def test_a_column_that_is_all_null_is_undefined(house: House, column: str) -> None:
    """Nulls have no value, whatever lies under them."""
    now = served()
    now.columns[column].values[:] = now.columns[column].values[0]  # type: ignore[index]
    now = replace(now, columns={**now.columns, column: Column(now.columns[column].values, np.ones(N, np.bool_))})
    found = judged(house, before(), now)
    assert statuses(found, column)["js_distance"] is Status.UNDEFINED
    assert sound(found, "age" if column == "sex" else "sex")


def test_a_baseline_column_that_is_all_missing_says_so(house: House) -> None:
    """There is nothing to compare with; its missing ratio is still known."""
    base = before()
    base.columns["age"].values[:] = np.nan
    found = judged(house, base, served())
    assert statuses(found, "age")["js_distance"] in SILENT and sound(found)
    assert statuses(found, "age")["missing_ratio"] not in SILENT


def test_a_window_without_rows_is_no_data(house: House) -> None:
    """Before the next that has some: told, without a number."""
    house.declare(metrics="all")
    house.baseline(before())
    house.serve(population(N, seed=3))
    house.serve(population(N, seed=4, start_ns=minute(2), name="later"))
    house.at(closed(2))
    assert [w.status is Status.NO_DATA for w in house.windows()] == [False, True, False]
    assert all(f.value is None and f.reason for f in house.findings("js_distance") if f.window.start_ns == minute(1))


def test_one_row_is_measured_and_too_little_for_a_verdict(house: House) -> None:
    """Values with wide intervals, or a reason; nothing is warned of."""
    found = judged(house, before(), served().take(slice(0, 1)))
    assert {f.status for f in found} & {Status.WARNING, Status.CRITICAL} == set()
    assert statuses(found, "age")["js_distance"] is Status.INSUFFICIENT_DATA
    assert house.transitions() == []


@pytest.mark.parametrize("side", ["baseline", "window", "both"])
@pytest.mark.parametrize("spread", ["two values", "many"])
def test_numbers_near_the_largest_double_are_counted_and_have_no_mean(house: House, side: str, spread: str) -> None:
    """Their differences are more than a double holds: what counts is measured, what sums says why it cannot be."""
    rng = np.random.default_rng(6)
    huge = np.where(rng.random(2_000) < 0.5, 1.7, -1.7) if spread == "two values" else rng.uniform(-1.7, 1.7, 2_000)
    base, now = before(), served()
    if side != "window":
        base = replace(base, columns={**base.columns, "age": Column(huge * 1e308)})
    if side != "baseline":
        now = served(age=huge[:N] * 1e308)
    found = judged(house, base, now)
    about = {f.metric: f for f in found if f.feature == "age"}
    assert about["js_distance"].value is not None and about["ks_statistic"].value is not None
    assert about["mean_shift"].reason == "the values are too large for the arithmetic of doubles"
    assert sound(found)
    entry = house.catalog.model(MODEL)
    assert entry is not None and entry.proposal is not None


def test_infinities_enter_no_sum(house: House) -> None:
    """They are counted by themselves, and the rest of the column is measured without them."""
    age = np.where(np.arange(N) % 3 == 0, np.inf, population(N, seed=3).columns["age"].values.astype(float))
    found = judged(house, before(), served(age=age))
    of_age = {f.metric: f for f in found if f.feature == "age"}
    assert of_age["infinite_ratio"].value == pytest.approx(1 / 3)
    assert of_age["mean_shift"].n_window == 200 and of_age["mean_shift"].value is not None


def test_mixed_types_are_read_as_what_they_spell(house: House) -> None:
    """A column that came as numbers, texts and nulls is a column of texts: those that spell numbers count as numbers."""
    age = Column(
        np.array([["41.5", "40", "forty", "", "1e400", "nan"][i % 6] for i in range(N)], object), np.arange(N) % 6 == 3
    )
    sex = Column(np.array([["1", "f", "", "2.5"][i % 4] for i in range(N)], object), np.arange(N) % 4 == 2)
    now = served()
    found = judged(house, before(), replace(now, columns={**now.columns, "age": age, "sex": sex}))
    of_age = {f.metric: f for f in found if f.feature == "age"}
    assert of_age["js_distance"].n_window == N // 3 and of_age["js_distance"].n_missing == 2 * N // 3
    assert (of_age["infinite_ratio"].value, of_age["nan_ratio"].value) == (pytest.approx(1 / 6), pytest.approx(1 / 6))
    assert next(f.value for f in found if (f.metric, f.feature) == ("unseen_ratio", "sex")) == pytest.approx(2 / 3)


def test_a_column_of_identifiers_is_bounded(house: House) -> None:
    """A hundred times as many categories as are kept, in the baseline and in the window: the others are measured."""
    n = 100 * CATEGORIES_MAX
    base = before(n)
    base = replace(base, columns={**base.columns, "sex": Column(np.array([f"b{i}" for i in range(n)], object))})
    found = judged(house, base, served(sex=np.array([f"w{i}" for i in range(N)], object)), checks={"anomaly": False})
    assert sound(found, "age")
    assert next(f.value for f in found if (f.metric, f.feature) == ("unseen_ratio", "sex")) == 1.0
    entry = house.catalog.baseline(MODEL)
    assert entry is not None and len(entry.profile) < 1024**2


def test_a_group_without_positives_is_neither_fair_nor_unfair(house: House) -> None:
    """Rates of no rows are undefined for the group; what needs no positives is measured of it."""
    house.declare(metrics="all", groups=["sex"])
    house.baseline(before())
    now = population(N, seed=3)
    house.serve(now)
    ids = np.array(now.prediction_ids(), object)
    positive = (now.columns["sex"].values == "m") & (np.arange(N) % 2 == 0)
    house.label(ids, np.array(positive.astype(int).tolist(), object))
    house.at(closed(0))
    entry = house.catalog.segments("measurements", MODEL)
    found = {f.metric: f for f in house.store.find_findings(entry, FindingQuery()) if f.slice in ("sex=f", "sex=m")}
    for metric in ("equal_opportunity_difference", "odds_difference", "average_odds_difference"):
        assert found[metric].status is Status.UNDEFINED and found[metric].reason
    assert found["accuracy_difference"].value is not None and found["parity_difference"].value is not None


def test_labels_of_other_predictions_wait_and_change_nothing(house: House) -> None:
    """They are told as unknown; the window has no labels, and its inputs are judged."""
    house.declare()
    house.baseline(before())
    house.serve(population(N, seed=3))
    told = house.label(np.array([f"other{i}" for i in range(50)], object), np.array([1] * 50, object))
    assert (told.accepted, told.unknown) == (50, 50)
    house.at(closed(0))
    (window,) = house.windows()
    assert window.labelled == 0 and window.status is Status.OK
    assert all(f.status is Status.NO_DATA for f in house.findings("accuracy"))


def test_a_window_inside_the_baseline_says_that_it_is_compared_with_itself(house: House) -> None:
    """It is measured, and its reason warns of what the comparison is worth; the next one has none."""
    house.declare()
    house.baseline(labelled(population(2_000, seed=1, seconds=50.0), seed=2))
    for i in range(2):
        house.serve(population(N, seed=3 + i, start_ns=minute(i), name=f"w{i}"))
    house.at(closed(1))
    first, second = house.windows()
    assert "baseline" in (first.reason or "") and second.reason is None


def test_rows_of_a_clock_that_runs_ahead_close_no_window_early(house: House) -> None:
    """A sender an hour ahead: windows go on by our clock, and its rows are looked at when their time has come."""
    house.declare()
    house.baseline(before())
    house.serve(population(N, seed=3))
    house.serve(population(N, seed=4, start_ns=minute(60), name="ahead"))
    house.at(closed(0))
    assert [(w.span.start_ns, w.n_window) for w in house.windows()] == [(minute(0), N)]
    house.at(closed(60))
    assert [w.n_window for w in house.windows() if w.span.start_ns == minute(60)] == [N]


def test_rows_of_a_clock_that_runs_behind_revise_their_window(house: House) -> None:
    """A sender two minutes behind: what it says of the past is measured there, and moves no alert."""
    house.declare()
    house.baseline(before())
    for i in range(3):
        house.serve(population(N, seed=3 + i, start_ns=minute(i), name=f"w{i}"))
    house.at(closed(2))
    house.serve(population(50, seed=9, start_ns=minute(0), name="behind", shift=30.0))
    house.at(closed(2) + SECOND)
    assert [(w.n_window, w.revision) for w in house.windows()] == [(N + 50, 1), (N, 0), (N, 0)]
    assert house.transitions() == []


@pytest.mark.parametrize("stray", [0, START - 3_000 * DAY])
def test_a_row_of_long_ago_holds_up_no_window(house: House, stray: int) -> None:
    """A clock at 1970, or years behind, before any window was closed: millions of empty windows lie between, and none is walked."""
    house.declare()
    house.baseline(before())
    house.serve(population(1, seed=8, start_ns=stray, name="stray"))
    house.serve(population(N, seed=3))
    house.at(closed(0))
    assert (minute(0), N) in [(w.span.start_ns, w.n_window) for w in house.windows()]
    assert len(house.windows()) <= 12


def test_a_row_of_the_far_future_waits_and_costs_nothing(house: House) -> None:
    """Years ahead: its window is never due, the others are."""
    house.declare()
    house.baseline(before())
    house.serve(population(1, seed=8, start_ns=START + 30_000 * DAY, name="stray"))
    for i in range(2):
        house.serve(population(N, seed=3 + i, start_ns=minute(i), name=f"w{i}"))
    house.at(closed(1))
    assert [w.n_window for w in house.windows()] == [N, N]


def test_a_model_is_known_by_its_declaration_after_all_this(house: House) -> None:
    """Odd data change no declaration."""
    model = house.declare()
    house.baseline(before())
    house.serve(served(age=np.full(N, "x", object), extra=np.arange(N)))
    house.at(closed(0))
    entry = house.catalog.model(MODEL)
    assert isinstance(model, MonitoredModel) and entry is not None and entry.declaration == model


STAMPS = {"age": "numeric", "sex": "categorical", "when": "timestamp"}
DAYS = np.array([f"2026-11-{1 + i % 28:02}T{i % 24:02}:00:00Z" for i in range(2_000)], object)
NO_TIMES = np.array(
    ["not a time", None, "nan", "inf", "-1e300", "1e30", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "True", "", "2026-13-45", "25:61:61+99:99"],
    object,
)  # fmt: skip


def timed(rows: Rows, values: np.ndarray) -> Rows:
    column = np.empty(len(rows), object)
    column[:] = [values[i % len(values)] for i in range(len(rows))]
    return replace(rows, columns={**rows.columns, "when": Column(column)})


@pytest.mark.parametrize("side", ["baseline", "window", "both"])
def test_timestamps_that_are_none_have_reasons(house: House, side: str) -> None:
    """Texts, numbers beyond any calendar, truths: what is no time is missing, the year 1 and the year 9999 are times like any other."""
    base = timed(before(), DAYS if side == "window" else NO_TIMES)
    now = timed(served(), DAYS if side == "baseline" else NO_TIMES)
    found = judged(house, base, now, features=STAMPS)
    missing = next(f for f in found if (f.metric, f.feature) == ("missing_ratio", "when"))
    assert missing.value is not None and (missing.value > 0.5 if side != "baseline" else missing.value == 0.0)
    about = [f for f in found if f.feature is not None and f.feature.startswith("when.")]
    assert all(f.reason for f in about if f.value is None)
    assert side != "window" or about
    assert sound(found) and sound(found, "age")


def test_a_timestamp_column_without_a_single_time_is_only_missing(house: House) -> None:
    """Nothing is described where nothing is a time; one row's time in a baseline of two kinds neither."""
    found = judged(house, timed(before(), DAYS), timed(served(), np.array(["never", None], object)), features=STAMPS)
    about = {f.metric: f for f in found if f.feature is not None and f.feature.startswith("when.")}
    assert about and all(f.status in SILENT and f.reason for f in about.values() if f.metric == "js_distance")
    assert next(f for f in found if (f.metric, f.feature) == ("missing_ratio", "when")).value == 1.0
    assert sound(found)


WHOLE = ("correlation_max_z", "correlation_matrix_distance", "domain_classifier_auc")
"""What looks at all features at once."""


@pytest.mark.parametrize("case", ["names", "garbage", "constant", "missing", "infinite"])
def test_what_looks_at_all_features_at_once_outlives_any_one_of_them(house: House, case: str) -> None:
    """A column of a name a row, of every type, of one value, of none, of infinities: one value or a reason each, and
    the pairs of the others are measured."""
    base, n = before(), N
    odd: dict[str, np.ndarray] = {
        "names": np.array([f"id-{i}" for i in range(n)], object),
        "garbage": np.array(["1", "", None, "nan", "x", "1e999", "True", "-0"] * (n // 8) + ["0"] * (n % 8), object),
        "constant": np.full(n, 7.0),
        "missing": np.full(n, np.nan),
        "infinite": np.where(np.arange(n) % 2, np.inf, -np.inf),
    }
    rng = np.random.default_rng(4)
    extra = {"odd": Column(rng.normal(size=len(base))), "size": Column(rng.normal(size=len(base)))}
    now = replace(served(), columns={**served().columns, "odd": Column(odd[case]), "size": Column(rng.normal(size=n))})
    base = replace(base, columns={**base.columns, **extra})
    kinds = {"age": "numeric", "sex": "categorical", "size": "numeric", "odd": "numeric"}
    found = judged(house, base, now, features=kinds)
    whole = {f.metric: f for f in found if f.metric in WHOLE}
    assert set(whole) == set(WHOLE)
    assert all(f.value is not None for f in whole.values()), {m: f.reason for m, f in whole.items()}
    pairs = {f.feature: f for f in found if f.metric in ("correlation_distance", "association_distance")}
    assert pairs["age~size"].value is not None and pairs["age~sex"].value is not None
    assert sound(found)


def test_pairs_with_a_column_of_identifiers_stay_few_and_told(house: House) -> None:
    """Two hundred thousand names in the baseline, others in the window: eight levels of a table, and a reason."""
    base = before(200_000)
    names = np.array([f"id-{i}" for i in range(200_000)], object)
    base = replace(base, columns={**base.columns, "code": Column(names)})
    now = served(code=np.array([f"new-{i}" for i in range(N)], object))
    house.declare(
        metrics=["association_distance", *WHOLE],
        features={"age": "numeric", "sex": "categorical", "code": "categorical"},
    )
    house.baseline(base)
    house.serve(now)
    house.at(closed(0))
    found = {f.feature: f for f in house.findings("association_distance")}
    assert found["age~code"].status in SILENT and found["age~code"].reason
    assert found["age~sex"].value is not None
    entry = house.catalog.baseline(MODEL)
    assert entry is not None and len(entry.profile) < 4_000_000
