"""The page of `outrider compare --html`: one file that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from monitor.findings import AlertKind, AlertStatus, FeatureScore, Finding, Status, Transition

_BAR_SCORE_MAX = 4.0
"""Score at which a bar of the ranking is full: beyond four times the limit more ink says nothing more."""
_KINDS = {
    AlertKind.DRIFT: "Input drift",
    AlertKind.PREDICTION_DRIFT: "Prediction drift",
    AlertKind.LABEL_DRIFT: "Label drift",
    AlertKind.PERFORMANCE: "Performance",
    AlertKind.FAIRNESS: "Fairness",
    AlertKind.QUALITY: "Data quality",
    AlertKind.ANOMALY: "Anomalies",
    AlertKind.ATTRIBUTION: "Attributions",
    AlertKind.CAPTURE: "Capture",
}
_LOOK = {Status.OK: "ok", Status.WARNING: "warn", Status.CRITICAL: "crit", Status.ERROR: "crit"}
_RANK = {Status.CRITICAL: 0, Status.ERROR: 1, Status.WARNING: 2, Status.OK: 3}


@dataclass(frozen=True, slots=True)
class _Line:
    """One finding as it is shown."""

    name: str
    metric: str
    value: str
    interval: str
    limit: str
    origin: str
    bar: float | None
    n_window: str
    n_baseline: str
    n_missing: str
    status: str
    look: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Group:
    """The findings of one kind, worst first."""

    title: str
    status: str
    look: str
    lines: tuple[_Line, ...]


def comparison_page(names: tuple[str, str], findings: Sequence[Finding], transitions: Sequence[Transition]) -> bytes:
    """Self-contained HTML: the answer in a sentence, what would call a person, and every finding with its n and limit."""
    order = list(AlertKind)
    firing = sorted((t for t in transitions if t.state == AlertStatus.FIRING), key=lambda t: order.index(t.kind))
    groups = [_group(kind, [f for f in findings if f.kind == kind]) for kind in AlertKind]
    page = (
        _environment()
        .get_template("comparison.html")
        .render(
            baseline=names[0],
            window=names[1],
            rows_baseline=f"{max((f.n_baseline for f in findings), default=0):,}",
            rows_window=f"{max((f.n_window for f in findings), default=0):,}",
            headline=_headline(firing, findings),
            look="crit" if firing else _look_of_all(findings),
            alerts=[_Alert(_KINDS[t.kind], t.summary, tuple(map(_ranked, t.features))) for t in firing],
            groups=[group for group in groups if group.lines],
            style=(files("dashboards.web") / "static" / "style.css").read_text("utf-8"),
        )
    )
    return page.encode()


def _ranked(score: FeatureScore) -> str:
    detail = score.detail or score.metric
    detail = detail if score.slice in (None, score.feature) else f"{detail}, of {score.slice}"
    return detail if detail.startswith(score.feature) else f"{score.feature}: {detail}"


@dataclass(frozen=True, slots=True)
class _Alert:
    title: str
    summary: str
    features: tuple[str, ...]


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("dashboards.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def _headline(firing: Sequence[Transition], findings: Sequence[Finding]) -> str:
    if firing:
        return firing[0].summary
    judged = [f for f in findings if f.status in _RANK]
    if not judged:
        return "Nothing could be judged: the findings below say why"
    warned = sum(f.status == Status.WARNING for f in findings)
    if warned:
        return f"Nothing to alert about; {warned:,} of {len(judged):,} findings are worth a look"
    return f"No drift: all {len(judged):,} findings are within their limits"


def _look_of_all(findings: Sequence[Finding]) -> str:
    worst = min((f.status for f in findings if f.status in _RANK), key=_RANK.__getitem__, default=None)
    return "wait" if worst is None else _LOOK[worst]


def _group(kind: AlertKind, findings: Sequence[Finding]) -> _Group:
    ranked = sorted(findings, key=lambda f: (_RANK.get(f.status, len(_RANK)), -(f.score or 0.0)))
    worst = ranked[0].status if ranked else Status.NO_DATA
    return _Group(_KINDS[kind], _word(worst), _LOOK.get(worst, "wait"), tuple(map(_line, ranked)))


def _line(finding: Finding) -> _Line:
    limit = finding.threshold
    known = finding.low is not None and finding.high is not None
    named = [part for part in (finding.feature, finding.slice) if part]
    return _Line(
        name=", ".join(named) or "whole model",
        metric=finding.metric,
        value="none" if finding.value is None else _number(finding.value),
        interval=f"{_number(finding.low)} to {_number(finding.high)}" if known else "",
        limit=" to ".join(map(_number, limit)) if isinstance(limit, tuple) else _number(limit),
        origin=finding.threshold_origin or "",
        bar=None if finding.score is None else min(max(finding.score, 0.0) / _BAR_SCORE_MAX, 1.0) * 100,
        n_window=f"{finding.n_window:,}",
        n_baseline=f"{finding.n_baseline:,}",
        n_missing=f"{finding.n_missing:,}",
        status=_word(finding.status),
        look=_LOOK.get(finding.status, "wait"),
        reason=finding.reason or "",
    )


def _word(status: Status) -> str:
    return {"insufficient_data": "insufficient", "no_data": "no data"}.get(status.value, status.value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
