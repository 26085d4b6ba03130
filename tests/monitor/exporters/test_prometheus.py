"""The exposition: which series there are, which there are not, and what bounds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from monitor.exporters.prometheus import PrometheusExporter
from monitor.exporters.series import FEATURES_MAX, GROUPS_MAX, PAIRS_MAX, SERIES_MAX, UNDECLARED_MODELS_MAX
from monitor.exporters.telemetry import Telemetry
from monitor.findings import Alert, AlertKind, AlertStatus, Held, HeldFor, Status
from monitor.metrics.registry import METRICS
from monitor.ports import ModelEntry
from tests.results import START, alert, declared, finding, proposed, publication

Found = dict[str, list[tuple[dict[str, str], float]]]


class Exposition:
    """An exporter with its catalog, and what a scraper reads from it."""

    def __init__(self) -> None:
        self.models: list[ModelEntry] = [declared()]
        self.alerts: list[Alert] = []
        self.exporter = PrometheusExporter(METRICS, lambda: self.models, lambda: self.alerts, Telemetry("0.1.0"))

    def read(self) -> Found:
        found: Found = {}
        for family in parse_text(self.exporter.render()[0].decode()):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
        return found

    def one(self, name: str, **labels: str) -> float | None:
        """The value of the only series with these labels, None where there is none."""
        values = [v for found, v in self.read().get(name, []) if labels.items() <= found.items()]
        assert len(values) <= 1, values
        return values[0] if values else None


@pytest.fixture
def exposition() -> Iterator[Exposition]:
    yield Exposition()


def test_a_finding_becomes_a_sample_under_its_registered_name(exposition: Exposition) -> None:
    """The name is the registry's, the labels are model, version, window and feature."""
    exposition.exporter.publish([publication()])
    labels = {"model": "income", "model_version": "1", "window": "5m", "feature": "age", "kind": "drift"}
    assert exposition.read()["outrider_drift_psi"] == [(labels, 0.3)]


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_undefined_has_no_sample_but_a_state(exposition: Exposition, value: float | None) -> None:
    """No value, no sample: the state series says undefined."""
    exposition.exporter.publish([publication(0, finding(value=value, score=None, status=Status.UNDEFINED))])
    assert "outrider_drift_psi" not in exposition.read()
    assert exposition.one("outrider_window_state", kind="drift", state="undefined") == 1
    assert exposition.one("outrider_window_state", kind="drift", state="ok") == 0


def test_the_state_of_a_kind_is_its_gravest(exposition: Exposition) -> None:
    """One critical feature makes the kind critical, one constant column does not make it undefined."""
    constant = finding(feature="const", value=None, status=Status.UNDEFINED)
    exposition.exporter.publish([publication(0, finding(), constant)])
    assert exposition.one("outrider_window_state", kind="drift", state="ok") == 1
    exposition.exporter.publish([publication(1, finding(status=Status.CRITICAL), constant)])
    assert exposition.one("outrider_window_state", kind="drift", state="critical") == 1
    assert exposition.one("outrider_drift_features", status="critical") == 1


def test_the_threshold_ratio_is_the_worst_score_of_the_kind(exposition: Exposition) -> None:
    """One series a kind says how far over its limit the model is."""
    exposition.exporter.publish([publication(0, finding(score=0.5), finding(feature="b", score=3.0))])
    assert exposition.one("outrider_threshold_ratio", kind="drift") == 3.0
    assert exposition.one("outrider_feature_threshold_ratio", feature="age") == 0.5


def test_a_prediction_is_no_feature(exposition: Exposition) -> None:
    """Drift of the output has its own kind, even under a feature's name, and takes no feature's place."""
    output = finding(kind=AlertKind.PREDICTION_DRIFT, feature="age", value=0.7, score=9.0)
    exposition.exporter.publish([publication(0, finding(), output)])
    assert exposition.one("outrider_drift_psi", feature="age", kind="drift") == 0.3
    assert exposition.one("outrider_drift_psi", feature="age", kind="prediction_drift") == 0.7
    assert exposition.one("outrider_feature_threshold_ratio", feature="age") == 1.2


def test_names_that_are_equal_once_cut_share_a_series(exposition: Exposition) -> None:
    """A scraper refuses an exposition that says a series twice."""
    exposition.exporter.publish([publication(0, *(finding(feature="x" * 200 + str(i)) for i in range(3)))])
    assert exposition.one("outrider_drift_psi") == 0.3
    assert (exposition.one("outrider_limited_label_values_total", label="series") or 0) > 0


def test_a_trend_has_the_time_that_is_left(exposition: Exposition) -> None:
    """Of the soonest metric of a column, from the window's end; what does not move has none."""
    for number in range(20):
        rising = finding(value=0.1 + 0.01 * number, threshold=0.4)
        exposition.exporter.publish([publication(number, rising, finding(feature="b", value=0.1))])
    left = exposition.one("outrider_time_to_breach_seconds", feature="age", kind="drift")
    assert left == pytest.approx(11 * 300)
    assert exposition.one("outrider_time_to_breach_seconds", feature="b") is None


def test_slices_have_a_label_of_their_own(exposition: Exposition) -> None:
    """The whole has none, and the number of features counts each once."""
    exposition.exporter.publish([publication(0, finding(), finding(slice="young", value=0.7))])
    assert exposition.one("outrider_drift_psi", slice="young") == 0.7
    assert exposition.one("outrider_drift_features", status="ok") == 1


def test_what_has_no_score_has_no_ratio(exposition: Exposition) -> None:
    """Too little data for a verdict: the value is shown, the ratio is not 0."""
    exposition.exporter.publish([publication(0, finding(score=None, status=Status.INSUFFICIENT_DATA))])
    assert exposition.one("outrider_drift_psi") == 0.3
    assert "outrider_feature_threshold_ratio" not in exposition.read()
    assert "outrider_threshold_ratio" not in exposition.read()


def test_groups_and_bases_have_their_own_labels(exposition: Exposition) -> None:
    """A fairness finding carries its group, performance says whether its labels are real or expected."""
    fair = finding("parity_difference", AlertKind.FAIRNESS, slice="SEX=2", value=-0.1)
    realized = finding("roc_auc", AlertKind.PERFORMANCE, value=0.9)
    guessed = finding("estimated_roc_auc", AlertKind.PERFORMANCE, value=0.8)
    exposition.exporter.publish([publication(0, fair, realized, guessed)])
    assert exposition.one("outrider_fairness_parity_difference", group="SEX=2") == -0.1
    assert exposition.one("outrider_roc_auc", basis="realized") == 0.9
    assert exposition.one("outrider_estimated_roc_auc", basis="estimated") == 0.8
    assert exposition.one("outrider_label_coverage_ratio") == 0.8


def test_a_later_window_replaces_an_earlier_one_whole(exposition: Exposition) -> None:
    """A feature that the next window lacks leaves no stale series behind."""
    exposition.exporter.publish([publication(0, finding(), finding(feature="gone"))])
    exposition.exporter.publish([publication(1)])
    assert exposition.one("outrider_drift_psi", feature="gone") is None
    assert exposition.one("outrider_window_end_timestamp_seconds") == START / 1e9 + 600


def test_an_earlier_window_that_is_revised_does_not_come_back(exposition: Exposition) -> None:
    """Late labels revise the past; the gauges go on describing the latest window."""
    exposition.exporter.publish([publication(1), publication(0, finding(value=9.0), revision=1)])
    assert exposition.one("outrider_drift_psi") == 0.3


def test_a_revision_of_the_latest_window_is_shown(exposition: Exposition) -> None:
    """The same window with more labels replaces itself."""
    exposition.exporter.publish([publication(0), publication(0, finding(value=0.5), revision=1)])
    assert exposition.one("outrider_drift_psi") == 0.5


def test_labels_that_come_late_are_shown_of_their_own_window(exposition: Exposition) -> None:
    """Performance is that of the latest window with labels, and says which; drift goes on with the latest of all."""
    exposition.exporter.publish([publication(i, labelled=0) for i in range(3)])
    performance = finding("roc_auc", AlertKind.PERFORMANCE, value=0.9)
    exposition.exporter.publish([publication(1, performance, revision=1)])
    assert exposition.one("outrider_roc_auc") == 0.9
    assert exposition.one("outrider_window_state", kind="performance", state="ok") == 1
    assert exposition.one("outrider_label_coverage_ratio") == 0.8
    assert exposition.one("outrider_labelled_window_end_timestamp_seconds") == START / 1e9 + 600
    assert exposition.one("outrider_window_end_timestamp_seconds") == START / 1e9 + 900
    assert exposition.one("outrider_drift_psi") == 0.3


def test_labels_of_the_latest_window_leave_its_other_series_alone(exposition: Exposition) -> None:
    """A revision holds only what labels changed: what the inputs said stays."""
    exposition.exporter.publish([publication(0)])
    exposition.exporter.publish([publication(0, finding("roc_auc", AlertKind.PERFORMANCE, value=0.9), revision=1)])
    assert exposition.one("outrider_drift_psi") == 0.3
    assert exposition.one("outrider_roc_auc") == 0.9


def test_a_metric_that_waits_for_labels_keeps_its_last_value(exposition: Exposition) -> None:
    """Of the fairness of a window without labels, equal opportunity comes from the last one with them."""
    parity = finding("parity_difference", AlertKind.FAIRNESS, slice="SEX=2", value=-0.1)
    known = finding("equal_opportunity_difference", AlertKind.FAIRNESS, slice="SEX=2", value=-0.2)
    unknown = replace(known, value=None, score=None, status=Status.NO_DATA)
    exposition.exporter.publish([publication(0, parity, known), publication(1, replace(parity, value=-0.3), unknown)])
    assert exposition.one("outrider_fairness_equal_opportunity_difference") == -0.2
    assert exposition.one("outrider_fairness_parity_difference") == -0.3


def test_labels_that_never_came_are_a_coverage_of_nothing(exposition: Exposition) -> None:
    """A model that declares a label and gets none is at 0, so that a rule can see it."""
    exposition.models = [declared(label="repaid")]
    exposition.exporter.publish([publication(labelled=0)])
    assert exposition.one("outrider_label_coverage_ratio") == 0


def test_series_of_a_model_that_went_away_are_gone_at_once(exposition: Exposition) -> None:
    """Nothing is exposed of a model that the catalog no longer has."""
    exposition.exporter.publish([publication()])
    exposition.models = []
    exposition.exporter.refresh()
    assert "outrider_drift_psi" not in exposition.read()


def test_series_of_a_window_rule_that_went_away_are_gone(exposition: Exposition) -> None:
    """A declaration without the 5m window has no 5m series."""
    exposition.exporter.publish([publication()])
    exposition.models = [declared(windows=[{"every": "1h"}])]
    exposition.exporter.refresh()
    assert "outrider_drift_psi" not in exposition.read()


def test_only_the_newest_versions_are_live(exposition: Exposition) -> None:
    """With three versions the oldest one's series go, and the loss is counted."""
    exposition.exporter.publish([publication(i, finding(version=v), version=v) for i, v in enumerate(["a", "b", "c"])])
    assert {labels["model_version"] for labels, _ in exposition.read()["outrider_drift_psi"]} == {"b", "c"}
    assert exposition.one("outrider_limited_label_values_total", label="model_version") == 1


def test_undeclared_models_share_one_name(exposition: Exposition) -> None:
    """A model that nobody declared is counted as unknown, and its name is nowhere."""
    exposition.models += [proposed("evil"), proposed("worse")]
    exposition.exporter.publish([publication(0, model="evil"), publication(0, model="worse", version="7")])
    assert exposition.one("outrider_window_samples", model="unknown") == 2_000
    text = exposition.exporter.render()[0].decode()
    assert "evil" not in text and "worse" not in text


def test_undeclared_models_do_not_grow_our_memory(exposition: Exposition) -> None:
    """Of many client-supplied names only the latest are held."""
    exposition.exporter.publish([publication(i, model=f"m{i}") for i in range(UNDECLARED_MODELS_MAX + 50)])
    assert exposition.one("outrider_window_samples", model="unknown") == 1_000 * UNDECLARED_MODELS_MAX


def test_a_model_declared_later_is_shown_from_then_on(exposition: Exposition) -> None:
    """Its latest window is still known and appears without waiting for the next."""
    exposition.exporter.publish([publication(0, model="new")])
    exposition.models += [declared("new")]
    exposition.exporter.refresh()
    assert exposition.one("outrider_window_samples", model="new") == 1_000


def test_only_the_worst_features_get_series(exposition: Exposition) -> None:
    """Fifty features by score, twenty pairs beside them; the rest is counted."""
    singles = [finding(feature=f"f{i}", score=float(i)) for i in range(FEATURES_MAX + 10)]
    pairs = [finding("correlation_distance", feature=f"f{i}~f{i + 1}", score=100.0 + i) for i in range(PAIRS_MAX + 5)]
    exposition.exporter.publish([publication(0, *singles, *pairs)])
    shown = {labels["feature"] for labels, _ in exposition.read()["outrider_drift_psi"]}
    assert shown == {f"f{i}" for i in range(10, FEATURES_MAX + 10)}
    assert len(exposition.read()["outrider_drift_correlation_distance"]) == PAIRS_MAX
    assert exposition.one("outrider_limited_label_values_total", label="feature") == 15


def test_only_the_worst_groups_get_series(exposition: Exposition) -> None:
    """Twenty groups of a window, the rest is counted."""
    groups = [
        finding("parity_difference", AlertKind.FAIRNESS, slice=f"G={i}", score=float(i)) for i in range(GROUPS_MAX + 3)
    ]
    exposition.exporter.publish([publication(0, *groups)])
    assert len(exposition.read()["outrider_fairness_parity_difference"]) == GROUPS_MAX
    assert exposition.one("outrider_limited_label_values_total", label="group") == 3


def test_the_exposition_never_exceeds_its_cap(exposition: Exposition) -> None:
    """With too many models the best features go first, states stay, and the loss is counted."""
    names = [f"m{i}" for i in range(60)]
    exposition.models = [declared(name) for name in names]
    many = [[finding(model=n, feature=f"f{i}", score=float(i)) for i in range(50)] for n in names]
    exposition.exporter.publish([publication(0, *found, model=n) for n, found in zip(names, many, strict=True)])
    found = exposition.read()
    assert sum(map(len, found.values())) == SERIES_MAX
    assert exposition.one("outrider_exported_series") == SERIES_MAX
    assert len([1 for labels, value in found["outrider_window_state"] if value == 1]) == len(names)
    assert (exposition.one("outrider_limited_label_values_total", label="series") or 0) > 0
    assert {labels["feature"] for labels, _ in found["outrider_drift_psi"]} >= {"f49"}
    assert "f0" not in {labels["feature"] for labels, _ in found["outrider_drift_psi"]}


def test_alerts_are_counted_by_state(exposition: Exposition) -> None:
    """The firing series of an alert is there at 0 before and after it fires."""
    exposition.alerts = [alert(), alert(AlertStatus.PENDING, kind=AlertKind.QUALITY)]
    exposition.exporter.refresh()
    assert exposition.one("outrider_alerts", kind="drift", state="firing", severity="ticket") == 1
    assert exposition.one("outrider_alerts", kind="quality", state="firing") == 0
    assert exposition.one("outrider_alerts", kind="quality", state="pending") == 1


def test_an_alert_of_which_nobody_is_told_says_why(exposition: Exposition) -> None:
    """A rule that pages on open alerts can leave it out; one that is told has no such series."""
    held = Held(HeldFor.DEPLOYMENT, "held back: new", START)
    exposition.alerts = [alert(held=held), alert(kind=AlertKind.QUALITY)]
    exposition.exporter.refresh()
    assert exposition.one("outrider_alerts", kind="drift", state="firing") == 1
    assert exposition.one("outrider_alerts_held", kind="drift", model="income", reason="deployment") == 1
    assert exposition.one("outrider_alerts_held", kind="quality") is None


def test_hostile_label_values_are_cut_and_escaped(exposition: Exposition) -> None:
    """A long, quoted, multi-line feature name is one label value of at most 128 bytes."""
    name = 'a"\\\n' + "é" * 200
    exposition.exporter.publish([publication(0, finding(feature=name))])
    ((labels, _),) = exposition.read()["outrider_drift_psi"]
    assert labels["feature"] == name.encode()[:128].decode()


def test_scrapers_get_the_form_they_ask_for(exposition: Exposition) -> None:
    """Prometheus asks for OpenMetrics and gets it; a plain client gets the text format."""
    exposition.exporter.publish([publication()])
    body, content_type = exposition.exporter.render("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text")
    families = parse_openmetrics(body.decode())  # type: ignore[no-untyped-call]
    assert {f.name for f in families} >= {"outrider_drift_psi", "outrider_build_info"}
    assert exposition.exporter.render()[1].startswith("text/plain; version=0.0.4")


def test_a_scrape_asks_the_catalog_nothing(exposition: Exposition) -> None:
    """The last exposition is served even when the catalog no longer answers."""
    asked = count()

    def models() -> list[ModelEntry]:
        next(asked)
        return [declared()]

    exporter = PrometheusExporter(METRICS, models, list, Telemetry("0"))
    exporter.publish([publication()])
    exporter.render()
    exporter.render()
    assert next(asked) == 1


def test_each_declared_model_has_its_metadata(exposition: Exposition) -> None:
    """The info series names task and baseline, for joins and for the dashboards' variables."""
    exposition.models = [declared(task="binary"), declared("idle")]
    exposition.exporter.publish([publication()])
    assert exposition.one("outrider_model_info", model="income", task="binary", baseline="b1") == 1
    assert exposition.one("outrider_model_info", model="idle") == 1
