"""From window results to series: which names and labels the latest windows have, and which of them fit the limits.

Prometheus and OpenTelemetry show the same series. Names of metrics come from the metric registry; the families that
say something about windows and alerts are listed here. A value that does not exist has no sample: the status series
`outrider_window_state` says why. Series of a model, version, window or feature that went away are gone at the next
result.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from monitor.exporters.labels import UNKNOWN, cut
from monitor.exporters.trends import Record, Trends
from monitor.findings import SEVERITIES, Alert, AlertKind, AlertStatus, Finding, Status
from monitor.ports import ModelEntry, Publication, WindowEntry

FEATURES_MAX = 50
"""Features of a window that get series, worst score first; the rest is in Elasticsearch."""
PAIRS_MAX = 20
"""Feature pairs of a window that get series; apart from the features, which they would otherwise crowd out."""
OUTPUTS_MAX = 20
"""Columns of the prediction and of the label that get series, apart from the features for the same reason."""
GROUPS_MAX = 20
SLICES_MAX = 20
VERSIONS_MAX = 2
"""Live versions of a model: the one that leaves and the one that comes."""
RULES_MAX = 10
"""Windows of a model; the declaration allows no more."""
UNDECLARED_MODELS_MAX = 100
"""Undeclared models whose row counts enter `model="unknown"`: client-supplied names must not grow our memory."""
SERIES_MAX = 5_000
"""Series of one process. Beyond it the features with the lowest scores go first; the loss is counted."""

Labels = tuple[tuple[str, str], ...]
Column = tuple[bool, str]
"""Whether a column is one of the model's output or label, and its name."""
Scores = dict[Column, float | None]
K = TypeVar("K", str, Column)
_OUTPUT_KINDS = (AlertKind.PREDICTION_DRIFT, AlertKind.LABEL_DRIFT)

FAMILIES: Mapping[str, str] = {
    "outrider_model_info": "Metadata of a monitored model, constant 1; a target for joins.",
    "outrider_window_end_timestamp_seconds": "End of the window the other gauges describe.",
    "outrider_labelled_window_end_timestamp_seconds": "End of the window that gauges of what needs labels describe.",
    "outrider_window_last_success_timestamp_seconds": "Unix time of the last window that was computed.",
    "outrider_window_samples": "Rows in that window.",
    "outrider_label_coverage_ratio": "Share of predictions with labels in the latest window that has some.",
    "outrider_window_state": "1 for the window's current status of a kind, 0 for the others.",
    "outrider_threshold_ratio": "Worst score of a kind divided by its threshold; above 1 means breached.",
    "outrider_threshold_windows": "Windows in the trailing merge behind the kind's worst score: above 1 the window by itself does not show it.",
    "outrider_drift_features": "Number of features by status of their drift.",
    "outrider_feature_threshold_ratio": "Worst score of a feature divided by its threshold (worst features only).",
    "outrider_time_to_breach_seconds": "Seconds from the window's end until the soonest metric crosses its threshold, if it goes on.",
    "outrider_energy_joules": "Energy that the window's predictions took, in the intervals where it is known.",
    "outrider_energy_joules_per_prediction": "The same, of one prediction of those intervals.",
    "outrider_energy_known_ratio": "Share of the sampled time of the window in which the model's energy is known.",
    "outrider_gpu_seconds": "Device time that the window's predictions took, in those intervals.",
    "outrider_cost_per_prediction": "What one prediction cost of energy and device time, at the declared prices.",
    "outrider_alerts": "Alert instances by state.",
    "outrider_alerts_held": "Open alerts of which nobody is told, by reason.",
}
"""Families that are not metrics of the registry, with their help. All are gauges."""

_BY_GRAVITY = (
    Status.CRITICAL,
    Status.WARNING,
    Status.ERROR,
    Status.OK,
    Status.INSUFFICIENT_DATA,
    Status.NO_DATA,
    Status.UNDEFINED,
)
"""A kind's state is the first of these that any of its findings has: one constant column does not hide healthy ones."""


class ExposedMetric(Protocol):
    """What a series needs to know of a metric of the registry."""

    @property
    def name(self) -> str: ...
    @property
    def prometheus(self) -> str: ...
    @property
    def help(self) -> str: ...
    @property
    def needs_labels(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Series:
    """One sample of one family; `rank` orders what a limit drops (small stays)."""

    family: str
    labels: Labels
    value: float
    rank: float = 0.0


Beside = Callable[[WindowEntry], Mapping[str, float]]
"""What is known of a window besides what was found in it: values by family."""


def nothing_beside(window: WindowEntry) -> Mapping[str, float]:
    """Of a monitor that keeps nothing else."""
    return {}


@dataclass(frozen=True, slots=True)
class _Told:
    """One window and what its revisions said of it, the latest of each record."""

    window: WindowEntry
    findings: Mapping[Record, Finding]

    def then(self, window: WindowEntry, findings: Mapping[Record, Finding]) -> _Told:
        """After another result: of the same window what it says anew, of a later one nothing else, of an earlier one no change."""
        if _order(window) < _order(self.window):
            return self
        same = window.span == self.window.span
        return _Told(window, {**self.findings, **findings} if same else findings)


@dataclass(frozen=True, slots=True)
class _Held:
    latest: _Told
    labelled: _Told | None
    """The latest window with labels: they come late, and by then there are later windows without."""
    series: tuple[Series, ...] = ()
    trends: Trends = field(default_factory=Trends)


class LatestWindows:
    """The newest results of each (model, version, window rule), as series within the limits. Not thread-safe.

    What needs labels is shown of the latest window that has some, everything else of the latest window.
    """

    def __init__(
        self,
        metrics: Iterable[ExposedMetric],
        limited: Callable[[str, int], None],
        beside: Beside = nothing_beside,
    ) -> None:
        self._beside = beside
        self._metrics = {metric.name: metric for metric in metrics}
        self._limited = limited
        self._held: dict[tuple[str, str, str], _Held] = {}

    @property
    def help(self) -> dict[str, str]:
        """Help of every family this can yield."""
        return dict(FAMILIES) | {metric.prometheus: metric.help for metric in self._metrics.values()}

    def take(self, publication: Publication) -> None:
        """Hold what the result says of the latest window, or of the latest with labels; earlier news changes nothing."""
        window = publication.window
        key = (window.model, window.version, window.rule)
        findings = {(f.kind, f.metric, f.feature, f.slice): f for f in publication.findings}
        of_labels = {r: f for r, f in findings.items() if self._needs_labels(f) and f.status is not Status.NO_DATA}
        held = self._held.get(key)
        latest = _Told(window, findings) if held is None else held.latest.then(window, findings)
        labelled = None if held is None else held.labelled
        if of_labels:
            labelled = _Told(window, of_labels) if labelled is None else labelled.then(window, of_labels)
        if held is None or (latest, labelled) != (held.latest, held.labelled):
            trends = (Trends() if held is None else held.trends).then(window, findings)
            series = (
                *self._window_series(latest, labelled),
                *self._breaches(latest, trends),
                *self._beside_series(latest.window),
            )
            self._held[key] = _Held(latest, labelled, series, trends)

    def _needs_labels(self, finding: Finding) -> bool:
        metric = self._metrics.get(finding.metric)
        return finding.kind is AlertKind.LABEL_DRIFT or (metric is not None and metric.needs_labels)

    def series(self, models: Sequence[ModelEntry], alerts: Sequence[Alert], most: int) -> list[Series]:
        """At most `most` series to show now; forgets the windows of models, rules and versions that went away."""
        declared = {entry.name: entry for entry in models if entry.declared}
        self._forget(declared)
        shown = [series for entry in declared.values() for series in self._model_series(entry)]
        for key in sorted(self._held):
            if key[0] in declared:
                shown += self._held[key].series
                if declared[key[0]].declaration.label is not None and self._held[key].labelled is None:
                    # Labels that never came are a coverage of nothing, not a series that is missing.
                    shown.append(Series("outrider_label_coverage_ratio", _base(self._held[key].latest.window), 0.0))
        shown += self._unknown_series(declared)
        shown += [s for alert in alerts if alert.model in declared for s in _alert_series(alert)]
        shown = self._once(shown)
        if len(shown) > most:
            self._limited("series", len(shown) - most)
            shown = sorted(shown, key=lambda s: s.rank)[:most]
        return shown

    def _once(self, shown: list[Series]) -> list[Series]:
        """Names that are equal once cut share one series, the first: a scraper refuses the second."""
        first = {(one.family, one.labels): one for one in reversed(shown)}
        self._limited("series", len(shown) - len(first))
        return list(reversed(first.values()))

    def _forget(self, declared: Mapping[str, ModelEntry]) -> None:
        rules = {name: {rule.name for rule in entry.declaration.windows} for name, entry in declared.items()}
        newest: dict[str, dict[str, tuple[int, int, int]]] = defaultdict(dict)
        for (model, version, _), held in self._held.items():
            newest[model][version] = max(newest[model].get(version, (0, 0, 0)), _order(held.latest.window))
        live = {model: _first(versions, VERSIONS_MAX) for model, versions in newest.items()}
        undeclared = {m: max(v.values()) for m, v in newest.items() if m not in declared}
        kept = _first(undeclared, UNDECLARED_MODELS_MAX)
        for model, versions in newest.items():
            if model in declared:
                self._limited("model_version", len(versions) - len(live[model]))
        self._held = {
            (model, version, rule): held
            for (model, version, rule), held in self._held.items()
            if version in live[model] and (rule in rules[model] if model in declared else model in kept)
        }

    def _model_series(self, entry: ModelEntry) -> Iterable[Series]:
        task = entry.declaration.task or "other"
        held = {key[1]: self._held[key].latest.window for key in sorted(self._held) if key[0] == entry.name}
        for version, baseline in {v: w.baseline for v, w in held.items()}.items() if held else [("", None)]:
            labels = (("model", entry.name), *_present(model_version=version, baseline=baseline), ("task", task))
            yield Series("outrider_model_info", labels, 1.0)

    def _unknown_series(self, declared: Mapping[str, ModelEntry]) -> Iterable[Series]:
        windows = [h.latest.window for (model, _, _), h in self._held.items() if model not in declared]
        for rule in _first({w.rule: w.n_window for w in windows}, RULES_MAX):
            of_rule = [w for w in windows if w.rule == rule]
            labels = (("model", UNKNOWN), ("window", cut(rule)))
            ends = [w.span.end_ns for w in of_rule if w.span.end_ns is not None]
            if ends:
                yield Series("outrider_window_end_timestamp_seconds", labels, max(ends) / 1e9)
            yield Series("outrider_window_samples", labels, float(sum(w.n_window for w in of_rule)))

    def _window_series(self, latest: _Told, labelled: _Told | None) -> Iterable[Series]:
        window = latest.window
        base = _base(window)
        if window.span.end_ns is not None:
            yield Series("outrider_window_end_timestamp_seconds", base, window.span.end_ns / 1e9)
        yield Series("outrider_window_last_success_timestamp_seconds", base, window.closed_ns / 1e9)
        yield Series("outrider_window_samples", base, float(window.n_window))
        findings = list(latest.findings.values())
        if labelled is not None:
            findings = [f for f in findings if not self._needs_labels(f)] + list(labelled.findings.values())
            yield from _labelled_series(base, labelled.window)
        yield from _kind_series(base, findings)
        scores = _scores(findings)
        chosen = self._chosen_columns(scores)
        for is_output, column in sorted(chosen):
            score = scores[is_output, column]
            if score is not None and not is_output:
                labels = (*base, ("feature", cut(column)))
                yield Series("outrider_feature_threshold_ratio", labels, score, _column_rank(score))
        yield from self._metric_series(base, findings, chosen, scores)

    def _beside_series(self, window: WindowEntry) -> Iterable[Series]:
        for family, value in self._beside(window).items():
            yield Series(family, _base(window), value)

    def _breaches(self, latest: _Told, trends: Trends) -> Iterable[Series]:
        """The soonest crossing of each kind, column and slice; none where no trend leads to one."""
        base = _base(latest.window)
        soonest: dict[Labels, float] = {}
        for (kind, _, feature, part), seconds in trends.breaches():
            labels = (*base, ("kind", kind.value), *_present(feature=feature))
            labels += _present(**{"group" if kind is AlertKind.FAIRNESS else "slice": part})
            soonest[labels] = min(seconds, soonest.get(labels, math.inf))
        shown = sorted(soonest.items(), key=lambda item: (item[1], item[0]))
        self._limited("feature", max(0, len(shown) - FEATURES_MAX))
        for labels, seconds in shown[:FEATURES_MAX]:
            yield Series("outrider_time_to_breach_seconds", labels, seconds)

    def _metric_series(
        self, base: Labels, findings: Sequence[Finding], chosen: frozenset[Column], scores: Scores
    ) -> Iterable[Series]:
        slices = self._chosen_slices(findings)
        for finding in findings:
            metric = self._metrics.get(finding.metric)
            if metric is None or finding.value is None or not math.isfinite(finding.value):
                continue
            column = _column(finding)
            if column is not None and column not in chosen:
                continue
            if finding.slice is not None and finding.slice not in slices:
                continue
            rank = 1.0 if column is None else _column_rank(scores[column] or 0.0)
            yield Series(metric.prometheus, (*base, *_finding_labels(finding, metric)), finding.value, rank)

    def _chosen_columns(self, scores: Scores) -> frozenset[Column]:
        outputs = {column: score or 0.0 for column, score in scores.items() if column[0]}
        features = {column: score or 0.0 for column, score in scores.items() if not column[0]}
        pairs = {column: score for column, score in features.items() if _is_pair(column, features)}
        singles = {column: score for column, score in features.items() if column not in pairs}
        chosen = [*_first(outputs, OUTPUTS_MAX), *_first(singles, FEATURES_MAX), *_first(pairs, PAIRS_MAX)]
        self._limited("feature", len(scores) - len(chosen))
        return frozenset(chosen)

    def _chosen_slices(self, findings: Sequence[Finding]) -> frozenset[str]:
        groups: dict[str, float] = {}
        slices: dict[str, float] = {}
        for finding in findings:
            if finding.slice is not None:
                found = groups if finding.kind is AlertKind.FAIRNESS else slices
                found[finding.slice] = max(found.get(finding.slice, 0.0), finding.score or 0.0)
        chosen_groups, chosen_slices = _first(groups, GROUPS_MAX), _first(slices, SLICES_MAX)
        self._limited("group", len(groups) - len(chosen_groups))
        self._limited("slice", len(slices) - len(chosen_slices))
        return frozenset(chosen_groups + chosen_slices)


def _base(window: WindowEntry) -> Labels:
    return (("model", window.model), *_present(model_version=window.version), ("window", cut(window.rule)))


def _labelled_series(base: Labels, window: WindowEntry) -> Iterable[Series]:
    if window.span.end_ns is not None:
        yield Series("outrider_labelled_window_end_timestamp_seconds", base, window.span.end_ns / 1e9)
    if window.n_window:
        yield Series("outrider_label_coverage_ratio", base, window.labelled / window.n_window)


def _kind_series(base: Labels, findings: Sequence[Finding]) -> Iterable[Series]:
    by_kind: dict[AlertKind, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_kind[finding.kind].append(finding)
    for kind, of_kind in sorted(by_kind.items()):
        state = gravest(f.status for f in of_kind)
        for status in Status:
            labels = (*base, ("kind", kind.value), ("state", status.value))
            yield Series("outrider_window_state", labels, float(status is state))
        scores = [(f.score, f.windows) for f in of_kind if f.score is not None and math.isfinite(f.score)]
        if scores:
            score, windows = max(scores, key=lambda one: (one[0], -one[1]))
            yield Series("outrider_threshold_ratio", (*base, ("kind", kind.value)), score)
            yield Series("outrider_threshold_windows", (*base, ("kind", kind.value)), float(windows))
    drift = by_kind.get(AlertKind.DRIFT)
    if drift:
        of_feature: dict[str, list[Status]] = defaultdict(list)
        for finding in drift:
            if finding.feature is not None and finding.slice is None:
                of_feature[finding.feature].append(finding.status)
        states = [gravest(statuses) for statuses in of_feature.values()]
        for status in Status:
            yield Series("outrider_drift_features", (*base, ("status", status.value)), float(states.count(status)))


def gravest(statuses: Iterable[Status]) -> Status:
    """The status that speaks for all of them.

    >>> gravest([Status.UNDEFINED, Status.OK]).value
    'ok'
    """
    return min(set(statuses), key=_BY_GRAVITY.index)


def _alert_series(alert: Alert) -> Iterable[Series]:
    labels = (
        ("model", alert.model),
        *_present(model_version=alert.version),
        ("kind", alert.kind.value),
        ("severity", SEVERITIES[alert.kind]),
    )
    for state in {AlertStatus.FIRING, alert.state}:
        if state is not AlertStatus.INACTIVE:
            yield Series("outrider_alerts", (*labels, ("state", state.value)), float(state is alert.state))
    if alert.held is not None:
        yield Series("outrider_alerts_held", (*labels, ("reason", alert.held.reason.value)), 1.0)


def _finding_labels(finding: Finding, metric: ExposedMetric) -> Labels:
    labels = _present(feature=finding.feature)
    if finding.slice is not None:
        labels += (("group" if finding.kind is AlertKind.FAIRNESS else "slice", cut(finding.slice)),)
    if finding.kind is AlertKind.PERFORMANCE:
        labels += (("basis", "realized" if metric.needs_labels else "estimated"),)
    if finding.kind is AlertKind.DRIFT or finding.kind in _OUTPUT_KINDS:
        labels += (("kind", finding.kind.value),)
    return labels


def _column(finding: Finding) -> Column | None:
    """Output and input columns are told apart: a prediction may bear the name of a feature."""
    return None if finding.feature is None else (finding.kind in _OUTPUT_KINDS, finding.feature)


def _scores(findings: Sequence[Finding]) -> Scores:
    """The worst score of each column, None where no finding of it has one."""
    scores: Scores = {}
    for finding in findings:
        column = _column(finding)
        if column is None:
            continue
        known, score = scores.setdefault(column, None), finding.score
        if score is not None and math.isfinite(score) and (known is None or score > known):
            scores[column] = score
    return scores


def _is_pair(column: Column, known: Mapping[Column, float]) -> bool:
    left, tilde, right = column[1].partition("~")
    return bool(tilde) and (False, left) in known and (False, right) in known


def _column_rank(score: float) -> float:
    """Columns come after everything else, the worst first."""
    return 2.0 + 1.0 / (1.0 + max(score, 0.0))


def _first(scored: Mapping[K, Any], most: int) -> list[K]:
    """The `most` keys with the highest scores; ties fall the same way every time."""
    return sorted(scored, key=lambda key: (scored[key], key), reverse=True)[:most]


def _order(window: WindowEntry) -> tuple[int, int, int]:
    return (window.span.end_ns or 0, window.span.start_ns or 0, window.revision)


def _present(**labels: str | None) -> Labels:
    return tuple((name, cut(value)) for name, value in labels.items() if value)
