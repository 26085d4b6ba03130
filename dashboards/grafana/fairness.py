"""Fairness of one model, by group."""

from collections.abc import Sequence

from dashboards.grafana.building import MODEL, OF_MODEL, VERSION, WINDOW, Dashboard, Panel, Query
from monitor.findings import AlertKind
from monitor.metrics.metric import Metric


def fairness(metrics: Sequence[Metric]) -> Dashboard:
    return Dashboard(
        "outrider-fairness",
        "Outrider / Fairness",
        "How groups are treated beside their base group (the largest unless declared).",
        (
            *(
                Panel(
                    m.help.rstrip("."),
                    "Group against base group; a gap of a small group has a wide interval, which the web UI shows.",
                    (Query(f"{m.prometheus}{{{OF_MODEL}}}", "{{group}} {{model_version}}"),),
                )
                for m in metrics
                if m.kind is AlertKind.FAIRNESS
            ),
            Panel(
                "Score over limit",
                "Above 1 a group's gap is beyond its allowed range.",
                (Query(f'outrider_threshold_ratio{{{OF_MODEL}, kind="fairness"}}', "{{model_version}}"),),
                limit=1,
            ),
        ),
        (MODEL, VERSION, WINDOW),
    )
