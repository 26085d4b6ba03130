"""Impact against what it estimates."""

import numpy as np

from monitor.alerts.causes.attributes import attributes_of
from monitor.alerts.causes.impact import impacts
from monitor.alerts.causes.numbers import errors_of
from monitor.alerts.causes.search import Side
from monitor.tiles.baseline import build_baseline
from monitor.tiles.rows import Rows
from tests.monitor.alerts.causes.populations import MODEL, population

BASE = population(np.random.default_rng(1), 20_000, wrong=lambda t: 0.3 * (t["city"] == "rome"))
BASELINE = build_baseline(BASE, MODEL, time_ordered=False)
ATTRIBUTES = attributes_of(BASELINE)


def side(rows: Rows) -> Side:
    return Side([a.codes(rows) for a in ATTRIBUTES], errors_of(rows, BASELINE.grids, MODEL))


def romans(rng: np.random.Generator, n: int, wrong: float) -> Rows:
    """A window in which three of four are from Rome, where the model is bad."""
    window = population(rng, 4 * n, wrong=lambda t: wrong * (t["city"] == "rome"))
    rome = window.columns["city"].values == "rome"
    return window.take(np.sort(np.concatenate([np.flatnonzero(rome)[: 3 * n // 4], np.flatnonzero(~rome)[: n // 4]])))


def test_the_feature_that_brings_the_error_ranks_first() -> None:
    """Its impact is the whole change of the error, within its interval; a feature that did not move has none."""
    window = romans(np.random.default_rng(2), 6_000, 0.3)
    found = impacts(ATTRIBUTES, side(window), side(BASE))
    error, before = side(window).values, side(BASE).values
    assert error is not None and before is not None
    change = float(error.mean() - before.mean())
    assert found[0].feature == "city"
    assert found[0].low > 0
    assert found[0].low - 0.02 < change < found[0].high + 0.02
    others = {one.feature: one for one in found[1:]}
    assert others["pay"].low < 0 < others["pay"].high


def test_impact_and_what_changed_within_are_the_whole_change() -> None:
    """For every feature, exactly, where all rows have a known value."""
    window = romans(np.random.default_rng(3), 4_000, 0.5)
    error, before = side(window).values, side(BASE).values
    assert error is not None and before is not None
    for one in impacts(ATTRIBUTES, side(window), side(BASE)):
        assert one.within is not None
        assert np.isclose(one.effect + one.within, error.mean() - before.mean(), atol=1e-9)


def test_the_interval_holds_nothing_where_nothing_moved() -> None:
    """Of 200 intervals at 95 % around no change at least 178 hold 0 (fails once in 10,000)."""
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(50):
        fresh = population(rng, 1_500, wrong=lambda t: 0.3 * (t["city"] == "rome"))
        held += sum(one.low <= 0 <= one.high for one in impacts(ATTRIBUTES, side(fresh), side(BASE)))
    assert held >= 178


def test_without_the_baselines_number_there_is_no_impact() -> None:
    """It is an undefined thing, not a nought."""
    codes = [a.codes(BASE) for a in ATTRIBUTES]
    assert impacts(ATTRIBUTES, Side(codes, None), Side(codes, None)) == ()
