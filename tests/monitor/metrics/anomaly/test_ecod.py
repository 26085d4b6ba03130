"""The frozen detector: what a row scores never depends on its company, and its p-values are honest."""

import numpy as np
import pytest
from scipy import stats

from monitor.definitions import Feature, MonitoredModel
from monitor.metrics.anomaly import ecod
from monitor.metrics.anomaly.tails import NumericTail
from monitor.tiles.freeze import freeze
from monitor.tiles.rows import Column, Rows

CITIES = np.array(["paris", "rome", "oslo"], object)


def rows_of(**columns: Column) -> Rows:
    n = len(next(iter(columns.values())))
    return Rows(
        np.arange(n, dtype=np.int64),
        np.array([f"p{i}" for i in range(n)], object),
        np.zeros(n, np.int32),
        np.ones(n, np.int32),
        columns,
    )


def drawn(n: int, seed: int, *, missing: float = 0.0) -> Rows:
    """A normal, a skewed and a discrete number and a category."""
    rng = np.random.default_rng(seed)
    return rows_of(
        x=Column(rng.standard_normal(n), rng.random(n) < missing if missing else None),
        pay=Column(rng.exponential(2.0, n)),
        count=Column(rng.poisson(3, n)),
        city=Column(rng.choice(CITIES, n, p=[0.6, 0.39, 0.01])),
    )


MODEL = MonitoredModel(
    "m",
    features=(
        Feature("x", "numeric"),
        Feature("pay", "numeric"),
        Feature("count", "numeric"),
        Feature("city", "categorical"),
    ),
)


def fitted(rows: Rows, model: MonitoredModel = MODEL) -> ecod.AnomalyModel:
    found = ecod.fit(rows, freeze(rows, model), model)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def detector() -> ecod.AnomalyModel:
    return fitted(drawn(4_000, 1))


def test_a_row_alone_scores_what_it_scores_in_a_batch(detector: ecod.AnomalyModel) -> None:
    """PyOD's ECOD gives one row 10.40 alone and 5.94 among 500 like it; ours cannot see its neighbours."""
    batch = drawn(500, 2)
    together = ecod.score(batch, detector)
    alone = [ecod.score(batch.take(slice(i, i + 1)), detector) for i in range(0, 500, 50)]
    assert [(s.scores[0], s.p[0]) for s in alone] == [(together.scores[i], together.p[i]) for i in range(0, 500, 50)]


def test_a_row_scores_the_same_among_500_copies_of_itself(detector: ecod.AnomalyModel) -> None:
    """A whole window of one odd row is a window of odd rows."""
    odd = rows_of(
        x=Column(np.full(500, 6.0)),
        pay=Column(np.full(500, 40.0)),
        count=Column(np.full(500, 3)),
        city=Column(np.full(500, "paris", object)),
    )
    assert np.ptp(ecod.score(odd, detector).scores) == 0
    assert (ecod.score(odd, detector).p <= 0.001).all()


def test_p_values_of_clean_rows_are_uniform(detector: ecod.AnomalyModel) -> None:
    """Fresh rows of the baseline's law: Kolmogorov and Smirnov, on two samples because calibration rows are one too."""
    p = ecod.score(drawn(4_000, 3), detector).p
    calibration = detector.calibration.n
    effective = calibration * len(p) / (calibration + len(p))
    assert stats.kstwobign.sf(stats.kstest(p, "uniform").statistic * np.sqrt(effective)) > 0.01


@pytest.mark.parametrize("level", [0.001, 0.01, 0.1])
def test_clean_rows_are_flagged_at_most_as_often_as_asked(level: float) -> None:
    """Over many baselines the share of clean rows at or under a level is that level (PyOD's predict flags 10 %)."""
    shares = [np.mean(ecod.score(drawn(1_000, 100 + s), fitted(drawn(3_000, s))).p <= level) for s in range(20)]
    assert np.mean(shares) <= level * 1.25 + 0.0003


def test_a_missing_value_the_baseline_never_had_is_as_odd_as_its_extreme(detector: ecod.AnomalyModel) -> None:
    """A NaN row gets a low score from PyOD; ours counts NaN as a category of its own, here one never seen."""
    plain = drawn(2, 4)
    x = plain.columns["x"].values.copy()
    x[0] = np.nan
    broken = rows_of(**{**plain.columns, "x": Column(x)})
    surprise = ecod.contributions(broken, detector)[0, 0]
    assert surprise == pytest.approx(np.log(detector.fitted + 1))
    assert ecod.score(broken, detector).scores[0] > ecod.score(plain, detector).scores[0]


def test_null_and_nan_are_the_same_missing(detector: ecod.AnomalyModel) -> None:
    """However a client spells it, missing is missing."""
    plain = drawn(1, 4)
    null = rows_of(**{**plain.columns, "x": Column(np.zeros(1), np.array([True]))})
    nan = rows_of(**{**plain.columns, "x": Column(np.array([np.nan]))})
    assert ecod.score(null, detector).scores[0] == ecod.score(nan, detector).scores[0]


def test_a_missing_value_that_is_common_in_the_baseline_is_not_odd() -> None:
    """Where 40 % are missing, a missing value says little."""
    detector = fitted(drawn(4_000, 5, missing=0.4))
    window = drawn(100, 6)
    gone = rows_of(**{**window.columns, "x": Column(np.zeros(100), np.ones(100, np.bool_))})
    assert ecod.contributions(gone, detector)[0, 0] == pytest.approx(-np.log(0.4), abs=0.1)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e308, -1e308])
def test_extreme_numbers_score_as_the_most_extreme_tail(detector: ecod.AnomalyModel, value: float) -> None:
    """Infinities order like numbers and never become NaN."""
    rows = rows_of(**{**drawn(1, 4).columns, "x": Column(np.array([value]))})
    assert ecod.contributions(rows, detector)[0, 0] == pytest.approx(np.log(detector.fitted + 1))


def test_a_new_category_is_as_odd_as_can_be(detector: ecod.AnomalyModel) -> None:
    """A name the baseline never had has the smallest tail probability."""
    rows = rows_of(**{**drawn(1, 4).columns, "city": Column(np.array(["atlantis"], object))})
    assert ecod.contributions(rows, detector)[0, 3] == pytest.approx(np.log(detector.fitted + 1))


def test_rarer_categories_surprise_more(detector: ecod.AnomalyModel) -> None:
    """paris (60 %), rome (39 %), oslo (1 %): in that order, and the commonest not at all."""
    rows = rows_of(**{**drawn(3, 4).columns, "city": Column(CITIES)})
    paris, rome, oslo = ecod.contributions(rows, detector)[:, 3]
    assert paris == 0 and 0.7 < rome < 1.2 and oslo > 3.5


def test_the_commonest_value_of_a_discrete_number_does_not_surprise() -> None:
    """A tie is inside both tails: 0 of a flag that is 0 in 99 % of rows is ordinary, 1 is odd."""
    rng = np.random.default_rng(8)
    model = MonitoredModel("m", features=(Feature("flag", "numeric"),))
    detector = fitted(rows_of(flag=Column((rng.random(2_000) < 0.01).astype(np.int64))), model)
    common, rare = ecod.contributions(rows_of(flag=Column(np.array([0, 1]))), detector)[:, 0]
    assert common < 0.02 and rare > 3.5


def test_contributions_add_up_to_the_score(detector: ecod.AnomalyModel) -> None:
    """The score is the sum of what the features add."""
    rows = drawn(200, 9)
    np.testing.assert_allclose(ecod.contributions(rows, detector).sum(axis=1), ecod.score(rows, detector).scores)


def test_a_feature_missing_from_the_whole_window_is_left_out_and_named(detector: ecod.AnomalyModel) -> None:
    """A dropped column is a matter of quality: it makes no single row odd."""
    rows = drawn(300, 10)
    rest = rows_of(**{name: c for name, c in rows.columns.items() if name != "pay"})
    found = ecod.score(rest, detector)
    assert found.absent == ("pay",)
    assert (found.p >= ecod.score(rows, detector).p).all()


def test_the_same_rows_in_another_order_give_the_same_detector() -> None:
    """The split is drawn from the content of the canonical order."""
    rows = drawn(500, 11)
    shuffled = rows.take(np.random.default_rng(0).permutation(500))
    again = fitted(shuffled)
    probe = drawn(50, 12)
    assert ecod.score(probe, fitted(rows)).scores.tolist() == ecod.score(probe, again).scores.tolist()


def test_compressed_tails_stay_within_one_per_cent() -> None:
    """A large baseline keeps about 2,000 order statistics; no tail probability is off by more than 1 %, nor overstated."""
    x = np.random.default_rng(13).standard_normal(200_000)
    model = MonitoredModel("m", features=(Feature("x", "numeric"),))
    detector = fitted(rows_of(x=Column(x)), model)
    tail = detector.tails["x"]
    assert isinstance(tail, NumericTail) and len(tail.knots) <= 2_048
    half = np.sort(x[:100_000])
    frozen = NumericTail.of(Column(half))
    probe = np.random.default_rng(14).standard_normal(5_000)
    left = (np.searchsorted(half, probe, "right") + 1) / (len(half) + 1)
    right = (len(half) - np.searchsorted(half, probe, "left") + 1) / (len(half) + 1)
    exact = -np.log(np.minimum(left, right))
    difference = exact - frozen.surprises(Column(probe))
    assert difference.min() >= -1e-12 and difference.max() <= 0.0101


def test_too_few_rows_give_no_detector() -> None:
    """A baseline of a few rows has no tails to speak of."""
    rows = drawn(ecod.ROWS_MIN - 1, 15)
    assert ecod.fit(rows, freeze(rows, MODEL), MODEL) is None


def test_texts_vectors_and_timestamps_are_not_scored() -> None:
    """Without a scorable feature there is no detector."""
    model = MonitoredModel("m", features=(Feature("when", "timestamp"), Feature("e", "vector", 3)))
    rng = np.random.default_rng(16)
    rows = rows_of(when=Column(np.arange(100)), e=Column(rng.standard_normal((100, 3)).astype(np.float32)))
    assert ecod.fit(rows, freeze(rows, model), model) is None


def test_a_column_of_the_wrong_type_counts_as_missing(detector: ecod.AnomalyModel) -> None:
    """A name where a number should be cannot be placed in the tails."""
    rows = rows_of(**{**drawn(1, 4).columns, "x": Column(np.array(["broken"], object))})
    assert ecod.contributions(rows, detector)[0, 0] == pytest.approx(np.log(detector.fitted + 1))


def test_a_vector_where_a_number_is_due_counts_as_missing(detector: ecod.AnomalyModel) -> None:
    """A client that sends [n, 2] for a feature is scored, not crashed on."""
    rows = rows_of(**{**drawn(2, 4).columns, "x": Column(np.zeros((2, 2), np.float32))})
    assert ecod.contributions(rows, detector)[0, 0] == pytest.approx(np.log(detector.fitted + 1))


def test_a_feature_that_the_baseline_never_had_a_value_of_makes_any_value_odd() -> None:
    """All missing in the baseline: missing is ordinary, a number is not."""
    rows = drawn(200, 19)
    gone = rows_of(**{**rows.columns, "x": Column(np.full(200, np.nan))})
    detector = ecod.fit(gone, freeze(rows, MODEL), MODEL)
    assert detector is not None
    assert ecod.contributions(gone, detector)[0, 0] == 0
    assert ecod.contributions(rows, detector)[0, 0] == pytest.approx(np.log(detector.fitted + 1))


def test_no_rows_give_no_scores(detector: ecod.AnomalyModel) -> None:
    """An empty window is answered with an empty tile."""
    empty = drawn(10, 4).take(slice(0, 0))
    found = ecod.score(empty, detector)
    assert ecod.tile(found, detector, 0.001).scored == 0


def test_tiles_of_parts_merge_to_the_counts_of_the_whole(detector: ecod.AnomalyModel) -> None:
    """Scores do not depend on the batch, so neither do the tile's counts (the discoveries are a window's own)."""
    rows = drawn(1_000, 17)
    whole = ecod.tile(ecod.score(rows, detector), detector, 0.01)
    parts = [ecod.tile(ecod.score(rows.take(s), detector), detector, 0.01) for s in (slice(0, 300), slice(300, 1_000))]
    merged = parts[0].merge(parts[1])
    assert (merged.scored, merged.anomalous) == (whole.scored, whole.anomalous)
    assert merged.p_counts.tolist() == whole.p_counts.tolist()


def test_a_small_baseline_lifts_the_level_to_what_it_can_resolve() -> None:
    """With 50 calibration rows no p is under 1/51: that is the level, and it is reached."""
    detector = fitted(drawn(100, 18))
    odd = rows_of(**{**drawn(1, 4).columns, "x": Column(np.array([99.0])), "pay": Column(np.array([99.0]))})
    found = ecod.score(odd, detector)
    assert detector.level(0.001) == pytest.approx(1 / 51)
    assert ecod.tile(found, detector, 0.001).anomalous == 1
