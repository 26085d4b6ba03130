"""A declaration as the document that reads back to the same value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.definitions.baselines import write_baseline
from monitor.definitions.cost import write_cost
from monitor.definitions.cost_matrix import write_cost_matrix
from monitor.definitions.estimation import write_estimation
from monitor.definitions.schema import write_schema
from monitor.definitions.sections import Check, Feature, WindowRule, spell
from monitor.definitions.slices import write_slices
from monitor.definitions.versions import write_versions

if TYPE_CHECKING:
    from monitor.definitions.model import MonitoredModel


def document_of_model(model: MonitoredModel) -> dict[str, Any]:
    document: dict[str, Any] = {"model": model.model}
    if model.task:
        document["task"] = model.task
    if model.features:
        document["features"] = {f.name: _write_feature(f) for f in model.features}
    said = model.prediction
    prediction: dict[str, Any] = {"score": said.score, "class": said.class_, "value": said.value}
    prediction |= {"probabilities": dict(said.probabilities), "quantiles": dict(said.quantiles)}
    if any(prediction.values()):
        document["prediction"] = {k: v for k, v in prediction.items() if v}
    if model.label:
        time = {"time": model.label.time} if model.label.time is not None else {}
        document["label"] = {"name": model.label.name, "positive": model.label.positive, **time}
    if model.groups:
        document["groups"] = list(model.groups)
    document["id"] = model.id
    document["windows"] = [_write_window(w) for w in model.windows]
    document["false_alarms_per_month"] = model.false_alarms_per_month
    if model.explain:
        explain = model.explain
        document["explain"] = {
            k: v
            for k, v in {
                "onnx": explain.onnx,
                "sample": "all" if explain.sample is None else explain.sample,
                "permutations": explain.permutations,
                "background": explain.background,
                "inputs": {k: list(v) for k, v in explain.inputs.items()} or None,
                "output": explain.output,
            }.items()
            if v is not None
        }
    if model.checks:
        document["checks"] = {name: _write_check(check) for name, check in model.checks.items()}
    if model.receivers:
        document["receivers"] = [
            {r.kind: r.url} | ({"secret_env": r.secret_env} if r.secret_env else {}) for r in model.receivers
        ]
    if model.tensors:
        document["tensors"] = {k: v if v == "vector" else list(v) for k, v in model.tensors.items()}
    if model.base_groups:
        document["base_groups"] = dict(model.base_groups)
    if model.owner:
        document["owner"] = model.owner
    document["anomaly_rate"] = model.anomaly_rate
    document |= write_estimation(model.estimation)
    document |= write_baseline(model.baseline)
    document |= {"cost": write_cost(model.cost)} if model.cost else {}
    document |= {"slices": write_slices(model.slices)} if model.slices else {}
    document |= {"query": model.query} if model.query else {}
    document |= {"strata": model.strata} if model.strata else {}
    document |= {"evidently": list(model.evidently)} if model.evidently else {}
    document |= write_cost_matrix(model.cost_matrix)
    document |= write_schema(model.schema)
    document |= write_versions(model.versions)
    document |= {"upstream": list(model.upstream)} if model.upstream else {}
    if model.metrics:
        document["metrics"] = model.metrics if model.metrics == "all" else list(model.metrics)
    return document


def _write_window(rule: WindowRule) -> dict[str, Any]:
    spans = {
        "every": rule.every_ns,
        "sliding": rule.sliding_ns,
        "step": rule.step_ns,
        "session_gap": rule.session_gap_ns,
    }
    document: dict[str, Any] = {k: spell(v) for k, v in spans.items() if v is not None}
    if rule.rows is not None:
        document["rows"] = rule.rows
    if rule.zone != "UTC":
        document["zone"] = rule.zone
    document["lateness"] = spell(rule.lateness_ns) if rule.lateness_ns else "0s"
    return document


def _write_feature(feature: Feature) -> Any:
    if feature.kind == "vector":
        return {"vector": feature.size}
    return {"timestamp": feature.zone} if feature.zone is not None else feature.kind


def _write_check(check: Check) -> dict[str, Any] | bool:
    if not check.enabled:
        return False
    document: dict[str, Any] = {
        "tolerance": {k: list(v) if isinstance(v, tuple) else v for k, v in check.tolerance.items()}
    }
    if check.budget_share is not None:
        document["budget_share"] = check.budget_share
    return document
