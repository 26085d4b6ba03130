"""Every metric there is, in the order in which they are measured. To add one: its file, one line here, one test file."""

from __future__ import annotations

from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.findings import Measurement
from monitor.metrics.accuracy.accuracy import ACCURACY
from monitor.metrics.accuracy.average_precision import AVERAGE_PRECISION
from monitor.metrics.accuracy.balanced_accuracy import BALANCED_ACCURACY
from monitor.metrics.accuracy.brier_score import BRIER_SCORE
from monitor.metrics.accuracy.business_cost import BUSINESS_COST
from monitor.metrics.accuracy.calibration_in_the_large import CALIBRATION_IN_THE_LARGE
from monitor.metrics.accuracy.calibration_slope import CALIBRATION_SLOPE
from monitor.metrics.accuracy.class_brier_score import CLASS_BRIER_SCORE
from monitor.metrics.accuracy.class_f1 import CLASS_F1
from monitor.metrics.accuracy.class_log_loss import CLASS_LOG_LOSS
from monitor.metrics.accuracy.class_precision import CLASS_PRECISION
from monitor.metrics.accuracy.class_recall import CLASS_RECALL
from monitor.metrics.accuracy.classwise_calibration_error import CLASSWISE_CALIBRATION_ERROR
from monitor.metrics.accuracy.expected_calibration_error import EXPECTED_CALIBRATION_ERROR
from monitor.metrics.accuracy.f1 import F1
from monitor.metrics.accuracy.f1_micro import F1_MICRO
from monitor.metrics.accuracy.f1_samples import F1_SAMPLES
from monitor.metrics.accuracy.f1_weighted import F1_WEIGHTED
from monitor.metrics.accuracy.gini import GINI
from monitor.metrics.accuracy.hamming_loss import HAMMING_LOSS
from monitor.metrics.accuracy.interval_coverage import INTERVAL_COVERAGE
from monitor.metrics.accuracy.lift_at_10_percent import LIFT_AT_10_PERCENT
from monitor.metrics.accuracy.log_loss import LOG_LOSS
from monitor.metrics.accuracy.mae import MAE
from monitor.metrics.accuracy.mcc import MCC
from monitor.metrics.accuracy.mean_average_precision import MEAN_AVERAGE_PRECISION
from monitor.metrics.accuracy.mean_error import MEAN_ERROR
from monitor.metrics.accuracy.mean_reciprocal_rank import MEAN_RECIPROCAL_RANK
from monitor.metrics.accuracy.ndcg import NDCG
from monitor.metrics.accuracy.pinball_loss import PINBALL_LOSS
from monitor.metrics.accuracy.precision import PRECISION
from monitor.metrics.accuracy.precision_at_10 import PRECISION_AT_10
from monitor.metrics.accuracy.quantile_coverage import QUANTILE_COVERAGE
from monitor.metrics.accuracy.r2 import R2
from monitor.metrics.accuracy.ranked_probability_score import RANKED_PROBABILITY_SCORE
from monitor.metrics.accuracy.recall import RECALL
from monitor.metrics.accuracy.rmse import RMSE
from monitor.metrics.accuracy.roc_auc import ROC_AUC
from monitor.metrics.accuracy.score_ks import SCORE_KS
from monitor.metrics.accuracy.specificity import SPECIFICITY
from monitor.metrics.accuracy.top_3_accuracy import TOP_3_ACCURACY
from monitor.metrics.accuracy.top_label_calibration_error import TOP_LABEL_CALIBRATION_ERROR
from monitor.metrics.anomaly.anomaly_ratio import ANOMALY_RATIO
from monitor.metrics.bias.accuracy_difference import ACCURACY_DIFFERENCE
from monitor.metrics.bias.average_odds_difference import AVERAGE_ODDS_DIFFERENCE
from monitor.metrics.bias.conditional_acceptance_difference import CONDITIONAL_ACCEPTANCE_DIFFERENCE
from monitor.metrics.bias.conditional_label_disparity import CONDITIONAL_LABEL_DISPARITY
from monitor.metrics.bias.conditional_prediction_disparity import CONDITIONAL_PREDICTION_DISPARITY
from monitor.metrics.bias.conditional_rejection_difference import CONDITIONAL_REJECTION_DIFFERENCE
from monitor.metrics.bias.detectable_opportunity_difference import DETECTABLE_OPPORTUNITY_DIFFERENCE
from monitor.metrics.bias.detectable_parity_difference import DETECTABLE_PARITY_DIFFERENCE
from monitor.metrics.bias.equal_opportunity_difference import EQUAL_OPPORTUNITY_DIFFERENCE
from monitor.metrics.bias.false_positive_rate_difference import FALSE_POSITIVE_RATE_DIFFERENCE
from monitor.metrics.bias.flip_test import FLIP_TEST
from monitor.metrics.bias.generalized_entropy import GENERALIZED_ENTROPY
from monitor.metrics.bias.group_imbalance import GROUP_IMBALANCE
from monitor.metrics.bias.impact_ratio import IMPACT_RATIO
from monitor.metrics.bias.label_js_divergence import LABEL_JS_DIVERGENCE
from monitor.metrics.bias.label_kl_divergence import LABEL_KL_DIVERGENCE
from monitor.metrics.bias.label_ks import LABEL_KS
from monitor.metrics.bias.label_lp_norm import LABEL_LP_NORM
from monitor.metrics.bias.label_parity_difference import LABEL_PARITY_DIFFERENCE
from monitor.metrics.bias.label_total_variation import LABEL_TOTAL_VARIATION
from monitor.metrics.bias.negative_predictive_value_difference import NEGATIVE_PREDICTIVE_VALUE_DIFFERENCE
from monitor.metrics.bias.odds_difference import ODDS_DIFFERENCE
from monitor.metrics.bias.parity_difference import PARITY_DIFFERENCE
from monitor.metrics.bias.predictive_parity_difference import PREDICTIVE_PARITY_DIFFERENCE
from monitor.metrics.bias.treatment_equality import TREATMENT_EQUALITY
from monitor.metrics.drift.anderson_darling import ANDERSON_DARLING
from monitor.metrics.drift.association_distance import ASSOCIATION_DISTANCE
from monitor.metrics.drift.centroid_cosine_distance import CENTROID_COSINE_DISTANCE
from monitor.metrics.drift.centroid_distance import CENTROID_DISTANCE
from monitor.metrics.drift.chi2_statistic import CHI2_STATISTIC
from monitor.metrics.drift.correlation_distance import CORRELATION_DISTANCE
from monitor.metrics.drift.correlation_matrix_distance import CORRELATION_MATRIX_DISTANCE
from monitor.metrics.drift.correlation_max_z import CORRELATION_MAX_Z
from monitor.metrics.drift.cramer_von_mises import CRAMER_VON_MISES
from monitor.metrics.drift.cramers_v import CRAMERS_V
from monitor.metrics.drift.domain_classifier_auc import DOMAIN_CLASSIFIER_AUC
from monitor.metrics.drift.energy_distance import ENERGY_DISTANCE
from monitor.metrics.drift.g_statistic import G_STATISTIC
from monitor.metrics.drift.hellinger_distance import HELLINGER_DISTANCE
from monitor.metrics.drift.joint_mmd import JOINT_MMD
from monitor.metrics.drift.js_distance import JS_DISTANCE
from monitor.metrics.drift.kl_divergence import KL_DIVERGENCE
from monitor.metrics.drift.ks_statistic import KS_STATISTIC
from monitor.metrics.drift.l_infinity import L_INFINITY
from monitor.metrics.drift.mean_shift import MEAN_SHIFT
from monitor.metrics.drift.mmd import MMD
from monitor.metrics.drift.new_categories import NEW_CATEGORIES
from monitor.metrics.drift.projection_ks import PROJECTION_KS
from monitor.metrics.drift.psi import PSI
from monitor.metrics.drift.rare_log_odds import RARE_LOG_ODDS
from monitor.metrics.drift.reconstruction_error import RECONSTRUCTION_ERROR
from monitor.metrics.drift.share_difference import SHARE_DIFFERENCE
from monitor.metrics.drift.total_variation import TOTAL_VARIATION
from monitor.metrics.drift.vanished_categories import VANISHED_CATEGORIES
from monitor.metrics.drift.wasserstein_normalized import WASSERSTEIN_NORMALIZED
from monitor.metrics.drift.wasserstein_robust import WASSERSTEIN_ROBUST
from monitor.metrics.estimation.estimate_error import ESTIMATE_ERROR
from monitor.metrics.estimation.estimate_inside_ratio import ESTIMATE_INSIDE_RATIO
from monitor.metrics.estimation.estimated_accuracy import ESTIMATED_ACCURACY
from monitor.metrics.estimation.estimated_brier_score import ESTIMATED_BRIER_SCORE
from monitor.metrics.estimation.estimated_class_f1 import ESTIMATED_CLASS_F1
from monitor.metrics.estimation.estimated_class_precision import ESTIMATED_CLASS_PRECISION
from monitor.metrics.estimation.estimated_class_recall import ESTIMATED_CLASS_RECALL
from monitor.metrics.estimation.estimated_class_roc_auc import ESTIMATED_CLASS_ROC_AUC
from monitor.metrics.estimation.estimated_equal_opportunity_difference import ESTIMATED_EQUAL_OPPORTUNITY_DIFFERENCE
from monitor.metrics.estimation.estimated_f1 import ESTIMATED_F1
from monitor.metrics.estimation.estimated_log_loss import ESTIMATED_LOG_LOSS
from monitor.metrics.estimation.estimated_mae import ESTIMATED_MAE
from monitor.metrics.estimation.estimated_precision import ESTIMATED_PRECISION
from monitor.metrics.estimation.estimated_recall import ESTIMATED_RECALL
from monitor.metrics.estimation.estimated_rmse import ESTIMATED_RMSE
from monitor.metrics.estimation.estimated_roc_auc import ESTIMATED_ROC_AUC
from monitor.metrics.estimation.estimated_specificity import ESTIMATED_SPECIFICITY
from monitor.metrics.estimation.label_shift import LABEL_SHIFT
from monitor.metrics.estimation.outside_support_ratio import OUTSIDE_SUPPORT_RATIO
from monitor.metrics.estimation.reweighted_accuracy import REWEIGHTED_ACCURACY
from monitor.metrics.estimation.reweighted_f1 import REWEIGHTED_F1
from monitor.metrics.estimation.reweighted_log_loss import REWEIGHTED_LOG_LOSS
from monitor.metrics.estimation.reweighted_roc_auc import REWEIGHTED_ROC_AUC
from monitor.metrics.explanation.attribution_rank_correlation import ATTRIBUTION_RANK_CORRELATION
from monitor.metrics.metric import Comparison, Metric
from monitor.metrics.quality.commonest_ratio import COMMONEST_RATIO
from monitor.metrics.quality.duplicate_id_ratio import DUPLICATE_ID_RATIO
from monitor.metrics.quality.duplicate_row_ratio import DUPLICATE_ROW_RATIO
from monitor.metrics.quality.error_ratio import ERROR_RATIO
from monitor.metrics.quality.freshness_seconds import FRESHNESS_SECONDS
from monitor.metrics.quality.future_ratio import FUTURE_RATIO
from monitor.metrics.quality.infinite_ratio import INFINITE_RATIO
from monitor.metrics.quality.latency_p50_seconds import LATENCY_P50_SECONDS
from monitor.metrics.quality.latency_p95_seconds import LATENCY_P95_SECONDS
from monitor.metrics.quality.latency_p99_seconds import LATENCY_P99_SECONDS
from monitor.metrics.quality.longest_gap_seconds import LONGEST_GAP_SECONDS
from monitor.metrics.quality.missing_ratio import MISSING_RATIO
from monitor.metrics.quality.nan_ratio import NAN_RATIO
from monitor.metrics.quality.out_of_range_ratio import OUT_OF_RANGE_RATIO
from monitor.metrics.quality.schema_violation_ratio import SCHEMA_VIOLATION_RATIO
from monitor.metrics.quality.unseen_ratio import UNSEEN_RATIO
from monitor.metrics.slices import measure_slices
from monitor.metrics.streaming.error_change_point import ERROR_CHANGE_POINT
from monitor.metrics.streaming.error_change_point_age_seconds import ERROR_CHANGE_POINT_AGE_SECONDS
from monitor.metrics.streaming.error_page_hinkley import ERROR_PAGE_HINKLEY
from monitor.metrics.streaming.score_change_point import SCORE_CHANGE_POINT
from monitor.metrics.streaming.score_change_point_age_seconds import SCORE_CHANGE_POINT_AGE_SECONDS
from monitor.metrics.streaming.score_page_hinkley import SCORE_PAGE_HINKLEY
from monitor.tiles.stream import Stream
from monitor.tiles.tileset import Baseline, TileSet

STANDARD: tuple[Metric, ...] = (
    JS_DISTANCE,
    KS_STATISTIC,
    PSI,
    WASSERSTEIN_NORMALIZED,
    CHI2_STATISTIC,
    CORRELATION_DISTANCE,
    MMD,
    PROJECTION_KS,
    CENTROID_DISTANCE,
    CENTROID_COSINE_DISTANCE,
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
    ESTIMATED_ACCURACY,
    ESTIMATED_F1,
    ESTIMATED_ROC_AUC,
    ESTIMATED_LOG_LOSS,
    ESTIMATED_MAE,
    ESTIMATED_RMSE,
    ESTIMATED_EQUAL_OPPORTUNITY_DIFFERENCE,
    OUTSIDE_SUPPORT_RATIO,
    ESTIMATE_ERROR,
    ESTIMATE_INSIDE_RATIO,
    LABEL_SHIFT,
)
"""Measured of every model that they apply to: what alerts and dashboards rest on."""

STREAMING: tuple[Metric, ...] = (
    SCORE_CHANGE_POINT,
    SCORE_CHANGE_POINT_AGE_SECONDS,
    SCORE_PAGE_HINKLEY,
    ERROR_CHANGE_POINT,
    ERROR_CHANGE_POINT_AGE_SECONDS,
    ERROR_PAGE_HINKLEY,
)
"""Those that look along the last windows. They are shown and never judged."""

SERVICE: tuple[Metric, ...] = (ERROR_RATIO, LATENCY_P50_SECONDS, LATENCY_P95_SECONDS, LATENCY_P99_SECONDS)
"""Of exchanges as a sidecar saw them; measured too where versions are declared."""

ON_REQUEST: tuple[Metric, ...] = (
    KL_DIVERGENCE,
    HELLINGER_DISTANCE,
    TOTAL_VARIATION,
    L_INFINITY,
    G_STATISTIC,
    CRAMERS_V,
    ENERGY_DISTANCE,
    CRAMER_VON_MISES,
    ANDERSON_DARLING,
    WASSERSTEIN_ROBUST,
    MEAN_SHIFT,
    SHARE_DIFFERENCE,
    RARE_LOG_ODDS,
    NEW_CATEGORIES,
    VANISHED_CATEGORIES,
    RECONSTRUCTION_ERROR,
    JOINT_MMD,
    DOMAIN_CLASSIFIER_AUC,
    ASSOCIATION_DISTANCE,
    CORRELATION_MAX_Z,
    CORRELATION_MATRIX_DISTANCE,
    OUT_OF_RANGE_RATIO,
    NAN_RATIO,
    INFINITE_RATIO,
    COMMONEST_RATIO,
    DUPLICATE_ROW_RATIO,
    DUPLICATE_ID_RATIO,
    LONGEST_GAP_SECONDS,
    FRESHNESS_SECONDS,
    FUTURE_RATIO,
    SCHEMA_VIOLATION_RATIO,
    PRECISION,
    RECALL,
    SPECIFICITY,
    BALANCED_ACCURACY,
    MCC,
    AVERAGE_PRECISION,
    BRIER_SCORE,
    EXPECTED_CALIBRATION_ERROR,
    CALIBRATION_SLOPE,
    CALIBRATION_IN_THE_LARGE,
    R2,
    MEAN_ERROR,
    GINI,
    SCORE_KS,
    LIFT_AT_10_PERCENT,
    BUSINESS_COST,
    HAMMING_LOSS,
    F1_MICRO,
    F1_SAMPLES,
    CLASS_PRECISION,
    CLASS_RECALL,
    CLASS_F1,
    F1_WEIGHTED,
    CLASS_LOG_LOSS,
    CLASS_BRIER_SCORE,
    RANKED_PROBABILITY_SCORE,
    TOP_3_ACCURACY,
    CLASSWISE_CALIBRATION_ERROR,
    TOP_LABEL_CALIBRATION_ERROR,
    PINBALL_LOSS,
    QUANTILE_COVERAGE,
    INTERVAL_COVERAGE,
    NDCG,
    MEAN_AVERAGE_PRECISION,
    MEAN_RECIPROCAL_RANK,
    PRECISION_AT_10,
    ODDS_DIFFERENCE,
    AVERAGE_ODDS_DIFFERENCE,
    FALSE_POSITIVE_RATE_DIFFERENCE,
    PREDICTIVE_PARITY_DIFFERENCE,
    ACCURACY_DIFFERENCE,
    TREATMENT_EQUALITY,
    GROUP_IMBALANCE,
    LABEL_PARITY_DIFFERENCE,
    LABEL_KL_DIVERGENCE,
    LABEL_JS_DIVERGENCE,
    LABEL_LP_NORM,
    LABEL_TOTAL_VARIATION,
    LABEL_KS,
    CONDITIONAL_ACCEPTANCE_DIFFERENCE,
    CONDITIONAL_REJECTION_DIFFERENCE,
    NEGATIVE_PREDICTIVE_VALUE_DIFFERENCE,
    CONDITIONAL_LABEL_DISPARITY,
    CONDITIONAL_PREDICTION_DISPARITY,
    FLIP_TEST,
    GENERALIZED_ENTROPY,
    DETECTABLE_PARITY_DIFFERENCE,
    DETECTABLE_OPPORTUNITY_DIFFERENCE,
    ESTIMATED_PRECISION,
    ESTIMATED_RECALL,
    ESTIMATED_SPECIFICITY,
    ESTIMATED_BRIER_SCORE,
    ESTIMATED_CLASS_PRECISION,
    ESTIMATED_CLASS_RECALL,
    ESTIMATED_CLASS_F1,
    ESTIMATED_CLASS_ROC_AUC,
    REWEIGHTED_ACCURACY,
    REWEIGHTED_F1,
    REWEIGHTED_ROC_AUC,
    REWEIGHTED_LOG_LOSS,
    *SERVICE,
    *STREAMING,
)
"""Measured where a declaration names them, for each costs time and storage in every window."""

METRICS = (*STANDARD, *ON_REQUEST)

NEED_LABELS = frozenset(metric.name for metric in METRICS if metric.needs_labels)
"""Names of those that say nothing of rows without labels."""


def enabled(model: MonitoredModel) -> tuple[Metric, ...]:
    """The standard metrics and those that the declaration asks for, by name, by a tolerance in its checks, by a cost matrix or a schema."""
    asked = {metric.name for metric in ON_REQUEST if model.asks_for(metric.name)}
    if model.cost_matrix is not None:
        asked.add(BUSINESS_COST.name)
    if model.versions is not None:
        asked |= {metric.name for metric in SERVICE}
    if model.schema:
        asked.add(SCHEMA_VIOLATION_RATIO.name)
    return (*STANDARD, *(metric for metric in ON_REQUEST if metric.name in asked))


def check_names(model: MonitoredModel) -> None:
    """Raises InvalidInput with every name in `metrics` that is none of ours."""
    known = [metric.name for metric in METRICS]
    faults = [
        Fault(f"metrics[{i}]", repr(name)[:80], "`all` instead of a list, or names among " + ", ".join(known))
        for i, name in enumerate(model.metrics if model.metrics != "all" else ())
        if name not in known
    ]
    if faults:
        raise InvalidInput(faults)


def measure(
    baseline: Baseline, window: TileSet, model: MonitoredModel, stream: Stream | None = None
) -> list[Measurement]:
    """Every enabled metric on every column, pair, group and slice it applies to; what cannot be computed is there with its reason."""
    comparison = Comparison(baseline, window, model, stream)
    metrics = enabled(model)
    whole = [measurement for metric in metrics for measurement in metric.measure(comparison)]
    return [*whole, *measure_slices(baseline, window, model, metrics)]
