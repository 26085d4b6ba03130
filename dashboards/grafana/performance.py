"""Performance of one model: estimated before labels come, realised from them."""

from collections.abc import Sequence

from dashboards.grafana.building import MODEL, OF_MODEL, VERSION, WINDOW, Dashboard, Panel, Query
from monitor.findings import AlertKind
from monitor.metrics.metric import Metric

_LOSSES = ("log_loss", "estimated_log_loss", "reweighted_log_loss", "brier_score", "estimated_brier_score")
_ERRORS = ("rmse", "mae", "estimated_rmse", "estimated_mae")
_TRUST = ("estimate_inside_ratio", "outside_support_ratio", "estimate_error")
"""Whether the estimates may be believed: the share that held, that of rows outside, and how far they were off."""
"""Metrics in the label's own unit; what is in no list lies between 0 and 1, larger being better."""


def performance(metrics: Sequence[Metric]) -> Dashboard:
    of_labels = [m for m in metrics if m.kind is AlertKind.PERFORMANCE]
    scores = [m for m in of_labels if m.name not in (*_LOSSES, *_ERRORS, *_TRUST)]
    return Dashboard(
        "outrider-performance",
        "Outrider / Performance",
        "How well the model did on the predictions that have labels. Late labels revise the past; the page shows now.",
        (
            Panel(
                "Scores (higher is better)",
                "Between 0 and 1; estimated ones are said before labels come.",
                _queries(scores),
                unit="percentunit",
            ),
            Panel(
                "Loss (lower is better)",
                "Of the predicted probabilities.",
                _queries([m for m in of_labels if m.name in _LOSSES]),
            ),
            Panel(
                "Error (lower is better)",
                "Of regressions, in the label's unit.",
                _queries([m for m in of_labels if m.name in _ERRORS]),
            ),
            Panel(
                "Label coverage, and trust in estimates",
                "Share of predictions with labels in the latest window that has some; of estimates that held; of rows where the baseline has never been.",
                (
                    Query(f"outrider_label_coverage_ratio{{{OF_MODEL}}}", "{{model_version}} {{window}}"),
                    *_queries([m for m in of_labels if m.name in _TRUST]),
                ),
                unit="percentunit",
            ),
            Panel(
                "Score over limit",
                "Above 1 the performance is beyond its limit.",
                (Query(f'outrider_threshold_ratio{{{OF_MODEL}, kind="performance"}}', "{{model_version}}"),),
                limit=1,
            ),
        ),
        (MODEL, VERSION, WINDOW),
    )


def _queries(metrics: Sequence[Metric]) -> tuple[Query, ...]:
    return tuple(
        Query(f"{m.prometheus}{{{OF_MODEL}}}", f"{m.name} {{{{model_version}}}} {{{{slice}}}}") for m in metrics
    )
