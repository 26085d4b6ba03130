"""What users declare: a monitored model and what is to be watched. Pure: a parsed YAML document in, values out.

`MonitoredModel.from_document` reports every fault of a document at once, each with its path. Everything but `model`
is optional; what is absent is inferred from the baseline or the first window.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from monitor.errors import Fault, InvalidInput

Task = Literal["binary", "multiclass", "multilabel", "regression", "ranking", "generation", "other"]
FeatureKind = Literal["numeric", "categorical", "boolean", "text", "timestamp", "vector"]
CheckName = Literal[
    "drift", "prediction_drift", "label_drift", "performance", "fairness", "quality", "anomaly", "attribution"
]

MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""Names of models: safe as a label, a path part and a file name."""
FEATURES_MAX = 5_000
WINDOWS_MAX = 10
GROUPS_MAX = 20
METRICS_NAMED_MAX = 200
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_UNIT_NS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9, "d": 86_400 * 10**9, "w": 604_800 * 10**9}
MONTH_NS = 30 * _UNIT_NS["d"]
"""The month of `false_alarms_per_month`: 30 days."""
DEFAULT_LATENESS_SHARE = 1.0
"""Default lateness: one window's length, at most DEFAULT_LATENESS_NS_MAX."""
DEFAULT_LATENESS_NS_MAX = 10 * _UNIT_NS["m"]


@dataclass(frozen=True, slots=True)
class Feature:
    """A declared or inferred input. `kind` None: to be inferred. `size` is the length of a vector."""

    name: str
    kind: FeatureKind | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """Columns or tensors that hold the output: `score` a probability, `classes` class name → its probability column."""

    score: str | None = None
    class_: str | None = None
    value: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name in (self.score, self.class_, self.value) if name)


@dataclass(frozen=True, slots=True)
class Label:
    name: str
    positive: object = 1


@dataclass(frozen=True, slots=True)
class WindowRule:
    """One of: `every_ns` (tumbling; `zone` for calendar days), `rows` (by count), `sliding_ns` with `step_ns`, `session_gap_ns`."""

    every_ns: int | None = None
    rows: int | None = None
    sliding_ns: int | None = None
    step_ns: int | None = None
    session_gap_ns: int | None = None
    zone: str = "UTC"
    lateness_ns: int = 0

    @property
    def name(self) -> str:
        """A bounded, stable name: the `window` label in Prometheus."""
        if self.rows is not None:
            return f"{self.rows}rows"
        if self.sliding_ns is not None:
            return f"sliding-{_spell(self.sliding_ns)}-{_spell(self.step_ns or self.sliding_ns)}"
        if self.session_gap_ns is not None:
            return f"session-{_spell(self.session_gap_ns)}"
        return _spell(self.every_ns or 0)


@dataclass(frozen=True, slots=True)
class Check:
    """What a user asks to be watched: tolerances by metric (a number or an allowed range), and whether it alerts."""

    enabled: bool = True
    tolerance: Mapping[str, float | tuple[float, float]] = field(default_factory=dict)
    budget_share: float | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where transitions go: `webhook`, `alertmanager` (base URL) or `apprise` (its URL form)."""

    kind: Literal["webhook", "alertmanager", "apprise"]
    url: str
    secret_env: str | None = None
    """Environment variable with the key that signs webhook bodies (HMAC-SHA-256)."""


@dataclass(frozen=True, slots=True)
class Explain:
    """How predictions are explained: an ONNX file, and how many predictions of a window are (None: all)."""

    onnx: str | None = None
    sample: int | None = 200
    permutations: int = 2
    """Orders in which features join, for each background row; one more makes it dearer and the standard errors smaller."""
    background: int = 100
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """ONNX input name → feature columns in order; empty: the declaration's tensors, else every feature in order."""
    output: str | None = None
    """ONNX output that holds the score; default: the prediction's column name, else the last float output."""


@dataclass(frozen=True, slots=True)
class MonitoredModel:
    """The user's served model as declared."""

    model: str
    task: Task | None = None
    features: tuple[Feature, ...] = ()
    prediction: Prediction = Prediction()
    label: Label | None = None
    groups: tuple[str, ...] = ()
    id: str = "prediction_id"
    windows: tuple[WindowRule, ...] = (WindowRule(every_ns=5 * _UNIT_NS["m"], lateness_ns=5 * _UNIT_NS["m"]),)
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

    @classmethod
    def from_document(cls, document: object) -> MonitoredModel:
        """Read a declaration. Raises InvalidInput with every fault found."""
        return _Reader().model(document)

    def kind_of(self, name: str) -> FeatureKind | None:
        return next((f.kind for f in self.features if f.name == name), None)

    def with_features(self, features: Sequence[Feature]) -> MonitoredModel:
        return replace(self, features=tuple(features))

    def to_document(self) -> dict[str, Any]:
        """The declaration as a document that `from_document` reads back to the same value."""
        return _write(self)


class _Reader:
    """Collects faults while it reads, so that a user mends a file once."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, where: str, found: object, expected: str) -> None:
        self.faults.append(Fault(where, _shown(found), expected))

    def model(self, document: object) -> MonitoredModel:
        if not isinstance(document, Mapping):
            raise InvalidInput(Fault("document", _shown(document), "a mapping with the key `model`"))
        readers: dict[str, Callable[[object, str], Any]] = {
            "model": self.name,
            "task": lambda v, w: self.one_of(v, w, get_args(Task)),
            "features": self.features,
            "prediction": self.prediction,
            "label": self.label,
            "groups": lambda v, w: self.names(v, w, GROUPS_MAX),
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
            "metrics": lambda v, w: "all" if v == "all" else self.names(v, w, METRICS_NAMED_MAX),
        }
        for key in document:
            if key not in readers:
                self.fault(str(key), "an unknown key", "one of " + ", ".join(readers))
        values = {key: read(document[key], key) for key, read in readers.items() if document.get(key) is not None}
        if "model" not in values:
            self.fault("model", "nothing", "a name")
        if self.faults:
            raise InvalidInput(self.faults)
        return MonitoredModel(**values)

    def mapping(self, value: object, where: str, keys: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.fault(where, value, "a mapping")
            return {}
        for key in value:
            if key not in keys:
                self.fault(f"{where}.{key}", "an unknown key", "one of " + ", ".join(keys))
        return value

    def sequence(self, value: object, where: str, most: int) -> Sequence[Any]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.fault(where, value, "a list")
            return ()
        if len(value) > most:
            self.fault(where, f"{len(value)} items", f"at most {most}")
            return ()
        return value

    def name(self, value: object, where: str) -> str:
        if not isinstance(value, str) or not MODEL_NAME.fullmatch(value):
            self.fault(
                where, value, "a name of letters, digits, '.', '_', '-', at most 128, beginning with a letter or digit"
            )
            return ""
        return value

    def text(self, value: object, where: str) -> str:
        if not isinstance(value, str) or not value:
            self.fault(where, value, "a text")
            return ""
        return value

    def whole(self, value: object, where: str, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(where, value, f"a whole number from {least} to {most}")
            return least
        return value

    def number(self, value: object, where: str, least: float, most: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self.fault(where, value, f"a number from {least:g} to {most:g}")
            return least
        return float(value)

    def one_of(self, value: object, where: str, allowed: Sequence[str]) -> str:
        if value not in allowed:
            self.fault(where, value, "one of " + ", ".join(allowed))
            return allowed[0]
        return cast("str", value)

    def names(self, value: object, where: str, most: int) -> tuple[str, ...]:
        names = tuple(self.text(item, f"{where}[{i}]") for i, item in enumerate(self.sequence(value, where, most)))
        for name in {n for n in names if names.count(n) > 1}:
            self.fault(where, f"{name!r} twice", "each name once")
        return names

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
        if isinstance(kind, Mapping):
            size = self.mapping(kind, where, ("vector",)).get("vector")
            return Feature(name, "vector", self.whole(size, f"{where}.vector", 1, 65_536))
        allowed = [k for k in get_args(FeatureKind) if k != "vector"]
        return Feature(name, cast("FeatureKind", self.one_of(kind, where, allowed)))

    def prediction(self, value: object, where: str) -> Prediction:
        if isinstance(value, str):
            return Prediction(value=value)
        found = self.mapping(value, where, ("score", "class", "value"))
        texts = {
            k: self.text(v, f"{where}.{k}")
            for k, v in found.items()
            if v is not None and k in ("score", "class", "value")
        }
        return Prediction(texts.get("score"), texts.get("class"), texts.get("value"))

    def label(self, value: object, where: str) -> Label:
        if isinstance(value, str):
            return Label(value)
        found = self.mapping(value, where, ("name", "positive"))
        return Label(self.text(found.get("name"), f"{where}.name"), found.get("positive", 1))

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

    def duration(self, value: object, where: str) -> int:
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if not match or (ns := int(float(match[1]) * _UNIT_NS[match[2]])) <= 0:
            if where.endswith("lateness") and value in (0, "0", "0s"):
                return 0
            self.fault(where, value, "a duration such as 30s, 5m, 1h or 1d")
            return _UNIT_NS["m"]
        return ns

    def zone(self, value: object, where: str) -> str:
        try:
            return ZoneInfo(str(value)).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fault(where, value, "an IANA time zone such as Europe/Paris")
            return "UTC"

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


def document_of(body: bytes, where: str) -> object:
    """A YAML (so also JSON) document. Raises InvalidInput with its line and column."""
    try:
        return yaml.safe_load(body)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}, line {mark.line + 1}, column {mark.column + 1}" if mark else where
        problem = getattr(error, "problem", None) or type(error).__name__
        raise InvalidInput(Fault(place, str(problem), "a YAML document")) from error


def parse_duration_ns(text: str) -> int:
    """Nanoseconds of `30s`, `5m`, `1h`, `1d`. Raises InvalidInput."""
    reader = _Reader()
    ns = reader.duration(text, "duration")
    if reader.faults:
        raise InvalidInput(reader.faults)
    return ns


def _spell(ns: int) -> str:
    for unit in ("w", "d", "h", "m", "s", "ms"):
        if ns % _UNIT_NS[unit] == 0:
            return f"{ns // _UNIT_NS[unit]}{unit}"
    return f"{ns / _UNIT_NS['ms']:g}ms"


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _write(model: MonitoredModel) -> dict[str, Any]:
    document: dict[str, Any] = {"model": model.model}
    if model.task:
        document["task"] = model.task
    if model.features:
        document["features"] = {f.name: {"vector": f.size} if f.kind == "vector" else f.kind for f in model.features}
    prediction = {"score": model.prediction.score, "class": model.prediction.class_, "value": model.prediction.value}
    if any(prediction.values()):
        document["prediction"] = {k: v for k, v in prediction.items() if v}
    if model.label:
        document["label"] = {"name": model.label.name, "positive": model.label.positive}
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
    document: dict[str, Any] = {k: _spell(v) for k, v in spans.items() if v is not None}
    if rule.rows is not None:
        document["rows"] = rule.rows
    if rule.zone != "UTC":
        document["zone"] = rule.zone
    document["lateness"] = _spell(rule.lateness_ns) if rule.lateness_ns else "0s"
    return document


def _write_check(check: Check) -> dict[str, Any] | bool:
    if not check.enabled:
        return False
    document: dict[str, Any] = {
        "tolerance": {k: list(v) if isinstance(v, tuple) else v for k, v in check.tolerance.items()}
    }
    if check.budget_share is not None:
        document["budget_share"] = check.budget_share
    return document
