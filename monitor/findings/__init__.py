"""What we conclude: measurements, findings, alerts. Values only; every surface shows these records and none recomputes them."""

from monitor.findings.alerting import Alert, Transition
from monitor.findings.documents import (
    cause_document,
    exhibit_document,
    feature_document,
    finding_document,
    overlay_document,
    report_document,
    rfc3339,
    transition_document,
    window_document,
)
from monitor.findings.evidence import (
    Cause,
    ChangedBin,
    Comparison,
    Exhibit,
    FeatureScore,
    FoundSlice,
    Impact,
    Overlay,
    Since,
    Verdict,
)
from monitor.findings.kinds import ALERT_NAMES, SEVERITIES, AlertKind, AlertStatus, Status
from monitor.findings.measured import Finding, Forecast, Measurement, Span, Value

__all__ = [
    "ALERT_NAMES",
    "SEVERITIES",
    "Alert",
    "AlertKind",
    "AlertStatus",
    "Cause",
    "ChangedBin",
    "Comparison",
    "Exhibit",
    "FeatureScore",
    "Finding",
    "Forecast",
    "FoundSlice",
    "Impact",
    "Measurement",
    "Overlay",
    "Since",
    "Span",
    "Status",
    "Transition",
    "Value",
    "Verdict",
    "cause_document",
    "exhibit_document",
    "feature_document",
    "finding_document",
    "overlay_document",
    "report_document",
    "rfc3339",
    "transition_document",
    "window_document",
]
