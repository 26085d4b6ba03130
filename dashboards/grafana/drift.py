"""Drift of the inputs, the predictions and the labels of one model."""

from collections.abc import Sequence

from dashboards.grafana.building import FEATURE, MODEL, OF_MODEL, VERSION, WINDOW, Dashboard, Panel, Query
from monitor.findings import AlertKind
from monitor.metrics.drift.association_distance import TablesMetric
from monitor.metrics.drift.vector_metric import VectorMetric
from monitor.metrics.estimation.label_shift import LabelShift
from monitor.metrics.metric import DriftMetric, Metric, PairMetric


def drift(metrics: Sequence[Metric]) -> Dashboard:
    columns = [m for m in metrics if isinstance(m, DriftMetric | VectorMetric) and m.kind is AlertKind.DRIFT]
    pairs = [m for m in metrics if isinstance(m, PairMetric | TablesMetric)]
    of_feature = f'{OF_MODEL}, feature=~"$feature"'
    return Dashboard(
        "outrider-drift",
        "Outrider / Drift",
        "Which features moved away from the baseline, since when, and how far.",
        (
            Panel(
                "Features over their limit",
                "The worst score of each feature over its limit, window by window; above 1 is beyond it.",
                (Query(f"outrider_feature_threshold_ratio{{{OF_MODEL}}}", "{{feature}}"),),
                kind="status-history",
                limit=1,
            ),
            Panel(
                "Score over limit: inputs, predictions, labels",
                "Predictions that drift without their inputs point at the model; both together at the world.",
                (
                    Query(
                        f'outrider_threshold_ratio{{{OF_MODEL}, kind=~"drift|prediction_drift|label_drift"}}',
                        "{{kind}} {{model_version}}",
                    ),
                ),
                limit=1,
            ),
            Panel(
                "Measures of the chosen features",
                "Every distance from the baseline; each has its own scale, described in the metric's documentation.",
                tuple(
                    Query(f"{m.prometheus}{{{of_feature}}}", f"{m.name} {{{{feature}}}} {{{{slice}}}}") for m in columns
                )
                + tuple(Query(f"{m.prometheus}{{{OF_MODEL}}}", m.name) for m in metrics if isinstance(m, LabelShift)),
            ),
            Panel(
                "Features by status",
                "How many features are well, suspicious, drifted, or without a verdict.",
                (Query(f"sum by (status) (outrider_drift_features{{{OF_MODEL}}})", "{{status}}"),),
                stacked=True,
            ),
            Panel(
                "Pairs that hang together differently",
                "Change of the correlation of two features; single features may look as before.",
                tuple(Query(f"topk(5, {m.prometheus}{{{OF_MODEL}}})", "{{feature}}") for m in pairs),
            ),
        ),
        (MODEL, VERSION, WINDOW, FEATURE),
    )
