"""Quality of one model's inputs, its unusual rows, and what it decides by."""

from collections.abc import Sequence

from dashboards.grafana.building import FEATURE, MODEL, OF_MODEL, VERSION, WINDOW, Dashboard, Panel, Query
from monitor.findings import AlertKind
from monitor.metrics.metric import Metric


def quality(metrics: Sequence[Metric]) -> Dashboard:
    of_feature = f'{OF_MODEL}, feature=~"$feature"'
    shares = [m for m in metrics if m.kind is AlertKind.QUALITY]
    anomalies = [m for m in metrics if m.kind is AlertKind.ANOMALY]
    attributions = [m for m in metrics if m.kind is AlertKind.ATTRIBUTION]
    return Dashboard(
        "outrider-quality",
        "Outrider / Data quality, anomalies, attributions",
        "Whether inputs arrive whole, how many rows are unlike the baseline, and what the model goes by.",
        (
            *(
                Panel(
                    m.help.rstrip("."),
                    "By feature; the worst features of the latest window only.",
                    (Query(f"{m.prometheus}{{{of_feature}}}", "{{feature}} {{slice}}"),),
                    unit="percentunit",
                )
                for m in shares
            ),
            Panel(
                "Anomalous rows",
                "Share of rows that are rarer than nearly every row of the baseline.",
                tuple(Query(f"{m.prometheus}{{{OF_MODEL}}}", "{{model_version}}") for m in anomalies),
                unit="percentunit",
            ),
            Panel(
                "Attributions against the baseline",
                "Whether the model still decides by the same features as on its baseline.",
                tuple(Query(f"{m.prometheus}{{{OF_MODEL}}}", "{{model_version}}") for m in attributions),
            ),
            Panel(
                "Rows in the latest window",
                "A verdict on few rows is a weak one.",
                (Query(f"outrider_window_samples{{{OF_MODEL}}}", "{{model_version}} {{window}}"),),
            ),
        ),
        (MODEL, VERSION, WINDOW, FEATURE),
    )
