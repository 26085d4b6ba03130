"""Every metric there is, in the order in which they are measured. To add one: its file, one line here, one test file."""

from __future__ import annotations

from monitor.definitions import MonitoredModel
from monitor.findings import Measurement
from monitor.metrics.accuracy.accuracy import ACCURACY
from monitor.metrics.accuracy.f1 import F1
from monitor.metrics.accuracy.log_loss import LOG_LOSS
from monitor.metrics.accuracy.mae import MAE
from monitor.metrics.accuracy.rmse import RMSE
from monitor.metrics.accuracy.roc_auc import ROC_AUC
from monitor.metrics.anomaly.anomaly_ratio import ANOMALY_RATIO
from monitor.metrics.bias.equal_opportunity_difference import EQUAL_OPPORTUNITY_DIFFERENCE
from monitor.metrics.bias.impact_ratio import IMPACT_RATIO
from monitor.metrics.bias.parity_difference import PARITY_DIFFERENCE
from monitor.metrics.drift.chi2_statistic import CHI2_STATISTIC
from monitor.metrics.drift.correlation_distance import CORRELATION_DISTANCE
from monitor.metrics.drift.js_distance import JS_DISTANCE
from monitor.metrics.drift.ks_statistic import KS_STATISTIC
from monitor.metrics.drift.psi import PSI
from monitor.metrics.drift.wasserstein_normalized import WASSERSTEIN_NORMALIZED
from monitor.metrics.explanation.attribution_rank_correlation import ATTRIBUTION_RANK_CORRELATION
from monitor.metrics.metric import Comparison, Metric
from monitor.metrics.quality.missing_ratio import MISSING_RATIO
from monitor.metrics.quality.unseen_ratio import UNSEEN_RATIO
from monitor.tiles.tileset import Baseline, TileSet

METRICS: tuple[Metric, ...] = (
    JS_DISTANCE,
    KS_STATISTIC,
    PSI,
    WASSERSTEIN_NORMALIZED,
    CHI2_STATISTIC,
    CORRELATION_DISTANCE,
    MISSING_RATIO,
    UNSEEN_RATIO,
    ACCURACY,
    F1,
    ROC_AUC,
    LOG_LOSS,
    RMSE,
    MAE,
    PARITY_DIFFERENCE,
    IMPACT_RATIO,
    EQUAL_OPPORTUNITY_DIFFERENCE,
    ANOMALY_RATIO,
    ATTRIBUTION_RANK_CORRELATION,
)


def measure(baseline: Baseline, window: TileSet, model: MonitoredModel) -> list[Measurement]:
    """Every metric on every column, pair and group it applies to; what cannot be computed is there with its reason."""
    comparison = Comparison(baseline, window, model)
    return [measurement for metric in METRICS for measurement in metric.measure(comparison)]
