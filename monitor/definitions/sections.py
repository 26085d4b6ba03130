"""The parts of a declaration: plain values, as the reader has checked them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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
UNIT_NS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9, "d": 86_400 * 10**9, "w": 604_800 * 10**9}
MONTH_NS = 30 * UNIT_NS["d"]
"""The month of `false_alarms_per_month`: 30 days."""
DEFAULT_LATENESS_SHARE = 1.0
"""Default lateness: one window's length, at most DEFAULT_LATENESS_NS_MAX."""
DEFAULT_LATENESS_NS_MAX = 10 * UNIT_NS["m"]


@dataclass(frozen=True, slots=True)
class Feature:
    """A declared or inferred input. `kind` None: to be inferred. `size` is the length of a vector, `zone` that in which the
    hours of a timestamp are told (None: UTC)."""

    name: str
    kind: FeatureKind | None = None
    size: int | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """Columns or tensors that hold the output: `score` a probability, `probabilities` class → its column, `quantiles` level → its column."""

    score: str | None = None
    class_: str | None = None
    value: str | None = None
    probabilities: Mapping[str, str] = field(default_factory=dict)
    quantiles: Mapping[float, str] = field(default_factory=dict)

    @property
    def outputs(self) -> tuple[str, ...]:
        """All columns that the model made, those that say how sure it is included."""
        return (*self.columns, *self.probabilities.values(), *self.quantiles.values())

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name in (self.score, self.class_, self.value) if name)


@dataclass(frozen=True, slots=True)
class Label:
    name: str
    positive: object = 1
    time: str | None = None
    """Column of label files and bodies that says when a label was known, where they have it."""


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
            return f"sliding-{spell(self.sliding_ns)}-{spell(self.step_ns or self.sliding_ns)}"
        if self.session_gap_ns is not None:
            return f"session-{spell(self.session_gap_ns)}"
        return spell(self.every_ns or 0)


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


def spell(ns: int) -> str:
    """A length of time as a declaration spells it: `5m`, `1d`."""
    for unit in ("w", "d", "h", "m", "s", "ms"):
        if ns % UNIT_NS[unit] == 0:
            return f"{ns // UNIT_NS[unit]}{unit}"
    return f"{ns / UNIT_NS['ms']:g}ms"
