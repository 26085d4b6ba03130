"""The section `evidently`: metrics and presets of Evidently that are measured in every window beside ours."""

from __future__ import annotations

from monitor.definitions.reading import Reader

PRESETS = ("DataDriftPreset", "DataSummaryPreset", "ClassificationPreset", "RegressionPreset")
OF_COLUMNS = (
    "ValueDrift",
    "MissingValueCount",
    "UniqueValueCount",
    "MinValue",
    "MaxValue",
    "MeanValue",
    "MedianValue",
    "StdValue",
    "SumValue",
    "QuantileValue",
)
OF_NUMBERS = frozenset({"MinValue", "MaxValue", "MeanValue", "MedianValue", "StdValue", "SumValue", "QuantileValue"})
OF_TABLES = (
    "DriftedColumnsCount",
    "RowCount",
    "DuplicatedRowCount",
    "DuplicatedColumnsCount",
    "AlmostDuplicatedColumnsCount",
    "AlmostConstantColumnsCount",
    "ConstantColumnsCount",
    "EmptyRowsCount",
    "DatasetMissingValueCount",
)
OF_CLASSES = ("Accuracy", "Precision", "Recall", "F1Score", "RocAuc", "LogLoss", "TPR", "TNR", "FPR", "FNR")
OF_NUMBERS_PREDICTED = ("MeanError", "MAE", "MAPE", "RMSE", "R2Score", "AbsMaxError")
NEED_LABELS = frozenset({"ClassificationPreset", "RegressionPreset", *OF_CLASSES, *OF_NUMBERS_PREDICTED})
NAMES = (*PRESETS, *OF_COLUMNS, *OF_TABLES, *OF_CLASSES, *OF_NUMBERS_PREDICTED)
"""As Evidently spells them. Those of a column are measured of every column; no other has a form that needs no parameters."""


def read_evidently(reader: Reader, value: object, where: str) -> tuple[str, ...]:
    names = reader.names(value, where, len(NAMES))
    for i, name in enumerate(names):
        if name not in NAMES:
            reader.fault(f"{where}[{i}]", name, "one of " + ", ".join(NAMES))
    return names
