"""What users declare: a monitored model and what is to be watched. Pure: a parsed YAML document in, values out.

`MonitoredModel.from_document` reports every fault of a document at once, each with its path. Everything but `model`
is optional; what is absent is inferred from the baseline or the first window.
"""

from monitor.definitions.baselines import BaselineRule
from monitor.definitions.cost import Cost
from monitor.definitions.cost_matrix import CostMatrix
from monitor.definitions.estimation import Estimation
from monitor.definitions.model import MonitoredModel
from monitor.definitions.reading import document_of, parse_duration_ns
from monitor.definitions.schema import ColumnRule
from monitor.definitions.sections import (
    MODEL_NAME,
    MONTH_NS,
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
from monitor.definitions.slices import Slice
from monitor.definitions.versions import Versions

__all__ = [
    "MODEL_NAME",
    "MONTH_NS",
    "BaselineRule",
    "Check",
    "CheckName",
    "ColumnRule",
    "Cost",
    "CostMatrix",
    "Estimation",
    "Explain",
    "Feature",
    "FeatureKind",
    "Label",
    "MonitoredModel",
    "Prediction",
    "Receiver",
    "Slice",
    "Task",
    "Versions",
    "WindowRule",
    "document_of",
    "parse_duration_ns",
]
