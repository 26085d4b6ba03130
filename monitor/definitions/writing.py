"""A declaration as the document that reads back to the same value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.definitions.baselines import write_baseline
from monitor.definitions.cost import write_cost
from monitor.definitions.cost_matrix import write_cost_matrix
from monitor.definitions.estimation import write_estimation
from monitor.definitions.schema import write_schema
from monitor.definitions.sections import Check, Explain, Feature, Label, Prediction, Receiver, WindowRule, spell
from monitor.definitions.slices import write_slices
from monitor.definitions.versions import write_versions

if TYPE_CHECKING:
    from monitor.definitions.model import MonitoredModel


_ALWAYS = frozenset({"model", "id", "windows", "false_alarms_per_month", "anomaly_rate"})
"""Written even where nothing was said: what holds then is worth reading."""


def document_of_model(model: MonitoredModel) -> dict[str, Any]:
    """The declaration that reads back as this model; what was not said is not written."""
    document = {
        "model": model.model,
        "task": model.task,
        "features": {f.name: _write_feature(f) for f in model.features},
        "prediction": _write_prediction(model.prediction),
        "label": _write_label(model.label),
        "groups": list(model.groups),
        "id": model.id,
        "windows": [_write_window(w) for w in model.windows],
        "false_alarms_per_month": model.false_alarms_per_month,
        "explain": _write_explain(model.explain),
        "checks": {name: _write_check(check) for name, check in model.checks.items()},
        "receivers": [_write_receiver(r) for r in model.receivers],
        "tensors": {k: v if v == "vector" else list(v) for k, v in model.tensors.items()},
        "base_groups": dict(model.base_groups),
        "owner": model.owner,
        "anomaly_rate": model.anomaly_rate,
        **write_estimation(model.estimation),
        **write_baseline(model.baseline),
        "cost": write_cost(model.cost) if model.cost else None,
        "slices": write_slices(model.slices),
        "query": model.query,
        "strata": model.strata,
        "evidently": list(model.evidently),
        **write_cost_matrix(model.cost_matrix),
        **write_schema(model.schema),
        **write_versions(model.versions),
        "upstream": list(model.upstream),
        "metrics": model.metrics if model.metrics == "all" else list(model.metrics),
    }
    return {key: value for key, value in document.items() if value or key in _ALWAYS}


def _write_prediction(said: Prediction) -> dict[str, Any]:
    document = {
        "score": said.score,
        "class": said.class_,
        "value": said.value,
        "probabilities": dict(said.probabilities),
        "quantiles": dict(said.quantiles),
    }
    return {key: value for key, value in document.items() if value}


def _write_label(label: Label | None) -> dict[str, Any] | None:
    if label is None:
        return None
    time = {} if label.time is None else {"time": label.time}
    return {"name": label.name, "positive": label.positive, **time}


def _write_explain(explain: Explain | None) -> dict[str, Any] | None:
    if explain is None:
        return None
    document = {
        "onnx": explain.onnx,
        "sample": "all" if explain.sample is None else explain.sample,
        "permutations": explain.permutations,
        "background": explain.background,
        "inputs": {name: list(columns) for name, columns in explain.inputs.items()} or None,
        "output": explain.output,
    }
    return {key: value for key, value in document.items() if value is not None}


def _write_receiver(receiver: Receiver) -> dict[str, str]:
    secret = {"secret_env": receiver.secret_env} if receiver.secret_env else {}
    return {receiver.kind: receiver.url, **secret}


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
