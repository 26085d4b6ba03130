"""What the baseline freezes: the kind of every column, and the cells in which all windows will be counted."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from collectors.records.categories import canonical_category
from monitor.definitions import FeatureKind, MonitoredModel
from monitor.tiles.categorical import CATEGORIES_MAX, FOLDED_MAX, CategoricalGrid
from monitor.tiles.coding import counts_by_name, numbers
from monitor.tiles.group import GROUP_CATEGORIES_MAX
from monitor.tiles.intersections import groups_in
from monitor.tiles.numeric import QUANTILE_CELLS, SCORE_CELLS, NumericGrid
from monitor.tiles.pairs import PAIR_FEATURES_MAX
from monitor.tiles.quantiles import quantiles
from monitor.tiles.rows import Column, Rows
from monitor.tiles.stratifying import strata_in
from monitor.tiles.task import task_of
from monitor.tiles.tileset import Grid, Grids

CODES_MAX = 50
"""Distinct whole numbers up to which an undeclared column is taken for codes of categories."""
CODE_ROWS_MIN = 20
"""Rows a distinct whole number must have on average for the column to be codes: fewer, and it measures something."""
IDENTIFIER_SHARE = 0.9
"""Share of distinct texts from which on a column holds identifiers or prose: no frozen category describes it."""
PROSE_CHARS = 40
LEAST = -float(np.finfo(np.float64).max)
SHARED_SHARE = 0.1
"""Share of the rows from which on a value at a decile is told from what lies below it: a cell that ends at such a value
would hold it together with up to a tenth of other rows, between which any number of rows could move unseen."""
PROSE_SHARE = 0.5
"""A column of texts longer than PROSE_CHARS on average is prose from this share of distinct ones on."""

KINDS_OF_PRESENCE: frozenset[FeatureKind] = frozenset({"text", "timestamp", "vector"})
"""Kinds whose own tile counts only whether there is a value; what texts and vectors are like has tiles of its own."""
PRESENT = CategoricalGrid(("present",))
"""The grid of such a feature."""


def infer_kinds(rows: Rows, declared: MonitoredModel) -> dict[str, FeatureKind]:
    """Kind of every feature: as declared, else told by the column's values.

    Features are the declared ones, or, where none is declared, every column that is neither id, label nor prediction.
    Texts are categories unless nearly all differ (identifiers, prose); whole numbers of at most CODES_MAX values that
    repeat are categories too; other numbers are numeric. A declared feature without a kind that the rows lack is left out.
    """
    names: Iterable[str] = (
        [feature.name for feature in declared.features] if declared.features else _undeclared(rows, declared)
    )
    kinds: dict[str, FeatureKind] = {}
    for name in names:
        kind = declared.kind_of(name)
        if kind is None and name in rows.columns:
            kind = _kind(rows.columns[name])
        if kind is not None:
            kinds[name] = kind
    return kinds


def freeze(rows: Rows, model: MonitoredModel) -> Grids:
    """The grids of a baseline: quantile edges, categories by frequency, the groups, and which features enter pairs."""
    kinds = infer_kinds(rows, model)
    features = {name: _grid(rows.columns[name], kind) for name, kind in kinds.items() if name in rows.columns}
    numeric = [name for name, grid in features.items() if isinstance(grid, NumericGrid)]
    prediction = _prediction_grids(rows, model)
    classes = prediction.get(model.prediction.class_ or "")
    task = task_of(model, classes.categories if isinstance(classes, CategoricalGrid) else ())
    label: dict[str, Grid] = {}
    if model.label is not None and rows.label is not None and _has_values(rows.label):
        label[model.label.name] = numeric_grid(rows.label) if task == "regression" else categorical_grid(rows.label)
    frozen = {name: groups_in(rows, name, GROUP_CATEGORIES_MAX) for name in model.groups}
    groups = {name: own for name, own in frozen.items() if own is not None}
    strata = strata_in(rows, model.strata) if model.strata is not None else None
    return Grids(
        features=features,
        kinds=kinds,
        prediction=prediction,
        label=label,
        pairs=tuple(numeric[:PAIR_FEATURES_MAX]) if len(numeric) > 1 else (),
        groups=groups,
        slices={one.name: one.where for one in model.slices},
        strata={model.strata: strata} if model.strata is not None and strata is not None else {},
    )


def numeric_grid(column: Column, *, score: bool = False) -> NumericGrid:
    """Edges at the column's quantiles; at its values, where these are few; for a score on [0, 1] the fixed grid as well."""
    values, missing = numbers(column)
    if missing is not None:
        values = values[~missing]
    values = values[np.isfinite(values)]
    if not len(values):
        return NumericGrid(np.zeros(0), (), 0.0, 0.0, 0.0)
    distinct, times = np.unique(values, return_counts=True)
    discrete = len(distinct) <= QUANTILE_CELLS
    cuts = np.arange(1, QUANTILE_CELLS) / QUANTILE_CELLS
    tenths = np.arange(1, 10) / 10
    if discrete:
        edges, deciles = distinct, np.quantile(values, tenths, method="inverted_cdf")
    else:
        edges, deciles = np.unique(quantiles(values, cuts)), quantiles(values, tenths)
        edges = np.union1d(edges, deciles)
    low, high = float(distinct[0]), float(distinct[-1])
    # What lies outside the baseline's range has cells of its own; below the least double there is nothing.
    below = max(math.nextafter(low, -math.inf), LEAST)
    edges = np.union1d(edges, [below, high])
    if score and low >= 0.0 and high <= 1.0:
        edges = np.union1d(edges, np.arange(1, SCORE_CELLS) / SCORE_CELLS)
    shared = np.intersect1d(deciles, distinct[times >= SHARED_SHARE * len(values)])
    cuts_at = np.union1d(np.searchsorted(edges, deciles), np.maximum(np.searchsorted(edges, shared) - 1, 0))
    return NumericGrid(
        edges=edges,
        decile_edges=tuple(cuts_at.tolist()),
        center=_mean(values),
        low=low,
        high=high,
        discrete=discrete,
    )


def categorical_grid(column: Column) -> CategoricalGrid:
    """The column's categories, most frequent first, ties by name; beyond CATEGORIES_MAX they are folded together."""
    names = tuple(counts_by_name(column))
    return CategoricalGrid(names[:CATEGORIES_MAX], frozenset(names[CATEGORIES_MAX : CATEGORIES_MAX + FOLDED_MAX]))


def _mean(values: npt.NDArray[np.float64]) -> float:
    """The mean, also where the sum of the values is more than a double holds."""
    largest = float(np.abs(values).max())
    if largest < 1e300 / len(values):
        return float(values.mean())
    return float((values / len(values)).sum())


def _grid(column: Column, kind: FeatureKind) -> Grid:
    if kind == "numeric":
        return numeric_grid(column)
    return categorical_grid(column) if kind in ("categorical", "boolean") else PRESENT


def _prediction_grids(rows: Rows, model: MonitoredModel) -> dict[str, Grid]:
    outputs = model.prediction
    grids: dict[str, Grid] = {}
    if outputs.score is not None and outputs.score in rows.columns:
        grids[outputs.score] = numeric_grid(rows.columns[outputs.score], score=True)
    if outputs.class_ is not None and outputs.class_ in rows.columns:
        grids[outputs.class_] = categorical_grid(rows.columns[outputs.class_])
    if outputs.value is not None and outputs.value in rows.columns:
        grids[outputs.value] = numeric_grid(rows.columns[outputs.value])
    return grids


def _undeclared(rows: Rows, model: MonitoredModel) -> list[str]:
    other = {model.id, *model.prediction.outputs, *([model.query] if model.query else [])}
    if model.label is not None:
        other.add(model.label.name)
    return [name for name in rows.columns if name not in other]


def _has_values(column: Column) -> bool:
    return len(column) > 0 and (column.missing is None or not column.missing.all())


def _kind(column: Column) -> FeatureKind:
    values = column.values
    if values.ndim > 1:
        return "vector"
    if values.dtype.kind == "b":
        return "boolean"
    if values.dtype.kind not in "fiu":
        return _kind_of_objects(column)
    found, missing = numbers(column)
    found = found[np.isfinite(found) if missing is None else np.isfinite(found) & ~missing]
    if not len(found) or not np.array_equal(found, np.trunc(found)):
        return "numeric"
    distinct = len(np.unique(found))
    return "categorical" if distinct <= CODES_MAX and distinct * CODE_ROWS_MIN <= len(found) else "numeric"


def _kind_of_objects(column: Column) -> FeatureKind:
    counts = counts_by_name(column)
    rows = sum(counts.values())
    share = len(counts) / rows if rows else 0.0
    if rows and set(counts) <= {canonical_category(True), canonical_category(False)}:
        return "boolean"
    if share > IDENTIFIER_SHARE and rows >= CODE_ROWS_MIN:
        return "text"
    chars = sum(len(name) * count for name, count in counts.items()) / rows if rows else 0.0
    return "text" if chars > PROSE_CHARS and share > PROSE_SHARE else "categorical"
