"""The second gate: how large an effect may be before it matters, by metric, and where that lies on the metric's own scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from monitor.findings import AlertKind

Tolerance = float | tuple[float, float]
"""A number that the effect may reach, or an allowed range of the metric's value."""

Rule = Literal["distance", "drop", "increase", "relative increase", "change", "multiple"]

RULES: Mapping[str, Rule] = {
    "js_distance": "distance",
    "correlation_distance": "distance",
    "association_distance": "distance",
    "mmd": "distance",
    "projection_ks": "distance",
    "joint_mmd": "distance",
    "reconstruction_error": "change",
    "missing_ratio": "increase",
    "unseen_ratio": "increase",
    "roc_auc": "drop",
    "accuracy": "drop",
    "f1": "drop",
    "log_loss": "relative increase",
    "rmse": "relative increase",
    "mae": "relative increase",
    "parity_difference": "change",
    "equal_opportunity_difference": "change",
    "anomaly_ratio": "multiple",
    "error_ratio": "increase",
    "latency": "relative increase",
}
"""What the effect of a tested metric is, against the baseline's value of it."""

DEFAULTS: Mapping[str, float] = {
    "js_distance": 0.05,
    "correlation_distance": 0.1,
    "association_distance": 0.1,
    "mmd": 0.05,
    "projection_ks": 0.05,
    "joint_mmd": 0.05,
    "reconstruction_error": 0.05,
    "missing_ratio": 0.01,
    "unseen_ratio": 0.01,
    "roc_auc": 0.02,
    "accuracy": 0.02,
    "f1": 0.02,
    "log_loss": 0.1,
    "rmse": 0.1,
    "mae": 0.1,
    "parity_difference": 0.05,
    "equal_opportunity_difference": 0.05,
    "anomaly_ratio": 3.0,
    "error_ratio": 0.01,
    "latency": 0.1,
}
"""Default tolerances, and the units in which an effect of any metric is called twice as bad."""

AT_MOST = frozenset({"domain_classifier_auc", "correlation_max_z", "correlation_matrix_distance"})
"""Drift metrics without a test of their own and without a column: a declared number is the most they may be."""

DISTRIBUTION_KINDS = frozenset({AlertKind.DRIFT, AlertKind.PREDICTION_DRIFT, AlertKind.LABEL_DRIFT})
"""Families whose univariate metrics all share the evidence of the distribution's test."""


def level(metric: str, reference: float, tolerance: float) -> float | tuple[float, float]:
    """The tolerance on the metric's own scale: what a chart draws as its threshold."""
    rule = RULES[metric]
    if rule == "distance":
        return tolerance
    if rule == "drop":
        return reference - tolerance
    if rule == "increase":
        return reference + tolerance
    if rule == "relative increase":
        return reference * (1 + tolerance)
    if rule == "multiple":
        return reference * tolerance
    return (reference - tolerance, reference + tolerance)


def severity(metric: str, effect: float) -> float:
    """An effect in units of the metric's default tolerance, so that effects of different metrics compare."""
    return effect / DEFAULTS.get(metric, DEFAULT_UNIT)


DEFAULT_UNIT = 0.05
"""Unit of metrics that are only judged by a declared range."""
