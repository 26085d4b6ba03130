"""The closed lists of words: what a finding may say, what may call a person, and where its life may be."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal


class Status(StrEnum):
    """The seven words, on every surface. `value` is null for the last three and `reason` says why."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    INSUFFICIENT_DATA = "insufficient_data"
    UNDEFINED = "undefined"
    NO_DATA = "no_data"
    ERROR = "error"


WORST_FIRST = (
    Status.CRITICAL,
    Status.ERROR,
    Status.WARNING,
    Status.OK,
    Status.INSUFFICIENT_DATA,
    Status.UNDEFINED,
    Status.NO_DATA,
)
"""What many findings say together is the first of these that any of them says: what is wrong, then what is well, and what
could not be said only where nothing else was."""


class AlertKind(StrEnum):
    DRIFT = "drift"
    PREDICTION_DRIFT = "prediction_drift"
    LABEL_DRIFT = "label_drift"
    PERFORMANCE = "performance"
    FAIRNESS = "fairness"
    QUALITY = "quality"
    ANOMALY = "anomaly"
    ATTRIBUTION = "attribution"
    CAPTURE = "capture"


SEVERITIES: Mapping[AlertKind, Literal["page", "ticket", "info"]] = {
    kind: "info" if kind is AlertKind.ATTRIBUTION else "ticket" for kind in AlertKind
}
"""Nothing about a model wakes anyone by default: drift and its kin are work for the day, attributions are news."""


ALERT_NAMES: Mapping[AlertKind, str] = {
    AlertKind.DRIFT: "OutriderDrift",
    AlertKind.PREDICTION_DRIFT: "OutriderPredictionDrift",
    AlertKind.LABEL_DRIFT: "OutriderLabelDrift",
    AlertKind.PERFORMANCE: "OutriderPerformanceBelowTarget",
    AlertKind.FAIRNESS: "OutriderFairnessGap",
    AlertKind.QUALITY: "OutriderDataQuality",
    AlertKind.ANOMALY: "OutriderAnomalySurge",
    AlertKind.ATTRIBUTION: "OutriderAttributionShift",
    AlertKind.CAPTURE: "OutriderCaptureLoss",
}
"""`alertname` of each kind, the same as in the rules for Prometheus: a route or silence holds for both ways."""


class HeldFor(StrEnum):
    """Why nobody is told of an alert for now."""

    SILENCE = "silence"
    CAUSE = "cause"
    """An open alert that explains it: capture loses records, or the data is at fault."""
    DEPLOYMENT = "deployment"
    TRAFFIC = "traffic"


class AlertStatus(StrEnum):
    """States of an alert's life; silenced, inhibited and acknowledged are flags beside them."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    CLOSED = "closed"
    INSUFFICIENT_DATA = "insufficient_data"
    NO_DATA = "no_data"
    ERROR = "error"
