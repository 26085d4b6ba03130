"""Every page for Kibana, in the order of the menu."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.kibana.building import Page, Table, count_chart, counts_chart, heat_map, line_chart
from monitor.findings import AlertKind
from monitor.metrics.metric import Metric

_FINDING = {"outrider.document": "finding"}
_FINDING_COLUMNS = (
    "outrider.model.name",
    "outrider.model.version",
    "outrider.metric",
    "outrider.feature",
    "outrider.slice",
    "outrider.value",
    "outrider.threshold.high",
    "outrider.counts.window",
    "outrider.status",
    "outrider.reason",
    "outrider.revision",
)


def drift(metrics: Sequence[Metric]) -> Page:
    where = {**_FINDING, "outrider.kind": AlertKind.DRIFT.value}
    shown = next(m for m in metrics if m.name == "js_distance")
    return Page(
        "drift",
        "Outrider: drift",
        "Which features moved away from the baseline, since when, and how far.",
        (
            heat_map(
                "drift-features",
                "Features over their limit (1 is at the limit)",
                where,
                by="outrider.feature",
                of="outrider.score",
                label="score over limit",
            ),
            line_chart(
                "drift-distance",
                shown.help.rstrip("."),
                {**where, "outrider.metric": shown.name},
                by="outrider.feature",
                of="outrider.value",
                label=shown.name,
            ),
            line_chart(
                "drift-predictions",
                "Drift of the predictions",
                {**_FINDING, "outrider.kind": AlertKind.PREDICTION_DRIFT.value},
                by="outrider.metric",
                of="outrider.value",
                label="value",
            ),
            count_chart("drift-status", "Findings by status", "window", where, by="outrider.status"),
            Table("drift-findings", "Drift findings", "window", where, _FINDING_COLUMNS),
        ),
    )


def performance(metrics: Sequence[Metric]) -> Page:
    where = {**_FINDING, "outrider.kind": AlertKind.PERFORMANCE.value}
    named = [m.name for m in metrics if m.kind is AlertKind.PERFORMANCE]
    losses = [name for name in named if name.endswith(("log_loss", "rmse", "mae"))]
    scores = [name for name in named if name not in (*losses, "estimate_error", "outside_support_ratio")]
    return Page(
        "performance",
        "Outrider: performance",
        "How well models did on the predictions that have labels; late labels revise the past.",
        (
            line_chart(
                "performance-scores",
                "Scores (higher is better)",
                {**where, "outrider.metric": scores},
                by="outrider.metric",
                of="outrider.value",
                label="score",
            ),
            line_chart(
                "performance-losses",
                "Losses and errors (lower is better)",
                {**where, "outrider.metric": losses},
                by="outrider.metric",
                of="outrider.value",
                label="loss",
            ),
            line_chart(
                "performance-coverage",
                "Label coverage",
                {"outrider.document": "window"},
                by="outrider.model.name",
                of="outrider.counts.labelled",
                share_of="outrider.counts.window",
                label="share labelled",
            ),
            Table("performance-findings", "Performance findings", "window", where, _FINDING_COLUMNS),
        ),
    )


def fairness(metrics: Sequence[Metric]) -> Page:
    where = {**_FINDING, "outrider.kind": AlertKind.FAIRNESS.value}
    of_groups = [m for m in metrics if m.kind is AlertKind.FAIRNESS]
    return Page(
        "fairness",
        "Outrider: fairness",
        "How groups are treated beside their base group.",
        (
            *(
                line_chart(
                    f"fairness-{m.name.replace('_', '-')}",
                    m.help.rstrip("."),
                    {**where, "outrider.metric": m.name},
                    by="outrider.slice",
                    of="outrider.value",
                    label=m.name,
                )
                for m in of_groups
            ),
            Table("fairness-findings", "Fairness findings", "window", where, _FINDING_COLUMNS),
        ),
    )


def quality(metrics: Sequence[Metric]) -> Page:
    kinds = (AlertKind.QUALITY.value, AlertKind.ANOMALY.value, AlertKind.ATTRIBUTION.value)
    where = {**_FINDING, "outrider.kind": kinds}
    of_windows = [m.name for m in metrics if m.kind in (AlertKind.ANOMALY, AlertKind.ATTRIBUTION)]
    return Page(
        "quality",
        "Outrider: data quality, anomalies, attributions",
        "Whether inputs arrive whole, how many rows are unlike the baseline, and what the model goes by.",
        (
            heat_map(
                "quality-features",
                "Missing and unseen values by feature (worst share)",
                {**_FINDING, "outrider.kind": AlertKind.QUALITY.value},
                by="outrider.feature",
                of="outrider.value",
                label="share",
            ),
            line_chart(
                "quality-windows",
                "Anomalous rows and attributions",
                {**_FINDING, "outrider.metric": of_windows},
                by="outrider.metric",
                of="outrider.value",
                label="value",
            ),
            Table("quality-findings", "Quality findings", "window", where, _FINDING_COLUMNS),
        ),
    )


def capture() -> Page:
    return Page(
        "capture",
        "Outrider: capture",
        "How much of the traffic each window saw. Gauges of the sidecars themselves are in Prometheus.",
        (
            counts_chart(
                "capture-outcomes",
                "Exchanges of the latest windows by outcome",
                ("captured", "sampled_out", "dropped", "undecodable"),
            ),
            line_chart(
                "capture-rows",
                "Rows in the window",
                {"outrider.document": "window"},
                by="outrider.model.name",
                of="outrider.counts.window",
                label="rows",
            ),
            Table(
                "capture-windows",
                "Windows",
                "window",
                {"outrider.document": "window"},
                (
                    "outrider.model.name",
                    "outrider.model.version",
                    "outrider.window.name",
                    "outrider.status",
                    "outrider.counts.window",
                    "outrider.counts.seen",
                    "outrider.counts.captured",
                    "outrider.counts.dropped",
                    "outrider.counts.undecodable",
                    "outrider.counts.labelled",
                    "outrider.revision",
                ),
            ),
        ),
    )


def alerts() -> Page:
    where = {"outrider.document": "alert"}
    return Page(
        "alerts",
        "Outrider: alerts",
        "Every transition of every alert.",
        (
            count_chart("alerts-kinds", "Transitions by kind", "alert", where, by="outrider.kind"),
            count_chart("alerts-states", "Transitions by state", "alert", where, by="outrider.state"),
            Table(
                "alerts-transitions",
                "Alert transitions",
                "alert",
                where,
                (
                    "outrider.model.name",
                    "outrider.model.version",
                    "outrider.kind",
                    "outrider.state",
                    "message",
                    "outrider.value",
                    "outrider.threshold.high",
                    "outrider.features.name",
                ),
            ),
        ),
    )


def pages(metrics: Sequence[Metric]) -> tuple[Page, ...]:
    return (
        drift(metrics),
        performance(metrics),
        fairness(metrics),
        quality(metrics),
        capture(),
        alerts(),
    )
