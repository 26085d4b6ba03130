"""Names under which what Evidently measures is shown: `evidently_…`, each with its Prometheus family.

Its values have no interval and no error rate: they are shown and never judged, unless a declaration gives one a range.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitor.definitions.evidently import NEED_LABELS
from monitor.findings import AlertKind, Measurement, Status
from monitor.metrics.metric import nothing

PREFIX = "evidently_"


@dataclass(frozen=True, slots=True)
class ForeignMetric:
    """`part`: of a value that has several, its name there; `len` stands for how many there are."""

    name: str
    help: str
    part: str | None = None
    needs_labels: bool = False

    @property
    def prometheus(self) -> str:
        return "outrider_" + self.name


def _one(name: str, help_: str, *, part: str | None = None, labels: bool = False) -> ForeignMetric:
    return ForeignMetric(PREFIX + name, f"Evidently: {help_}", part, labels)


FOREIGN: Mapping[str, tuple[ForeignMetric, ...]] = {
    "ValueDrift": (_one("value_drift", "distance or p-value of a column, by the method that it chooses."),),
    "DriftedColumnsCount": (
        _one("drifted_columns", "columns that it calls drifted.", part="count"),
        _one("drifted_columns_share", "share of columns that it calls drifted (0 to 1).", part="share"),
    ),
    "MissingValueCount": (
        _one("missing_values", "missing values of a column.", part="count"),
        _one("missing_values_share", "share of missing values of a column (0 to 1).", part="share"),
    ),
    "DatasetMissingValueCount": (
        _one("dataset_missing_values", "missing values of the window.", part="count"),
        _one("dataset_missing_values_share", "share of missing values of the window (0 to 1).", part="share"),
    ),
    "UniqueValueCount": (_one("unique_values", "distinct values of a column.", part="len"),),
    "MinValue": (_one("min", "least value of a column."),),
    "MaxValue": (_one("max", "greatest value of a column."),),
    "MeanValue": (_one("mean", "mean of a column."),),
    "MedianValue": (_one("median", "median of a column."),),
    "StdValue": (_one("std", "standard deviation of a column."),),
    "SumValue": (_one("sum", "sum of a column."),),
    "QuantileValue(0.25)": (_one("quantile_25", "lower quartile of a column."),),
    "QuantileValue(0.5)": (_one("quantile_50", "middle quartile of a column."),),
    "QuantileValue(0.75)": (_one("quantile_75", "upper quartile of a column."),),
    "RowCount": (_one("rows", "rows that entered."),),
    "DuplicatedRowCount": (_one("duplicated_rows", "rows that are there before."),),
    "DuplicatedColumnsCount": (_one("duplicated_columns", "columns that equal another."),),
    "AlmostDuplicatedColumnsCount": (_one("almost_duplicated_columns", "columns that almost equal another."),),
    "AlmostConstantColumnsCount": (_one("almost_constant_columns", "columns with nearly one value."),),
    "ConstantColumnsCount": (_one("constant_columns", "columns with one value."),),
    "EmptyRowsCount": (_one("empty_rows", "rows without a value."),),
    "Accuracy": (_one("accuracy", "share of right answers (0 to 1).", labels=True),),
    "Precision": (_one("precision", "precision (0 to 1).", labels=True),),
    "Recall": (_one("recall", "recall (0 to 1).", labels=True),),
    "F1Score": (_one("f1", "F1 (0 to 1).", labels=True),),
    "RocAuc": (_one("roc_auc", "area under the ROC curve (0 to 1).", labels=True),),
    "LogLoss": (_one("log_loss", "log loss.", labels=True),),
    "TPR": (_one("true_positive_rate", "true positive rate (0 to 1).", labels=True),),
    "TNR": (_one("true_negative_rate", "true negative rate (0 to 1).", labels=True),),
    "FPR": (_one("false_positive_rate", "false positive rate (0 to 1).", labels=True),),
    "FNR": (_one("false_negative_rate", "false negative rate (0 to 1).", labels=True),),
    "MeanError": (_one("mean_error", "mean error.", part="mean", labels=True),),
    "MAE": (_one("mae", "mean absolute error.", part="mean", labels=True),),
    "MAPE": (_one("mape", "mean absolute percentage error.", part="mean", labels=True),),
    "RMSE": (_one("rmse", "root mean squared error.", labels=True),),
    "R2Score": (_one("r2", "coefficient of determination.", labels=True),),
    "AbsMaxError": (_one("largest_error", "largest absolute error.", labels=True),),
}
"""Evidently's name of a metric, with its parameter where that tells several apart → what is shown of it."""

FOREIGN_METRICS: tuple[ForeignMetric, ...] = tuple(one for parts in FOREIGN.values() for one in parts)


def whole_name(name: str) -> str:
    """What stands for a metric or preset as a whole, where it has no value: `DataDriftPreset` → `evidently_data_drift_preset`."""
    parts = FOREIGN.get(name)
    return parts[0].name if parts else PREFIX + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def kind_of(name: str) -> AlertKind:
    """The kind of what the named metric or preset says: quality, for drift's verdicts are of tests with an error rate."""
    return AlertKind.PERFORMANCE if name in NEED_LABELS else AlertKind.QUALITY


def unsaid(names: Iterable[str], status: Status, reason: str, **counts: int) -> list[Measurement]:
    """One measurement for each of the named: there is no value, and why."""
    return [
        Measurement(whole_name(name), kind_of(name), None, None, nothing(status, reason, **counts)) for name in names
    ]
