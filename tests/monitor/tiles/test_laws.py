"""The laws every kind of tile keeps, and a whole tile set with it, on random rows cut at random places.

Counts are exact; sums of doubles agree to 12 digits, because adding in another grouping rounds elsewhere.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import pytest

import monitor.tiles
from monitor.definitions import ColumnRule, Feature, Label, MonitoredModel, Prediction
from monitor.metrics.estimation import class_curves, class_regions
from monitor.metrics.estimation.freeze import scored_rows
from monitor.tiles import joined
from monitor.tiles.anomaly import P_CELLS, AnomalyTile
from monitor.tiles.attribution import AttributionTile
from monitor.tiles.baseline import build_baseline
from monitor.tiles.categorical import CATEGORIES_MAX, UNSEEN_NAMES_MAX, CategoricalTile
from monitor.tiles.class_scores import ClassScoreTile, ClassSums, RegionSums
from monitor.tiles.coding import encode
from monitor.tiles.delays import DELAY_CELLS, DelayTile, delay_cells
from monitor.tiles.encoding import decode_tileset, encode_tileset
from monitor.tiles.estimator import ClassCurves
from monitor.tiles.flips import FlipTile
from monitor.tiles.forecast import ClassForecastTile, QuantileTile
from monitor.tiles.forecasting import forecast_of
from monitor.tiles.freeze import categorical_grid, freeze, numeric_grid
from monitor.tiles.group import GroupTile
from monitor.tiles.losses import LossTile
from monitor.tiles.merge import merge
from monitor.tiles.numeric import SCORE_CELLS, NumericTile
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, RegressionOutcome
from monitor.tiles.outcome_rankings import RankingOutcome, ranking
from monitor.tiles.outcome_sets import MultilabelOutcome, multilabel
from monitor.tiles.pairs import PairsTile
from monitor.tiles.profile import categorical_tile, numeric_tile, profile
from monitor.tiles.quality import QualityTile, Sketch, Times, quality_of
from monitor.tiles.rows import Column, Rows
from monitor.tiles.sampled import SampledTile
from monitor.tiles.sampling import sampled_tile
from monitor.tiles.scores import COARSE_CELLS, Scored, ScoreTile, strata, total
from monitor.tiles.service import ServiceTile, service_tile
from monitor.tiles.strata import StrataTile
from monitor.tiles.tables import TablesTile, levels_of, tables_tile
from monitor.tiles.tileset import TileSet
from monitor.tiles.vector import VectorTile
from monitor.tiles.vectors import vector_grid, vector_tile
from tests.monitor.tiles.samples import BINARY, column, mixed, rows

BASELINE = mixed(np.random.default_rng(100), 2_000)
GRIDS = freeze(BASELINE, BINARY)
CLASSES = MonitoredModel("m", task="multiclass", prediction=Prediction(class_="said"), label=Label("true"))
VALUES = MonitoredModel("m", prediction=Prediction(value="said"), label=Label("true"))
NUMBERS = numeric_grid(BASELINE.columns["x"])
COLOURS = categorical_grid(column(["red", "red", "green", "blue"]))
NAMES = np.array(["red", "green", "violet", "white", None], object)


@dataclass(frozen=True)
class Kind:
    """A kind of tile: its tile of some rows, and its neutral one."""

    of: Callable[[Rows], Any]
    empty: Any
    bytes_max: int


def _rows(rng: np.random.Generator, n: int) -> Rows:
    part = mixed(rng, n)
    return replace(part, columns={**part.columns, "name": column(list(rng.choice(NAMES, n)))})


def _classes(part: Rows) -> Any:
    said = {"said": part.columns["name"]}
    both = replace(part, columns=said, label=part.columns["colour"])
    grids = freeze(rows({"said": ["red", "green"]}, label=["red", "green"]), CLASSES)
    return joined.outcome_of(both, joined.outputs_of(both, grids, CLASSES), grids, CLASSES)


def _values(part: Rows) -> Any:
    both = replace(part, columns={"said": part.columns["x"]}, label=part.columns["amount"])
    grids = freeze(both, VALUES)
    return joined.outcome_of(both, joined.outputs_of(both, grids, VALUES), grids, VALUES)


def _attribution(part: Rows) -> AttributionTile:
    phi = np.stack([part.columns["amount"].values, part.columns["p"].values.astype(float)])
    return AttributionTile(("a", "b"), len(part), phi.sum(1), np.abs(phi).sum(1), np.square(phi).sum(1))


def _anomaly(part: Rows) -> AnomalyTile:
    p = part.columns["p"].values
    return AnomalyTile(len(part), int((p < 0.1).sum()), 0, np.bincount((p * P_CELLS).astype(int), minlength=P_CELLS))


def _scored(part: Rows) -> Scored:
    found = scored_rows(part, GRIDS, BINARY)
    assert found is not None
    return found


def _scores(part: Rows) -> ScoreTile:
    return total(_scored(part))


def _group_scores(part: Rows) -> ScoreTile:
    return strata(_scored(part), encode(part.columns["sex"], GRIDS.groups["sex"]).codes, len(GRIDS.groups["sex"]))


def _losses(part: Rows) -> LossTile:
    sums = np.stack([np.abs(part.columns["p"].values.astype(float) + k) for k in range(5)])
    sums = np.where(np.isfinite(sums), sums, 0.0)
    return LossTile(len(part), sums.sum(1), 0, np.zeros(5))


def _delays(part: Rows) -> DelayTile:
    counts = np.zeros((3, DELAY_CELLS), np.int64)
    counts[0] = np.bincount(delay_cells(part.time_ns % (3_600 * 10**9)), minlength=DELAY_CELLS)
    return DelayTile(counts, counts[:2].sum(axis=1) * 2.0, np.zeros(2))


KINDS = {
    "numeric": Kind(lambda part: numeric_tile(part.columns["x"], NUMBERS), NumericTile.empty(NUMBERS), 6_000),
    "categorical": Kind(
        lambda part: categorical_tile(part.columns["name"], COLOURS),
        CategoricalTile.empty(COLOURS),
        16 * CATEGORIES_MAX,
    ),
    "group": Kind(lambda part: profile(part, GRIDS, BINARY).groups["sex"], GroupTile.empty(GRIDS.groups["sex"]), 6_000),
    "pairs": Kind(lambda part: profile(part, GRIDS, BINARY).pairs, PairsTile.empty(GRIDS.pairs), 200_000),
    "binary outcome": Kind(lambda part: profile(part, GRIDS, BINARY).outcome, BinaryOutcome.empty(), 17_000),
    "multiclass outcome": Kind(_classes, MulticlassOutcome.empty(2), 1_000),
    "regression outcome": Kind(_values, RegressionOutcome(), 200),
    "anomaly": Kind(_anomaly, AnomalyTile(0, 0, 0, np.zeros(P_CELLS, np.int64)), 1_000),
    "attribution": Kind(_attribution, AttributionTile(("a", "b"), 0, np.zeros(2), np.zeros(2), np.zeros(2)), 200),
}

KINDS |= {
    "scores": Kind(_scores, ScoreTile.empty(1, SCORE_CELLS), 49_000),
    "scores of groups": Kind(_group_scores, ScoreTile.empty(2, COARSE_CELLS), 10_000),
    "losses": Kind(_losses, LossTile.empty(), 200),
    "delays": Kind(_delays, DelayTile.empty(), 1_500),
}


def _embedding(part: Rows) -> Column:
    """Three coordinates of other columns, with holes and NaN."""
    names = ("amount", "p", "x")
    values = np.stack([part.columns[name].values.astype(np.float32) for name in names], axis=1).reshape(-1, 3)
    return Column(values, part.columns["p"].values < 0.1)


VECTORS = vector_grid(_embedding(BASELINE), numeric_grid)
assert VECTORS is not None
KINDS["vector"] = Kind(
    lambda part: vector_tile(_embedding(part), VECTORS, numeric_tile), VectorTile.empty(VECTORS), 60_000
)


def _sets(part: Rows) -> MultilabelOutcome:
    """Sets of up to two labels, the second of another column."""
    said = [
        None if a is None else f"{a}|{b}"
        for a, b in zip(part.columns["name"].values, part.columns["sex"].values, strict=True)
    ]
    return multilabel(part.columns["name"], column(said), ["red", "F"])


def _lists(part: Rows) -> RankingOutcome:
    """Each row a list of its own, so that no cut parts one."""
    found = ranking(replace(part, label=Column(part.columns["rooms"].values)), part.columns["p"], None)
    assert found is not None
    return found


KINDS["multi-label outcome"] = Kind(_sets, MultilabelOutcome.empty(2), 400)
KINDS["ranking outcome"] = Kind(_lists, RankingOutcome.empty(), 200)
KEPT = MonitoredModel(
    "m",
    metrics="all",
    schema={"x": ColumnRule("number", -1.0, 1.0, not_null=True), "name": ColumnRule(values=("red", "green"))},
)
NO_RULE = np.zeros(6, np.int64)
NO_SKETCH = Sketch(np.zeros(0, np.int64), np.zeros(0, np.int64))
KINDS["quality"] = Kind(
    lambda part: quality_of(part, {"rooms": "numeric", "flag": "boolean", "name": "categorical"}, KEPT),
    QualityTile({"x": NO_RULE, "name": NO_RULE}, NO_SKETCH, NO_SKETCH),
    34_000,
)

SAMPLED = ("amount", "rooms", "colour", "flag")
KINDS["sampled"] = Kind(
    lambda part: sampled_tile(part, SAMPLED, GRIDS.features), SampledTile.empty(len(SAMPLED)), 13_000
)

CLASS_NAMES = ("red", "green", "blue")
SURE = MonitoredModel(
    "m", prediction=Prediction(probabilities={name: f"p_{name}" for name in CLASS_NAMES}), label=Label("true")
)


def _probabilities(part: Rows) -> Rows:
    """Three probabilities of two columns, some of which do not add up, and labels of which some are none of the classes."""
    p, x = part.columns["p"].values.astype(float), np.nan_to_num(part.columns["x"].values, posinf=0.0)
    weights = np.stack([p, 1.0 / (1.0 + np.exp(-x)), np.full(len(p), 0.3)], axis=1).reshape(-1, 3)
    weights = weights / weights.sum(axis=1, keepdims=True) * np.where(p < 0.05, 2.0, 1.0)[:, None]
    columns = {f"p_{name}": Column(weights[:, i]) for i, name in enumerate(CLASS_NAMES)}
    return replace(part, columns=columns, label=part.columns["name"])


CURVES = class_curves.fit(_probabilities(_rows(np.random.default_rng(101), 3_000)), SURE)
assert CURVES is not None
KINDS["class scores"] = Kind(
    lambda part: class_curves.tile_of(_probabilities(part), CURVES, SURE), ClassScoreTile.empty(CLASS_NAMES), 70_000
)


def _regional(part: Rows) -> Rows:
    plain = _probabilities(part)
    return replace(plain, columns=plain.columns | {"x": part.columns["x"]})


def _with_regions() -> ClassCurves:
    sample = _regional(_rows(np.random.default_rng(102), 3_000))
    own = replace(SURE, features=(Feature("x", "numeric"),))
    grids = build_baseline(sample, own, time_ordered=False).grids.features
    assert CURVES is not None
    return replace(CURVES, regions=class_regions.fit(sample, CURVES, grids, own))


BY_REGION, ASKING = _with_regions(), replace(SURE, metrics=("reweighted_f1",))
assert BY_REGION.regions is not None
NO_REGION = replace(
    ClassScoreTile.empty(CLASS_NAMES),
    regional=RegionSums(np.zeros(len(BY_REGION.regions.labels), np.int64), ClassSums.empty(3), ClassSums.empty(3)),
)
KINDS["class scores by region"] = Kind(
    lambda part: class_curves.tile_of(_regional(part), BY_REGION, ASKING), NO_REGION, 140_000
)
KINDS["forecast of classes"] = Kind(
    lambda part: forecast_of(_probabilities(part), SURE), ClassForecastTile.empty(CLASS_NAMES), 9_000
)

TABLES = build_baseline(BASELINE, replace(BINARY, metrics=("association_distance",)), time_ordered=True).grids.tables
KINDS["tables"] = Kind(
    lambda part: tables_tile(part, TABLES),
    TablesTile.empty(tuple(levels_of(b) for b in TABLES), tuple(not b.categories for b in TABLES)),
    9_000,
)

LEVELS = MonitoredModel("m", prediction=Prediction(quantiles={0.1: "low", 0.9: "high"}), label=Label("true"))


def _quantiles(part: Rows) -> Rows:
    """Two quantiles of two columns, which cross in some rows."""
    columns = {"low": part.columns["p"], "high": Column(1.5 * part.columns["x"].values.astype(np.float64))}
    return replace(part, columns=columns, label=part.columns["amount"])


KINDS["forecast of quantiles"] = Kind(
    lambda part: forecast_of(_quantiles(part), LEVELS), QuantileTile.empty((0.1, 0.9)), 200
)
STRATA = freeze(BASELINE, replace(BINARY, strata="colour"))
KINDS["strata"] = Kind(
    lambda part: profile(part, STRATA, replace(BINARY, strata="colour")).strata["sex"],
    StrataTile.empty(STRATA.groups["sex"], STRATA.strata["colour"]),
    6_000,
)


def _flips(part: Rows) -> FlipTile:
    """Counts of the rows alone: which of them are compared is each window's own, so that no merge is one window's."""
    men, said = part.columns["sex"].values == "M", part.columns["yhat"].values == 1
    counts = [[int(own.sum()), int((own & said).sum()), 0] for own in (~men, men)]
    return FlipTile(("F", "M"), np.array(counts, np.int64), int(men.sum()))


KINDS["flips"] = Kind(_flips, FlipTile.empty(("F", "M")), 200)


def _service(part: Rows) -> ServiceTile:
    """Each row an exchange, the late ones refused."""
    p = part.columns["p"].values
    timed = replace(part, duration_ns=(np.exp(8.0 * p) * 1e5).astype(np.int64))
    found = service_tile(timed.take(p < 0.9), timed.take(p >= 0.9))
    return found if found is not None else ServiceTile.empty()


KINDS["service"] = Kind(_service, ServiceTile.empty(), 3_000)

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
cuts = pytest.mark.parametrize("seed", range(5))


def parts(seed: int) -> tuple[Rows, Rows, Rows, Rows]:
    """Random rows, and the same rows in three parts of random sizes, one of them often tiny."""
    rng = np.random.default_rng(seed)
    whole = _rows(rng, int(rng.integers(3, 1_500)))
    i, j = sorted(rng.integers(0, len(whole) + 1, 2))
    return whole, whole.take(slice(0, i)), whole.take(slice(i, j)), whole.take(slice(j, None))


def same(one: Any, other: Any) -> None:
    """Equal counts and texts, doubles to 12 digits of the largest."""
    if isinstance(one, bytes):
        a, b = np.frombuffer(one, np.uint8), np.frombuffer(other, np.uint8)
        if not np.array_equal(a, b):
            x, y = np.frombuffer(one, np.float64), np.frombuffer(other, np.float64)
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12 * np.abs(x).max())
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-12, abs=1e-9)
    else:
        assert one == other


def test_every_tile_that_merges_keeps_the_laws() -> None:
    """Whatever module of tiles has a class with `merge` is among the kinds above, or a part of one of them."""
    parts_of_others = {Sketch, Times, ClassSums, RegionSums}
    modules = [importlib.import_module(f"monitor.tiles.{m.name}") for m in pkgutil.iter_modules(monitor.tiles.__path__)]
    mergeable = {
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type)
        and one.__module__ == module.__name__
        and hasattr(one, "to_plain")
        and hasattr(one, "merge")
    }
    assert mergeable - parts_of_others == {type(kind.empty) for kind in KINDS.values()}


@every_kind
def test_empty_is_neutral(kind: Kind) -> None:
    """On either side, and for itself."""
    tile = kind.of(parts(0)[0])
    plain = tile.to_plain()
    assert tile.merge(kind.empty).to_plain() == kind.empty.merge(tile).to_plain() == plain
    assert kind.empty.merge(kind.empty).to_plain() == kind.empty.to_plain()


@every_kind
def test_the_tile_of_no_rows_is_empty(kind: Kind) -> None:
    """No rows, no counts."""
    assert kind.of(parts(0)[0].take(slice(0, 0))).to_plain() == kind.empty.to_plain()


@every_kind
@cuts
def test_merge_is_commutative_and_associative(kind: Kind, seed: int) -> None:
    """Whatever comes first."""
    a, b, c = (kind.of(part) for part in parts(seed)[1:])
    assert a.merge(b).to_plain() == b.merge(a).to_plain()
    same(a.merge(b).merge(c).to_plain(), a.merge(b.merge(c)).to_plain())


@every_kind
@cuts
def test_the_tile_of_all_rows_is_the_merge_of_its_parts(kind: Kind, seed: int) -> None:
    """tile(a) + tile(b) = tile(a ++ b)."""
    whole, a, b, c = parts(seed)
    same(kind.of(a).merge(kind.of(b)).merge(kind.of(c)).to_plain(), kind.of(whole).to_plain())


@every_kind
@cuts
def test_bytes_round_trip(kind: Kind, seed: int) -> None:
    """Through MessagePack and back, to the bit."""
    tile = kind.of(parts(seed)[0])
    data = msgspec.msgpack.encode(tile.to_plain())
    again = type(tile).from_plain(msgspec.msgpack.decode(data), "tile")
    assert msgspec.msgpack.encode(again.to_plain()) == data


@every_kind
def test_size_is_bounded(kind: Kind) -> None:
    """Ten times the rows take no more room."""
    for n in (500, 5_000):
        assert len(msgspec.msgpack.encode(kind.of(_rows(np.random.default_rng(n), n)).to_plain())) <= kind.bytes_max


def test_a_flood_of_new_categories_keeps_the_tile_small() -> None:
    """All are counted, the most frequent named."""
    names = column([f"new-{i}" for i in range(50_000)] + ["often"] * 3)
    tile = categorical_tile(names, COLOURS)
    assert tile.unseen == 50_003
    assert len(tile.unseen_names) == UNSEEN_NAMES_MAX and tile.unseen_names["often"] == 3


@cuts
def test_a_tile_set_keeps_the_same_laws(seed: int) -> None:
    """All tiles of a window together: parts merge into the whole, bytes round-trip."""
    whole, a, b, c = parts(seed)
    merged = merge([profile(part, GRIDS, BINARY) for part in (a, b, c)])
    once = profile(whole, GRIDS, BINARY)
    assert merged.rows == once.rows
    for role in ("features", "prediction", "label", "groups"):
        found, expected = getattr(merged, role), getattr(once, role)
        assert found.keys() == expected.keys()
        for name, tile in found.items():
            same(tile.to_plain(), expected[name].to_plain())
    data = encode_tileset(once)
    assert encode_tileset(decode_tileset(data)) == data


def test_a_tile_that_some_windows_lack_is_merged_from_the_others() -> None:
    """The feature came later, or was gone for a while."""
    here = profile(_rows(np.random.default_rng(0), 50), GRIDS, BINARY)
    merged = merge([TileSet(rows=7), here, TileSet(rows=3)])
    assert merged.rows == 60
    assert merged.features["x"].rows == 50
    assert merged.outcome is here.outcome
