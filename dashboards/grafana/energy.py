"""Energy and cost of predictions, and for how much of the time they are known."""

from __future__ import annotations

from dashboards.grafana.building import MODEL, OF_MODEL, VERSION, WINDOW, Dashboard, Panel, Query

ENERGY = Dashboard(
    "outrider-energy",
    "Outrider / Energy",
    "What predictions take of GPUs and of energy. What cannot be known has no line here, and a reason on the model's page.",
    (
        Panel(
            "Joules a prediction",
            "Of the intervals in which the model's energy is known.",
            (Query(f"outrider_energy_joules_per_prediction{{{OF_MODEL}}}", "{{model}} {{model_version}}"),),
        ),
        Panel(
            "Cost of a prediction",
            "At the prices of the declaration, in its currency.",
            (Query(f"outrider_cost_per_prediction{{{OF_MODEL}}}", "{{model}} {{model_version}}"),),
        ),
        Panel(
            "Energy of a window",
            "Joules, in the known intervals.",
            (Query(f"outrider_energy_joules{{{OF_MODEL}}}", "{{model}} {{model_version}}"),),
        ),
        Panel(
            "Device time of a window",
            "Seconds of a GPU: a model alone has all of it, models that share have it by the time they computed.",
            (Query(f"outrider_gpu_seconds{{{OF_MODEL}}}", "{{model}} {{model_version}}"),),
            unit="s",
        ),
        Panel(
            "Known share of the time",
            "Below 1 other processes, MIG or a silent driver hid whose energy it was.",
            (Query(f"outrider_energy_known_ratio{{{OF_MODEL}}}", "{{model}} {{model_version}}"),),
            unit="percentunit",
        ),
    ),
    (MODEL, VERSION, WINDOW),
)
