"""What a metric is: a name, how it is called outside, and a pure function from tiles to a value.

Four forms cover what there is to measure; each knows which tiles it needs and what to say where they are missing, so
that a metric's own file holds nothing but its arithmetic and its documentation page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from collectors.records.categories import canonical_category
from monitor.definitions import FeatureKind, MonitoredModel
from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.estimation.completeness import corrected
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.freeze import KINDS_OF_PRESENCE
from monitor.tiles.group import GroupTile
from monitor.tiles.joined import classes_of
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, Outcome, RegressionOutcome
from monitor.tiles.outcome_rankings import RankingOutcome
from monitor.tiles.outcome_sets import MultilabelOutcome
from monitor.tiles.pairs import PairsTile
from monitor.tiles.stream import Stream
from monitor.tiles.task import task_of
from monitor.tiles.tileset import Baseline, FeatureTile, Grid, TileSet


@dataclass(frozen=True, slots=True)
class Comparison:
    """A window beside its baseline: all that a metric may read."""

    baseline: Baseline
    window: TileSet
    model: MonitoredModel
    stream: Stream | None = None
    """The windows up to this one; None of a window that is measured by itself."""


class Metric(Protocol):
    """One entry of `registry.METRICS`."""

    @property
    def name(self) -> str: ...
    @property
    def prometheus(self) -> str: ...
    @property
    def kind(self) -> AlertKind: ...
    @property
    def help(self) -> str: ...
    @property
    def needs_labels(self) -> bool:
        """Whether it says nothing (`no_data`) of rows without labels, whatever its kind."""

    def measure(self, comparison: Comparison) -> Iterable[Measurement]: ...


@dataclass(frozen=True, slots=True)
class Role:
    """The columns of one role: their grids, and the tiles of the baseline and of the window."""

    kind: AlertKind
    grids: Mapping[str, Grid]
    kinds: Mapping[str, FeatureKind]
    baseline: Mapping[str, FeatureTile]
    window: Mapping[str, FeatureTile]
    declared: Sequence[str]
    """Columns the declaration names, whether or not the baseline has them."""
    what: str


def roles(comparison: Comparison) -> tuple[Role, Role, Role]:
    """Features, prediction and label of a comparison."""
    baseline, window, model = comparison.baseline, comparison.window, comparison.model
    grids, tiles = baseline.grids, baseline.tiles
    return (
        Role(
            AlertKind.DRIFT,
            grids.features,
            {**{f.name: f.kind for f in model.features if f.kind is not None}, **grids.kinds},
            tiles.features,
            window.features,
            [feature.name for feature in model.features],
            "column",
        ),
        Role(
            AlertKind.PREDICTION_DRIFT,
            grids.prediction,
            {},
            tiles.prediction,
            window.prediction,
            model.prediction.columns,
            "column",
        ),
        Role(
            AlertKind.LABEL_DRIFT,
            grids.label,
            {},
            tiles.label,
            window.label,
            [model.label.name] if model.label is not None else [],
            "label",
        ),
    )


def _described(comparison: Comparison) -> Role:
    """The descriptors of texts and timestamps: columns of which only the distribution is measured."""
    own, window = comparison.baseline, comparison.window
    return Role(AlertKind.DRIFT, own.grids.described, {}, own.tiles.described, window.described, (), "column")


def nothing(status: Status, reason: str, **counts: int) -> Value:
    """A value that is none, with the reason why."""
    return Value(None, status=status, reason=reason, **counts)


NumericFunction = Callable[[NumericTile, NumericTile, NumericGrid], Value]
CategoricalFunction = Callable[[CategoricalTile, CategoricalTile, CategoricalGrid], Value]


@dataclass(frozen=True, slots=True)
class DriftMetric:
    """Compares the distributions of one column, where it has values on both sides.

    Measured on features, prediction and label, each under its own kind; on numbers through `numeric`, on categories
    through `categorical`, where there is such a function.
    """

    name: str
    prometheus: str
    help: str
    numeric: NumericFunction | None = None
    categorical: CategoricalFunction | None = None
    kind: AlertKind = AlertKind.DRIFT
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        for role in (*roles(comparison), _described(comparison)):
            for name, grid in role.grids.items():
                if role.kinds.get(name) in KINDS_OF_PRESENCE:
                    continue
                value = self._value(role, name, grid)
                if value is not None:
                    yield Measurement(self.name, role.kind, name, None, value)
            for name in role.declared:
                if name not in role.grids and self._applies(role.kinds.get(name)):
                    yield Measurement(self.name, role.kind, name, None, absent_from_baseline(role, name))

    def _applies(self, kind: FeatureKind | None) -> bool:
        if kind is None:
            return self.numeric is not None and self.categorical is not None
        if kind == "numeric":
            return self.numeric is not None
        return kind not in KINDS_OF_PRESENCE and self.categorical is not None

    def _value(self, role: Role, name: str, grid: Grid) -> Value | None:
        before, now = role.baseline[name], role.window.get(name)
        if isinstance(grid, NumericGrid):
            if self.numeric is None:
                return None
            if isinstance(before, NumericTile) and isinstance(now, NumericTile) and before.n and now.n:
                return self.numeric(before, now, grid)
        else:
            if self.categorical is None:
                return None
            if isinstance(before, CategoricalTile) and isinstance(now, CategoricalTile) and before.n and now.n:
                return self.categorical(before, now, grid)
        return without_values(role, name, before, now)


def absent_from_baseline(role: Role, name: str) -> Value:
    what = f"label {name!r}" if role.kind is AlertKind.LABEL_DRIFT else f"column {name!r}"
    now = role.window.get(name)
    return nothing(Status.NO_DATA, f"the baseline has no {what}", n_window=0 if now is None else now.n)


def without_values(role: Role, name: str, before: FeatureTile, now: FeatureTile | None) -> Value:
    """Why two tiles give no value: one of them holds none."""
    if now is None:
        reason = (
            "no label has come yet"
            if role.kind is AlertKind.LABEL_DRIFT
            else f"the window's rows have no column {name!r}"
        )
        return nothing(Status.NO_DATA, reason, n_baseline=before.n)
    if now.n:
        return nothing(Status.NO_DATA, "the baseline has no value here", n_window=now.n, n_missing=now.n_missing)
    if not now.rows:
        reason = "the window has no rows"
    elif role.kind is AlertKind.LABEL_DRIFT:
        reason = "no label has come yet"
    else:
        reason = f"none of the window's {now.rows} rows has a usable value"
        return nothing(Status.UNDEFINED, reason, n_baseline=before.n, n_missing=now.n_missing)
    return nothing(Status.NO_DATA, reason, n_baseline=before.n, n_missing=now.n_missing)


@dataclass(frozen=True, slots=True)
class PairMetric:
    """Compares how pairs of numeric features hang together; its `feature` is `a~b`."""

    name: str
    prometheus: str
    help: str
    of: Callable[[PairsTile, PairsTile], Iterable[tuple[str, Value]]]
    kind: AlertKind = AlertKind.DRIFT
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        before, now = comparison.baseline.tiles.pairs, comparison.window.pairs
        if before is not None and now is not None:
            for pair, value in self.of(before, now):
                yield Measurement(self.name, self.kind, pair, None, value)


@dataclass(frozen=True, slots=True)
class PerformanceMetric:
    """Measures the labelled rows of a window, one function for each task it is defined for."""

    name: str
    prometheus: str
    help: str
    binary: Callable[[BinaryOutcome], Value] | None = None
    multiclass: Callable[[MulticlassOutcome], Value] | None = None
    regression: Callable[[RegressionOutcome], Value] | None = None
    multilabel: Callable[[MultilabelOutcome], Value] | None = None
    ranking: Callable[[RankingOutcome], Value] | None = None
    kind: AlertKind = AlertKind.PERFORMANCE
    needs_labels: bool = True

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        model = comparison.model
        if model.label is None:
            return
        predicted = comparison.baseline.grids.prediction.get(model.prediction.class_ or "")
        classes = predicted.categories if isinstance(predicted, CategoricalGrid) else ()
        tasks: dict[str | None, Callable[[Any], Value] | None] = {
            "binary": self.binary,
            "multiclass": self.multiclass,
            "regression": self.regression,
            "multilabel": self.multilabel,
            "ranking": self.ranking,
        }
        function = tasks.get(task_of(model, classes))
        if function is not None:
            value = self._value(function, comparison.baseline.tiles.outcome, comparison.window)
            yield Measurement(self.name, self.kind, None, None, value)

    def _value(self, function: Callable[[Any], Value], before: Outcome | None, window: TileSet) -> Value:
        now = window.outcome
        if now is None:
            return nothing(Status.NO_DATA, "the window's rows have no prediction to compare with a label")
        known = 0 if before is None else before.labelled
        if now.unlabelled == window.rows:
            reason = "no label has come yet" if window.rows else "the window has no rows"
            return nothing(Status.NO_DATA, reason, n_baseline=known, n_missing=now.unlabelled)
        value = function(now)
        labelled = value.n_window
        if isinstance(now, BinaryOutcome) and window.delays is not None and window.delays.corrected:
            value = function(corrected(now, window.delays))
            came, expected = int(window.delays.counts.sum()), round(float(window.delays.expected.sum()))
            told = f"corrected for labels to come: {came:,} of about {expected:,}"
            value = replace(value, reason=value.reason or told)
        return replace(value, n_baseline=known, n_window=labelled, n_missing=window.rows - labelled)


GroupFunction = Callable[[Sequence[int], Sequence[int]], Value]


@dataclass(frozen=True, slots=True)
class GroupMetric:
    """Compares every group of a column with its base group, within the window: group minus base, or group over base.

    `of` takes the six counts of a GroupTile's row for the group and for the base. The slice is `column=group`.
    """

    name: str
    prometheus: str
    help: str
    of: GroupFunction
    kind: AlertKind = AlertKind.FAIRNESS
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        model, grids = comparison.model, comparison.baseline.grids
        task = task_of(model, classes_of(grids, model))
        if task not in ("binary", "multiclass"):
            return
        for column in model.groups:
            if column not in grids.groups:
                value = nothing(Status.NO_DATA, f"the baseline has no column {column!r}")
                yield Measurement(self.name, self.kind, column, None, value)
                continue
            base = base_group(model, column, grids.groups[column])
            for group in grids.groups[column]:
                if group != base:
                    value = self._value(comparison, column, group, base)
                    yield Measurement(self.name, self.kind, None, f"{column}={group}", value)

    def _value(self, comparison: Comparison, column: str, group: str, base: str) -> Value:
        before, now = comparison.baseline.tiles.groups.get(column), comparison.window.groups.get(column)
        if base not in comparison.baseline.grids.groups[column]:
            return nothing(Status.UNDEFINED, f"the base group {column}={base} is not in the baseline")
        if now is None:
            return nothing(Status.NO_DATA, f"the window's rows have no column {column!r} or no prediction")
        found = self.of(_counts(now, group), _counts(now, base))
        known = 0 if before is None else _counts(before, group)[0] + _counts(before, base)[0]
        reason = None if found.reason is None else f"{column}={group} against {column}={base}: {found.reason}"
        return replace(found, n_baseline=known, reason=reason)


def base_group(model: MonitoredModel, column: str, groups: Sequence[str]) -> str:
    """The declared base group of a column, else the largest of the baseline."""
    declared = canonical_category(model.base_groups.get(column))
    return declared if declared is not None else (groups[0] if groups else "")


def _counts(tile: GroupTile, group: str) -> list[int]:
    counts: list[int] = tile.counts[tile.groups.index(group)].tolist()
    return counts


@dataclass(frozen=True, slots=True)
class WindowMetric:
    """Measures a window as a whole through a function of the baseline's tiles and its own."""

    name: str
    prometheus: str
    help: str
    kind: AlertKind
    of: Callable[[TileSet, TileSet], Iterable[Measurement]]
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterable[Measurement]:
        return self.of(comparison.baseline.tiles, comparison.window)
