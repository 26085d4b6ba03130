"""What each family of alerts tests, one family a file; `FAMILIES` names them all.

A family turns a *look* (tiles of a window or a merge, beside the baseline) into *tests*: one p-value per subject, and on
demand the effect with its interval.
"""

from collections.abc import Callable, Mapping, Sequence

from monitor.alerts.evidence.anomaly import anomaly_tests
from monitor.alerts.evidence.attribution import attribution_tests
from monitor.alerts.evidence.distribution import label_tests, prediction_tests
from monitor.alerts.evidence.drift import drift_tests
from monitor.alerts.evidence.fairness import fairness_tests
from monitor.alerts.evidence.performance import performance_tests
from monitor.alerts.evidence.quality import quality_tests
from monitor.alerts.evidence.trials import Look, Trials
from monitor.findings import AlertKind

FAMILIES: Mapping[AlertKind, Callable[[Look], Sequence[Trials]]] = {
    AlertKind.DRIFT: drift_tests,
    AlertKind.PREDICTION_DRIFT: prediction_tests,
    AlertKind.LABEL_DRIFT: label_tests,
    AlertKind.PERFORMANCE: performance_tests,
    AlertKind.FAIRNESS: fairness_tests,
    AlertKind.QUALITY: quality_tests,
    AlertKind.ANOMALY: anomaly_tests,
    AlertKind.ATTRIBUTION: attribution_tests,
}

__all__ = ["FAMILIES", "Look", "Trials"]
