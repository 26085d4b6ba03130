"""The first page: which models need a look, and whether what we see of them is whole."""

from dashboards.grafana.building import RATE, Dashboard, Panel, Query

_VERDICT = """
max by (model, kind) (
  2 * outrider_window_state{state="critical"}
  + ignoring (state) outrider_window_state{state="warning"}
  - ignoring (state) sum without (state) (
    outrider_window_state{state=~"insufficient_data|undefined|no_data|error"}
  )
)
""".strip()

OVERVIEW = Dashboard(
    "outrider-overview",
    "Outrider / Overview",
    "Models by state. A kind without a verdict is not well: it has too little data, or none, or an error.",
    (
        Panel(
            "State of each model and kind",
            "The gravest verdict of the latest window. Open the page of the kind for the features behind it.",
            (Query(_VERDICT, "{{model}} {{kind}}"),),
            kind="state-timeline",
            mappings=(
                (-1, "no verdict", "gray"),
                (0, "ok", "green"),
                (1, "warning", "orange"),
                (2, "critical", "red"),
            ),
        ),
        Panel(
            "Firing alerts",
            "Alerts that are open now.",
            (Query('outrider_alerts{state="firing"} == 1'),),
            kind="table",
        ),
        Panel(
            "Exchanges by outcome",
            "What became of the exchanges that the sidecars saw.",
            (Query(f"sum by (outcome) (rate(outrider_capture_exchanges_total[{RATE}]))", "{{outcome}}"),),
            unit="reqps",
            stacked=True,
        ),
        Panel(
            "Label coverage",
            "Share of predictions with labels in the latest window that has some: early labels are seldom a fair sample.",
            (Query("outrider_label_coverage_ratio", "{{model}} {{model_version}} {{window}}"),),
            unit="percentunit",
        ),
        Panel(
            "Score over limit",
            "The worst score of each model and kind over its limit; above 1 is beyond it.",
            (Query("max by (model, kind) (outrider_threshold_ratio)", "{{model}} {{kind}}"),),
            limit=1,
        ),
    ),
)
