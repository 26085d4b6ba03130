"""One look: findings with their statuses, evidence by kind."""

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.null_calibration.streams import baseline_of, tile_of
from monitor.alerts.budget import Plan, families_present
from monitor.alerts.judging import judge
from monitor.definitions import BaselineRule, Check, MonitoredModel
from monitor.findings import AlertKind, Measurement, Span, Status, Value
from monitor.metrics.registry import measure
from monitor.tiles.tileset import DesignEffects, TileSet

MODEL = MonitoredModel("m")
SPAN = Span(0, 300 * 10**9)


class Look:
    """A baseline of normal features and one window against it."""

    def __init__(self, features=5, rows=5_000, seed=1):
        self.rng = np.random.default_rng(seed)
        self.names = [f"f{i}" for i in range(features)]
        self.baseline = baseline_of({name: self.rng.normal(size=rows) for name in self.names}, time_ordered=True)

    def window(self, n, **shifts):
        grids = self.baseline.grids.features
        return TileSet(n, {f: tile_of(grids[f], self.rng.normal(size=n) + shifts.get(f, 0.0)) for f in self.names})

    def judged(self, tiles, model=MODEL, trailing=None, measurements=None, plan=None):
        families = families_present(model, self.baseline)
        return judge(
            model=model,
            version="1",
            window=SPAN,
            tiles=tiles,
            trailing=trailing or {1: tiles},
            baseline=self.baseline,
            plan=plan or Plan.of(model, families, looks_per_month=8_640),
            measurements=list(measure(self.baseline, tiles, model)) if measurements is None else measurements,
        )


def statuses(judgement, metric):
    return {f.feature: f.status for f in judgement.findings if f.metric == metric}


def with_tolerance(kind, **limits):
    return MonitoredModel("m", checks={kind: Check(tolerance=limits)})


def test_every_measurement_becomes_one_finding_in_its_order():
    """Nothing is added, dropped or reordered, and each names its baseline and window."""
    look = Look()
    tiles = look.window(500)
    measurements = list(measure(look.baseline, tiles, MODEL))
    found = look.judged(tiles, measurements=measurements).findings
    assert [(f.metric, f.feature, f.value) for f in found] == [
        (m.metric, m.feature, m.value.value) for m in measurements
    ]
    assert {(f.model, f.version, f.window, f.baseline) for f in found} == {("m", "1", SPAN, "b")}


def test_the_same_population_is_fine_on_every_metric():
    """No feature of an undisturbed window is more than ok."""
    look = Look()
    found = look.judged(look.window(2_000))
    assert {f.status for f in found.findings if f.feature} == {Status.OK}
    assert not any(e.fired or e.evidence for e in found.evidence.values())
    assert all(e.clear for e in found.evidence.values())


def test_a_shifted_feature_is_critical_on_all_its_metrics_and_ranks_first():
    """Half a standard deviation at 500 rows; the others stay ok; the clause carries the numbers."""
    look = Look()
    found = look.judged(look.window(500, f3=0.5))
    by_feature = {(f.feature, f.metric): f.status for f in found.findings if f.kind is AlertKind.DRIFT}
    assert by_feature["f3", "js_distance"] is by_feature["f3", "ks_statistic"] is Status.CRITICAL
    assert by_feature["f2", "js_distance"] is Status.OK
    drift = found.evidence[AlertKind.DRIFT]
    assert drift.fired
    assert drift.features[0].feature == "f3"
    assert drift.features[0].score > 1
    assert "f3: mean" in drift.summary
    assert "500 rows" in drift.summary


def test_thirty_five_rows_are_insufficient_not_drifted():
    """Value and interval stay, the verdict does not, and nothing fires."""
    look = Look()
    found = look.judged(look.window(35, f1=3.0))
    assert set(statuses(found, "js_distance").values()) == {Status.INSUFFICIENT_DATA}
    assert all(f.value is not None and f.reason for f in found.findings if f.metric == "js_distance")
    assert found.evidence[AlertKind.DRIFT].insufficient
    assert not found.evidence[AlertKind.DRIFT].fired


def test_small_windows_speak_through_their_merges():
    """Thirty rows at a time say nothing; sixteen such windows together do."""
    look = Look()
    small = look.window(30, f1=0.8)
    found = look.judged(small, trailing={1: small, 16: look.window(480, f1=0.8)})
    drift = found.evidence[AlertKind.DRIFT]
    assert drift.fired
    assert drift.scale == 16
    assert "over 16 windows" in drift.summary
    assert statuses(found, "js_distance")["f1"] is Status.INSUFFICIENT_DATA


def test_no_merge_is_many_times_the_baseline():
    """Beyond four times its rows nothing is left to learn but the baseline's own luck."""
    look = Look(rows=1_000)
    calm, drifted = look.window(600), look.window(4_800, f1=1.0)
    assert not look.judged(calm, trailing={1: calm, 8: drifted}).evidence[AlertKind.DRIFT].fired


def test_evidence_within_tolerance_is_a_warning():
    """A sure but small shift: pending, not critical, and it says why."""
    look = Look(rows=50_000)
    found = look.judged(look.window(20_000, f0=0.08))
    assert statuses(found, "js_distance")["f0"] is Status.WARNING
    finding = next(f for f in found.findings if f.feature == "f0" and f.metric == "js_distance")
    assert finding.reason == "evidence, but within tolerance"
    assert finding.score is not None
    assert finding.score > 1
    drift = found.evidence[AlertKind.DRIFT]
    assert drift.evidence
    assert not drift.fired
    assert not drift.clear


def test_tolerance_zero_makes_the_same_shift_critical():
    """A declared tolerance replaces the default and says so."""
    look = Look(rows=50_000)
    found = look.judged(look.window(20_000, f0=0.08), with_tolerance("drift", js_distance=0.0))
    finding = next(f for f in found.findings if f.feature == "f0" and f.metric == "js_distance")
    assert (finding.status, finding.threshold, finding.threshold_origin) == (Status.CRITICAL, 0.0, "declared")


def test_another_declared_distance_takes_the_place_of_the_default_one():
    """With only a tolerance for PSI, PSI's lower end is the second gate."""
    look = Look()
    tiles = look.window(1_000, f1=0.5)
    strict = look.judged(tiles, with_tolerance("drift", psi=0.05))
    lax = look.judged(tiles, with_tolerance("drift", psi=2.0))
    assert strict.evidence[AlertKind.DRIFT].fired
    assert not lax.evidence[AlertKind.DRIFT].fired
    assert lax.evidence[AlertKind.DRIFT].evidence


def test_thresholds_of_chance_narrow_with_rows_and_name_the_budget():
    """The KS threshold is what chance reaches at this size within the budget."""
    look = Look()
    limits = {}
    for n in (200, 2_000):
        found = look.judged(look.window(n)).findings
        finding = next(f for f in found if f.metric == "ks_statistic" and f.feature == "f0")
        limits[n] = finding.threshold
        assert "8,640 looks" in (finding.threshold_origin or "")
    assert limits[2_000] < limits[200] < 1


def test_dependence_raises_the_limit():
    """The same window is weaker evidence where rows are known to depend on each other."""
    look = Look()
    tiles = look.window(500, f3=0.35)
    plain = look.judged(tiles).evidence[AlertKind.DRIFT].features[0].score
    look.baseline = replace(look.baseline, design_effects=DesignEffects((512,), (10.0,)))
    found = look.judged(tiles)
    assert not found.evidence[AlertKind.DRIFT].evidence
    finding = next(f for f in found.findings if f.feature == "f3" and f.metric == "js_distance")
    assert finding.score == pytest.approx(plain / math.sqrt(10), rel=0.25)


def test_what_has_no_value_passes_through():
    """Undefined, absent and failed measurements keep status and reason, without threshold or score."""
    look = Look()
    silent = [
        Measurement("js_distance", AlertKind.DRIFT, "f0", None, Value(None, status=status, reason="why"))
        for status in (Status.UNDEFINED, Status.NO_DATA, Status.ERROR)
    ]
    found = look.judged(look.window(500), measurements=silent).findings
    assert [f.status for f in found] == [Status.UNDEFINED, Status.NO_DATA, Status.ERROR]
    assert {(f.reason, f.threshold, f.score) for f in found} == {("why", None, None)}


def test_a_feature_that_is_gone_is_a_matter_of_quality():
    """Missing as a whole needs no minimum of rows and says so."""
    look = Look()
    tiles = look.window(30)
    gone = TileSet(30, {f: t for f, t in tiles.features.items() if f != "f2"})
    quality = look.judged(gone).evidence[AlertKind.QUALITY]
    assert quality.fired
    assert quality.features[0].feature == "f2"
    assert "missing as a whole" in quality.summary


def test_an_allowed_range_is_judged_by_the_interval():
    """Disjoint from the range: critical at the violated end. Meeting it: ok. The change test is off."""
    look = Look()
    model = with_tolerance("drift", js_distance=(0.0, 0.1))
    plan = Plan.of(model, {AlertKind.DRIFT}, looks_per_month=8_640)
    far, near = (
        Measurement("js_distance", AlertKind.DRIFT, "f0", None, Value(v, v - 0.02, v + 0.02, 5_000, 1_000))
        for v in (0.3, 0.11)
    )
    tiles = look.window(1_000)
    for measurement, status in ((far, Status.CRITICAL), (near, Status.OK)):
        found = look.judged(tiles, model, measurements=[measurement], plan=plan)
        assert found.findings[0].status is status
        assert found.findings[0].threshold == (0.0, 0.1)
        assert found.evidence[AlertKind.DRIFT].fired == (status is Status.CRITICAL)
    assert look.judged(tiles, model, measurements=[far], plan=plan).evidence[AlertKind.DRIFT].threshold == 0.1


def test_a_tolerance_of_a_metric_without_a_test_is_judged_by_its_interval_about_the_baselines_value():
    """Not a number in ten thousand rows of which a tenth may be: critical, with the allowed range; two in a thousand: ok."""
    look = Look()
    model = with_tolerance("quality", nan_ratio=0.02)
    tiles = look.window(1_000)
    many, few = (replace(tiles.features[name], nan=n) for name, n in (("f0", 100), ("f1", 2)))
    tiles = TileSet(1_100, {**tiles.features, "f0": many, "f1": few})
    found = look.judged(tiles, model)
    assert statuses(found, "nan_ratio") == {
        "f0": Status.CRITICAL,
        "f1": Status.OK,
        "f2": Status.OK,
        "f3": Status.OK,
        "f4": Status.OK,
    }
    (finding,) = (f for f in found.findings if f.metric == "nan_ratio" and f.feature == "f0")
    assert finding.threshold == (-0.02, 0.02)
    assert finding.threshold_origin == "declared"
    assert {f.metric for f in found.evidence[AlertKind.QUALITY].features} == {"missing_ratio", "nan_ratio"}


def test_what_intervals_spend_is_taken_from_the_tests():
    """The family's budget at the window itself is shared, so that the sum stays what it was."""
    look = Look()
    tiles = look.window(1_000)
    plain = look.judged(tiles, with_tolerance("quality", missing_ratio=0.01))
    shared = look.judged(tiles, with_tolerance("quality", missing_ratio=0.01, nan_ratio=0.02))
    before, after = ({f.feature: f for f in j.findings if f.metric == "missing_ratio"} for j in (plain, shared))
    assert all(after[name].score < before[name].score for name in before)


def test_only_the_asked_families_are_looked_at():
    """When labels come, the inputs are not judged again."""
    look = Look()
    tiles = look.window(500)
    plan = Plan.of(MODEL, {AlertKind.DRIFT, AlertKind.QUALITY}, looks_per_month=8_640)
    found = judge(
        model=MODEL,
        version=None,
        window=SPAN,
        tiles=tiles,
        trailing={},
        baseline=look.baseline,
        plan=plan,
        measurements=(),
        families={AlertKind.QUALITY},
    )
    assert set(found.evidence) == {AlertKind.QUALITY}


def test_the_same_input_gives_the_same_judgement():
    """Pure: no clock, no chance."""
    look = Look()
    tiles = look.window(500, f1=0.4)
    assert look.judged(tiles) == look.judged(tiles)


def test_merges_of_labelled_windows_say_nothing_of_the_inputs():
    """They hold outcomes only; a feature that they lack is not missing."""
    look = Look()
    tiles = look.window(500)
    plan = Plan.of(MODEL, {AlertKind.DRIFT, AlertKind.QUALITY}, looks_per_month=8_640)
    found = judge(
        model=MODEL,
        version=None,
        window=SPAN,
        tiles=tiles,
        trailing={1: tiles},
        trailing_labelled={1: tiles, 2: TileSet(1_000)},
        baseline=look.baseline,
        plan=plan,
        measurements=(),
    )
    assert not found.evidence[AlertKind.QUALITY].evidence


def test_a_status_that_only_a_merge_shows_says_so_with_its_value_and_counts():
    """The window by itself is quiet: the record names how many windows it took, and what they say."""
    look = Look()
    calm = look.window(200)
    found = look.judged(calm, trailing={1: calm, 4: look.window(800), 16: look.window(3_200, f1=0.4)})
    (record,) = [f for f in found.findings if (f.metric, f.feature) == ("js_distance", "f1")]
    assert (record.status, record.windows) == (Status.CRITICAL, 16)
    assert record.reason is not None
    assert record.reason.startswith("over the last 16 windows: js distance 0.")
    assert record.reason.endswith("3,200 rows against 5,000; not in this window by itself")
    assert "limit 0.05" in record.reason
    others = [f for f in found.findings if f.feature == "f0"]
    assert {f.windows for f in others} == {1}
    assert not any(f.reason and "over the last" in f.reason for f in others)


def test_a_status_that_the_window_shows_too_is_its_own():
    """The shortest merge counts: no reason is needed where the value says it."""
    look = Look()
    tiles = look.window(2_000, f1=1.0)
    found = look.judged(tiles, trailing={1: tiles, 4: look.window(8_000, f1=1.0)})
    (record,) = [f for f in found.findings if (f.metric, f.feature) == ("js_distance", "f1")]
    assert (record.status, record.windows, record.reason) == (Status.CRITICAL, 1, None)


@pytest.mark.parametrize(("start", "end", "rule", "says"), [
    (100, 200, BaselineRule(), True), (-9, -1, BaselineRule(), False), (-9, 0, BaselineRule(), True),
    (SPAN.end_ns, SPAN.end_ns + 9, BaselineRule(), False), (None, None, BaselineRule(), False),
    (100, 200, BaselineRule(trailing_ns=SPAN.end_ns), False),
])  # fmt: skip
def test_a_verdict_on_a_window_in_the_time_of_its_baseline_says_so(start, end, rule, says):
    """The baseline's last time is its last row's; one that moves is of other windows, and one without times says nothing."""
    look = Look(features=1)
    look.baseline = replace(look.baseline, start_ns=start, end_ns=end)
    model = replace(MODEL, baseline=rule)
    found = look.judged(look.window(500), model=model).findings
    reasons = [f.reason or "" for f in found if f.metric == "ks_statistic"]
    assert reasons
    assert all(("shares time with its baseline" in reason) is says for reason in reasons)
    assert {f.status for f in found if f.metric == "ks_statistic"} == {Status.OK}
