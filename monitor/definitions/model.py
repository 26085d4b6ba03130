"""A monitored model as declared, and the reader of its document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

from monitor.definitions.baselines import BaselineRule, read_baseline
from monitor.definitions.cost import Cost, read_cost
from monitor.definitions.cost_matrix import CostMatrix, read_cost_matrix
from monitor.definitions.estimation import Estimation, read_estimation
from monitor.definitions.evidently import read_evidently
from monitor.definitions.forecasts import read_probabilities, read_quantiles
from monitor.definitions.intersections import read_groups
from monitor.definitions.reading import Reader, shown
from monitor.definitions.schema import ColumnRule, read_schema
from monitor.definitions.sections import (
    DEFAULT_LATENESS_NS_MAX,
    DEFAULT_LATENESS_SHARE,
    FEATURES_MAX,
    METRICS_NAMED_MAX,
    UNIT_NS,
    WINDOWS_MAX,
    Check,
    CheckName,
    Explain,
    Feature,
    FeatureKind,
    Label,
    Prediction,
    Receiver,
    Task,
    WindowRule,
)
from monitor.definitions.slices import Slice, check_label, read_slices
from monitor.definitions.upstream import read_upstream
from monitor.definitions.versions import Versions, read_versions
from monitor.definitions.writing import document_of_model
from monitor.errors import Fault, InvalidInput

DEFAULT_WINDOWS = (WindowRule(every_ns=5 * UNIT_NS["m"], lateness_ns=5 * UNIT_NS["m"]),)


@dataclass(frozen=True, slots=True)
class MonitoredModel:
    """The user's served model as declared."""

    model: str
    task: Task | None = None
    features: tuple[Feature, ...] = ()
    prediction: Prediction = field(default_factory=Prediction)
    label: Label | None = None
    groups: tuple[str, ...] = ()
    id: str = "prediction_id"
    windows: tuple[WindowRule, ...] = DEFAULT_WINDOWS
    false_alarms_per_month: float = 1.0
    explain: Explain | None = None
    checks: Mapping[CheckName, Check] = field(default_factory=dict)
    receivers: tuple[Receiver, ...] = ()
    tensors: Mapping[str, tuple[str, ...] | Literal["vector"]] = field(default_factory=dict)
    """Tensor name → the column names of its second axis, or `vector`."""
    base_groups: Mapping[str, str] = field(default_factory=dict)
    """Group column → its base group; default: the largest in the baseline."""
    owner: str | None = None
    anomaly_rate: float = 0.001
    """False discovery target of the anomalous rows: share of clean rows that may be recorded as anomalous."""
    metrics: tuple[str, ...] | Literal["all"] = ()
    """Metrics measured beside the standard ones, by name. Whether a name is known is for the list of metrics to say."""
    slices: tuple[Slice, ...] = ()
    """Parts of the population that are measured and judged beside the whole."""
    estimation: Estimation = field(default_factory=Estimation)
    baseline: BaselineRule = field(default_factory=BaselineRule)
    """Which past a window's distributions are compared with."""
    cost: Cost | None = None
    """What energy and devices cost; without it predictions have an energy and no price."""

    cost_matrix: CostMatrix | None = None
    """What right and wrong answers cost those who use them."""
    query: str | None = None
    """Of a ranking: the column that names the list a row is in; default: the request."""
    evidently: tuple[str, ...] = ()
    """Metrics and presets of Evidently that are measured beside ours, as it spells them."""
    strata: str | None = None
    """The column within whose categories groups are compared: what may explain a difference between them."""
    schema: Mapping[str, ColumnRule] = field(default_factory=dict)
    """Column → what its values keep to, whatever the baseline holds."""
    versions: Versions | None = None
    """Which version is held against which; without it each is judged by itself."""
    upstream: tuple[str, ...] = ()
    """Models whose answers this one is fed with."""

    @classmethod
    def from_document(cls, document: object) -> MonitoredModel:
        """Read a declaration. Raises InvalidInput with every fault found."""
        return _ModelReader().model(document)

    def asks_for(self, metric: str) -> bool:
        """Whether a metric that is measured on request is asked for, by its name or by a limit in a check."""
        if self.metrics == "all" or metric in self.metrics:
            return True
        return any(metric in check.tolerance for check in self.checks.values())

    def kind_of(self, name: str) -> FeatureKind | None:
        return next((f.kind for f in self.features if f.name == name), None)

    def with_features(self, features: Sequence[Feature]) -> MonitoredModel:
        return replace(self, features=tuple(features))

    def to_document(self) -> dict[str, Any]:
        """The declaration as a document that `from_document` reads back to the same value."""
        return document_of_model(self)


class _ModelReader(Reader):
    """Reads the sections of a model's declaration."""

    def model(self, document: object) -> MonitoredModel:
        if not isinstance(document, Mapping):
            raise InvalidInput(Fault("document", shown(document), "a mapping with the key `model`"))
        readers: dict[str, Callable[[object, str], Any]] = {
            "model": self.name,
            "task": lambda v, w: self.one_of(v, w, get_args(Task)),
            "features": self.features,
            "prediction": self.prediction,
            "label": self.label,
            "groups": lambda v, w: read_groups(self, v, w),
            "id": self.text,
            "windows": self.windows,
            "false_alarms_per_month": lambda v, w: self.number(v, w, 1e-6, 1e6),
            "explain": self.explain,
            "checks": self.checks,
            "receivers": self.receivers,
            "tensors": self.tensors,
            "base_groups": self.base_groups,
            "owner": self.text,
            "anomaly_rate": lambda v, w: self.number(v, w, 1e-6, 0.5),
            "baseline": lambda v, w: read_baseline(self, v, w),
            "estimation": lambda v, w: read_estimation(self, v, w),
            "cost": lambda v, w: read_cost(self, v, w),
            "metrics": lambda v, w: "all" if v == "all" else self.names(v, w, METRICS_NAMED_MAX),
            "slices": lambda v, w: read_slices(self, v, w),
            "query": self.text,
            "strata": self.text,
            "evidently": lambda v, w: read_evidently(self, v, w),
            "cost_matrix": lambda v, w: read_cost_matrix(self, v, w),
            "schema": lambda v, w: read_schema(self, v, w),
            "versions": lambda v, w: read_versions(self, v, w),
            "upstream": lambda v, w: read_upstream(self, v, w),
        }
        for key in document:
            if key not in readers:
                self.unknown(str(key), key, list(readers))
        values = {key: read(document[key], key) for key, read in readers.items() if document.get(key) is not None}
        if "model" not in values:
            self.fault("model", "nothing", "a name")
        label = values.get("label")
        check_label(self, values.get("slices", ()), label.name if label is not None else None, "slices")
        if values.get("model") in values.get("upstream", ()):
            self.fault("upstream", "the model itself", "other models")
        if self.faults:
            raise InvalidInput(self.faults)
        return MonitoredModel(**values)

    def features(self, value: object, where: str) -> tuple[Feature, ...]:
        if isinstance(value, Mapping):
            if len(value) > FEATURES_MAX:
                self.fault(where, f"{len(value)} features", f"at most {FEATURES_MAX}")
                return ()
            return tuple(self.feature(str(name), kind, f"{where}.{name}") for name, kind in value.items())
        return tuple(Feature(name) for name in self.names(value, where, FEATURES_MAX))

    def feature(self, name: str, kind: object, where: str) -> Feature:
        if kind is None:
            return Feature(name)
        if isinstance(kind, Mapping) and "timestamp" in kind:
            zone = self.mapping(kind, where, ("timestamp",)).get("timestamp")
            return Feature(name, "timestamp", zone=self.zone(zone, f"{where}.timestamp"))
        if isinstance(kind, Mapping):
            size = self.mapping(kind, where, ("vector", "timestamp")).get("vector")
            return Feature(name, "vector", self.whole(size, f"{where}.vector", 1, 65_536))
        allowed = [k for k in get_args(FeatureKind) if k != "vector"]
        return Feature(name, cast("FeatureKind", self.one_of(kind, where, allowed)))

    def prediction(self, value: object, where: str) -> Prediction:
        if isinstance(value, str):
            return Prediction(value=value)
        found = self.mapping(value, where, ("score", "class", "value", "probabilities", "quantiles"))
        texts = {
            k: self.text(v, f"{where}.{k}")
            for k, v in found.items()
            if v is not None and k in ("score", "class", "value")
        }
        shares, levels = found.get("probabilities"), found.get("quantiles")
        if shares is not None and levels is not None:
            self.fault(where, "probabilities and quantiles", "one of them")
        return Prediction(
            texts.get("score"),
            texts.get("class"),
            texts.get("value"),
            {} if shares is None else read_probabilities(self, shares, f"{where}.probabilities"),
            {} if levels is None else read_quantiles(self, levels, f"{where}.quantiles"),
        )

    def label(self, value: object, where: str) -> Label:
        if isinstance(value, str):
            return Label(value)
        found = self.mapping(value, where, ("name", "positive", "time"))
        time = self.text(found["time"], f"{where}.time") if found.get("time") is not None else None
        return Label(self.text(found.get("name"), f"{where}.name"), found.get("positive", 1), time)

    def windows(self, value: object, where: str) -> tuple[WindowRule, ...]:
        rules = tuple(
            self.window(item, f"{where}[{i}]") for i, item in enumerate(self.sequence(value, where, WINDOWS_MAX))
        )
        if not rules and not self.faults:
            self.fault(where, "an empty list", "at least one window")
        named: dict[str, int] = {}
        for i, rule in enumerate(rules):
            if rule.name in named and not self.faults:
                self.fault(
                    f"{where}[{i}]", f"{rule.name}, as in {where}[{named[rule.name]}]", "windows of other lengths"
                )
            named.setdefault(rule.name, i)
        return rules

    def window(self, value: object, where: str) -> WindowRule:
        keys = ("every", "rows", "sliding", "step", "session_gap", "zone", "lateness")
        found = self.mapping(value, where, keys)
        forms = [k for k in ("every", "rows", "sliding", "session_gap") if k in found]
        if len(forms) != 1:
            self.fault(where, " and ".join(forms) or "nothing", "exactly one of every, rows, sliding, session_gap")
            return WindowRule()
        spans = {
            k: self.duration(found[k], f"{where}.{k}")
            for k in ("every", "sliding", "step", "session_gap", "lateness")
            if k in found
        }
        zone = self.zone(found["zone"], f"{where}.zone") if "zone" in found else "UTC"
        rows = self.whole(found["rows"], f"{where}.rows", 1, 10**9) if "rows" in found else None
        if ("step" in found) != ("sliding" in found):
            self.fault(where, "one of sliding and step", "both")
        longest = spans.get("every") or spans.get("sliding") or spans.get("session_gap") or 0
        default = min(int(longest * DEFAULT_LATENESS_SHARE), DEFAULT_LATENESS_NS_MAX)
        return WindowRule(
            every_ns=spans.get("every"),
            rows=rows,
            sliding_ns=spans.get("sliding"),
            step_ns=spans.get("step"),
            session_gap_ns=spans.get("session_gap"),
            zone=zone,
            lateness_ns=spans.get("lateness", default),
        )

    def explain(self, value: object, where: str) -> Explain:
        found = self.mapping(value, where, ("onnx", "sample", "permutations", "background", "inputs", "output"))
        inputs = found.get("inputs") or {}
        if not isinstance(inputs, Mapping):
            self.fault(f"{where}.inputs", inputs, "a mapping of input name to feature names")
            inputs = {}
        sample = found.get("sample", 200)
        return Explain(
            onnx=self.text(found["onnx"], f"{where}.onnx") if "onnx" in found else None,
            sample=None if sample in (None, "all") else self.whole(sample, f"{where}.sample", 1, 10**7),
            permutations=self.whole(found.get("permutations", 2), f"{where}.permutations", 1, 1_000),
            background=self.whole(found.get("background", 100), f"{where}.background", 1, 10_000),
            inputs={str(k): self.names(v, f"{where}.inputs.{k}", FEATURES_MAX) for k, v in inputs.items()},
            output=self.text(found["output"], f"{where}.output") if "output" in found else None,
        )

    def checks(self, value: object, where: str) -> dict[CheckName, Check]:
        found = self.mapping(value, where, get_args(CheckName))
        return {
            cast("CheckName", k): self.check(v, f"{where}.{k}") for k, v in found.items() if k in get_args(CheckName)
        }

    def check(self, value: object, where: str) -> Check:
        if value is False:
            return Check(enabled=False)
        if value is True or value is None:
            return Check()
        if not isinstance(value, Mapping):
            self.fault(where, value, "a mapping, true or false")
            return Check()
        # Both `{tolerance: {js_distance: 0.05}}` and the short `{parity_difference: [-0.1, 0.1]}` are the contract.
        limits = dict(value.get("tolerance") or {}) if isinstance(value.get("tolerance") or {}, Mapping) else {}
        if "tolerance" in value and not isinstance(value["tolerance"] or {}, Mapping):
            self.fault(f"{where}.tolerance", value["tolerance"], "a mapping of metric to limit")
        limits |= {k: v for k, v in value.items() if k not in ("tolerance", "enabled", "budget_share")}
        share = value.get("budget_share")
        return Check(
            enabled=bool(value.get("enabled", True)),
            tolerance={str(k): self.limit(v, f"{where}.{k}") for k, v in limits.items()},
            budget_share=None if share is None else self.number(share, f"{where}.budget_share", 0.0, 1.0),
        )

    def limit(self, value: object, where: str) -> float | tuple[float, float]:
        if isinstance(value, Sequence) and not isinstance(value, str):
            if len(value) != 2:
                self.fault(where, value, "a number or a range [low, high]")
                return 0.0
            low, high = (self.number(v, f"{where}[{i}]", -1e300, 1e300) for i, v in enumerate(value))
            if low > high:
                self.fault(where, value, "a range [low, high] with low <= high")
            return (low, high)
        return self.number(value, where, -1e300, 1e300)

    def receivers(self, value: object, where: str) -> tuple[Receiver, ...]:
        return tuple(self.receiver(v, f"{where}[{i}]") for i, v in enumerate(self.sequence(value, where, 20)))

    def receiver(self, value: object, where: str) -> Receiver:
        found = self.mapping(value, where, ("webhook", "alertmanager", "apprise", "secret_env"))
        kinds = [k for k in ("webhook", "alertmanager", "apprise") if k in found]
        if len(kinds) != 1:
            self.fault(where, " and ".join(kinds) or "nothing", "exactly one of webhook, alertmanager, apprise")
            return Receiver("webhook", "")
        kind = cast("Literal['webhook', 'alertmanager', 'apprise']", kinds[0])
        url = self.text(found[kind], f"{where}.{kind}")
        if kind != "apprise" and not url.startswith(("http://", "https://")):
            self.fault(f"{where}.{kind}", url, "a URL that begins with http:// or https://")
        secret = found.get("secret_env")
        return Receiver(kind, url, None if secret is None else self.text(secret, f"{where}.secret_env"))

    def tensors(self, value: object, where: str) -> dict[str, tuple[str, ...] | Literal["vector"]]:
        if not isinstance(value, Mapping):
            self.fault(where, value, "a mapping of tensor name to column names or `vector`")
            return {}
        return {
            str(k): "vector" if v == "vector" else self.names(v, f"{where}.{k}", FEATURES_MAX) for k, v in value.items()
        }

    def base_groups(self, value: object, where: str) -> dict[str, str]:
        if not isinstance(value, Mapping):
            self.fault(where, value, "a mapping of group column to its base group")
            return {}
        return {str(k): str(v) for k, v in value.items()}
