"""Bytes of a tile set and of a baseline: magic, one version byte, one zstandard frame of MessagePack.

Drawn in docs/formats/tiles.md. A reader refuses a version it does not know and a frame that inflates beyond
PLAIN_BYTES_MAX, and checks every value for type, sign and size before it becomes part of a tile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast, get_args

import msgspec
import zstandard

from monitor.definitions import FeatureKind
from monitor.definitions.predicates import PredicateError, parse
from monitor.tiles import stamps
from monitor.tiles.anomaly import AnomalyTile
from monitor.tiles.attribution import AttributionTile
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.class_scores import ClassScoreTile
from monitor.tiles.delays import DelayTile
from monitor.tiles.estimator import Binning, Estimator
from monitor.tiles.flips import FlipTile
from monitor.tiles.forecast import ClassForecastTile, ForecastTile, QuantileTile
from monitor.tiles.group import GroupTile
from monitor.tiles.losses import LossTile
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, Outcome, RegressionOutcome
from monitor.tiles.outcome_rankings import RankingOutcome
from monitor.tiles.outcome_sets import MultilabelOutcome
from monitor.tiles.pairs import PairsTile
from monitor.tiles.quality import QualityTile
from monitor.tiles.sampled import SampledTile
from monitor.tiles.scores import ScoreTile
from monitor.tiles.service import ServiceTile
from monitor.tiles.strata import StrataTile
from monitor.tiles.tables import TABLE_FEATURES_MAX, TablesTile, levels_of
from monitor.tiles.tileset import Baseline, DesignEffects, FeatureTile, Grid, Grids, TileSet
from monitor.tiles.vector import JointGrid, VectorGrid, VectorTile
from monitor.tiles.wire import Reader

TILES_MAGIC = b"ORT"
BASELINE_MAGIC = b"ORS"
VERSION = 10
PLAIN_BYTES_MAX = 256 * 1024 * 1024
"""Inflated size: 5,000 features of 1,260 cells, or 100 features of 100,000 folded names, with room."""
ANOMALY_BYTES_MAX = 64 * 1024 * 1024

FEATURE_TILES: Mapping[str, type[NumericTile | CategoricalTile]] = {"n": NumericTile, "c": CategoricalTile}
GRIDS: Mapping[str, type[NumericGrid | CategoricalGrid]] = {"n": NumericGrid, "c": CategoricalGrid}
OUTCOMES: Mapping[str, type[Outcome]] = {
    "b": BinaryOutcome,
    "m": MulticlassOutcome,
    "r": RegressionOutcome,
    "l": MultilabelOutcome,
    "k": RankingOutcome,
}


FORECASTS: Mapping[str, type[ForecastTile]] = {"p": ClassForecastTile, "q": QuantileTile}


class Plain(Protocol):
    def to_plain(self) -> list[object]: ...


def encode_tileset(tiles: TileSet) -> bytes:
    return _pack(TILES_MAGIC, _tileset_plain(tiles))


def decode_tileset(data: bytes) -> TileSet:
    """Read the bytes of a tile set. Raises ValueError that says where and what was expected."""
    return _tileset(_unpack(TILES_MAGIC, data), "tiles")


def encode_baseline(baseline: Baseline) -> bytes:
    effects = baseline.design_effects
    return _pack(
        BASELINE_MAGIC,
        [
            baseline.id,
            baseline.rows,
            _grids_plain(baseline.grids),
            _tileset_plain(baseline.tiles),
            None if effects is None else [list(effects.sizes), list(effects.effects)],
            baseline.anomaly,
            baseline.time_ordered,
            baseline.start_ns,
            baseline.end_ns,
            None if baseline.estimator is None else baseline.estimator.to_plain(),
        ],
    )


def decode_baseline(data: bytes) -> Baseline:
    """Read the bytes of a baseline, its tiles checked against its grids. Raises ValueError as `decode_tileset` does."""
    reader = Reader(_unpack(BASELINE_MAGIC, data), "baseline")
    baseline = Baseline(
        id=reader.text(),
        rows=reader.count(),
        grids=_grids(reader.item(), "baseline.grids"),
        tiles=_tileset(reader.item(), "baseline.tiles"),
        design_effects=reader.maybe(_design_effects),
        anomaly=reader.maybe(_opaque),
        time_ordered=reader.flag(),
        start_ns=reader.maybe(_time),
        end_ns=reader.maybe(_time),
        estimator=reader.maybe(Estimator.from_plain),
    )
    reader.done()
    _check_cells(baseline)
    return baseline


def _pack(magic: bytes, document: object) -> bytes:
    plain = msgspec.msgpack.encode(document)
    return magic + bytes([VERSION]) + zstandard.ZstdCompressor(level=1).compress(plain)


def _unpack(magic: bytes, data: bytes) -> Any:
    if data[:3] != magic:
        raise ValueError(f"bytes 0 to 3: found {data[:3]!r}, expected {magic!r}")
    if data[3:4] != bytes([VERSION]):
        raise ValueError(f"byte 3: found version {data[3:4].hex() or 'nothing'}, expected {VERSION:02x}")
    try:
        declared = zstandard.frame_content_size(data[4:])
        if not 0 <= declared <= PLAIN_BYTES_MAX:
            raise ValueError(f"byte 4: the frame declares {declared} bytes, expected 0 to {PLAIN_BYTES_MAX}")
        plain = zstandard.ZstdDecompressor().decompress(data[4:], max_output_size=PLAIN_BYTES_MAX)
        return msgspec.msgpack.decode(plain)
    except (zstandard.ZstdError, msgspec.DecodeError, RecursionError, UnicodeDecodeError, TypeError) as error:
        raise ValueError(f"byte 4: not a frame of MessagePack ({error})") from error


def _tileset_plain(tiles: TileSet) -> list[object]:
    return [
        tiles.rows,
        _tagged_plain(tiles.features, FEATURE_TILES),
        _tagged_plain(tiles.prediction, FEATURE_TILES),
        _tagged_plain(tiles.label, FEATURE_TILES),
        None if tiles.outcome is None else _tagged(tiles.outcome, OUTCOMES),
        {name: tile.to_plain() for name, tile in tiles.groups.items()},
        None if tiles.pairs is None else tiles.pairs.to_plain(),
        None if tiles.anomaly is None else tiles.anomaly.to_plain(),
        None if tiles.attribution is None else tiles.attribution.to_plain(),
        {name: _tileset_plain(part) for name, part in tiles.slices.items()},
        {name: tile.to_plain() for name, tile in tiles.scores.items()},
        None if tiles.losses is None else tiles.losses.to_plain(),
        None if tiles.delays is None else tiles.delays.to_plain(),
        {name: tile.to_plain() for name, tile in tiles.vectors.items()},
        None if tiles.quality is None else tiles.quality.to_plain(),
        None if tiles.joint is None else tiles.joint.to_plain(),
        _tagged_plain(tiles.described, FEATURE_TILES),
        None if tiles.sampled is None else tiles.sampled.to_plain(),
        {name: tile.to_plain() for name, tile in tiles.strata.items()},
        {name: tile.to_plain() for name, tile in tiles.flips.items()},
        None if tiles.forecast is None else _tagged(tiles.forecast, FORECASTS),
        None if tiles.service is None else tiles.service.to_plain(),
        None if tiles.rival is None else _tileset_plain(tiles.rival),
        None if tiles.class_scores is None else tiles.class_scores.to_plain(),
        None if tiles.tables is None else tiles.tables.to_plain(),
    ]


def _tileset(document: object, where: str, *, sliced: bool = False) -> TileSet:
    reader = Reader(document, where)
    tiles = TileSet(
        rows=reader.count(),
        features=reader.mapping(_feature_tile),
        prediction=reader.mapping(_feature_tile),
        label=reader.mapping(_feature_tile),
        outcome=reader.maybe(_outcome),
        groups=reader.mapping(GroupTile.from_plain),
        pairs=reader.maybe(PairsTile.from_plain),
        anomaly=reader.maybe(AnomalyTile.from_plain),
        attribution=reader.maybe(AttributionTile.from_plain),
        slices=reader.mapping(_no_slice if sliced else _slice),
        scores=reader.mapping(ScoreTile.from_plain),
        losses=reader.maybe(LossTile.from_plain),
        delays=reader.maybe(DelayTile.from_plain),
        vectors=reader.mapping(VectorTile.from_plain),
        quality=reader.maybe(QualityTile.from_plain),
        joint=reader.maybe(VectorTile.from_plain),
        described=reader.mapping(_feature_tile),
        sampled=reader.maybe(SampledTile.from_plain),
        strata=reader.mapping(StrataTile.from_plain),
        flips=reader.mapping(FlipTile.from_plain),
        forecast=reader.maybe(_forecast),
        service=reader.maybe(ServiceTile.from_plain),
        rival=reader.maybe(_no_slice if sliced else _slice),
        class_scores=reader.maybe(ClassScoreTile.from_plain),
        tables=reader.maybe(TablesTile.from_plain),
    )
    reader.done()
    return tiles


def _slice(document: object, where: str) -> TileSet:
    """The tiles of a slice or a rival, which has none of its own: so the nesting has an end."""
    return _tileset(document, where, sliced=True)


def _no_slice(document: object, where: str) -> TileSet:
    raise ValueError(f"{where}: found {document!r:.60}, expected no slice of a slice")


def _grids_plain(grids: Grids) -> list[object]:
    return [
        _tagged_plain(grids.features, GRIDS),
        dict(grids.kinds),
        _tagged_plain(grids.prediction, GRIDS),
        _tagged_plain(grids.label, GRIDS),
        list(grids.pairs),
        {name: list(groups) for name, groups in grids.groups.items()},
        dict(grids.slices),
        {name: grid.to_plain() for name, grid in grids.vectors.items()},
        None if grids.joint is None else grids.joint.to_plain(),
        _tagged_plain(grids.described, GRIDS),
        dict(grids.zones),
        list(grids.sampled),
        {name: list(strata) for name, strata in grids.strata.items()},
        [binning.to_plain() for binning in grids.tables],
    ]


def _grids(document: object, where: str) -> Grids:
    reader = Reader(document, where)
    grids = Grids(
        features=reader.mapping(_grid),
        kinds=reader.mapping(_kind),
        prediction=reader.mapping(_grid),
        label=reader.mapping(_grid),
        pairs=reader.texts(),
        groups=reader.mapping(_names),
        slices=reader.mapping(_predicate),
        vectors=reader.mapping(VectorGrid.from_plain),
        joint=reader.maybe(JointGrid.from_plain),
        described=reader.mapping(_grid),
        zones=reader.mapping(_zone),
        sampled=reader.texts(),
        strata=reader.mapping(_names),
        tables=_binnings(reader.item(), f"{where}.tables"),
    )
    reader.done()
    return grids


def _binnings(document: object, where: str) -> tuple[Binning, ...]:
    if not isinstance(document, list) or len(document) > TABLE_FEATURES_MAX:
        raise ValueError(f"{where}: expected a list of at most {TABLE_FEATURES_MAX} binnings")
    return tuple(Binning.from_plain(one, f"{where}[{i}]") for i, one in enumerate(document))


def _tagged(value: Plain, tags: Mapping[str, type[Any]]) -> list[object]:
    return [next(tag for tag, kind in tags.items() if type(value) is kind), value.to_plain()]


def _tagged_plain(values: Mapping[str, Any], tags: Mapping[str, type[Any]]) -> dict[str, object]:
    return {name: _tagged(value, tags) for name, value in values.items()}


def _from_tagged(document: object, where: str, tags: Mapping[str, type[Any]]) -> Any:
    reader = Reader(document, where)
    tag = reader.text()
    if tag not in tags:
        raise ValueError(f"{where}[0]: found {tag!r}, expected one of {', '.join(tags)}")
    value = tags[tag].from_plain(reader.item(), f"{where}[1]")
    reader.done()
    return value


def _feature_tile(document: object, where: str) -> FeatureTile:
    return cast("FeatureTile", _from_tagged(document, where, FEATURE_TILES))


def _grid(document: object, where: str) -> Grid:
    return cast("Grid", _from_tagged(document, where, GRIDS))


def _outcome(document: object, where: str) -> Outcome:
    return cast("Outcome", _from_tagged(document, where, OUTCOMES))


def _forecast(document: object, where: str) -> ForecastTile:
    return cast("ForecastTile", _from_tagged(document, where, FORECASTS))


def _kind(document: object, where: str) -> FeatureKind:
    if document not in get_args(FeatureKind):
        raise ValueError(f"{where}: found {document!r:.60}, expected one of {', '.join(get_args(FeatureKind))}")
    return cast("FeatureKind", document)


def _names(document: object, where: str) -> tuple[str, ...]:
    return Reader([document], where).texts()


def _predicate(document: object, where: str) -> str:
    text = Reader([document], where).text()
    try:
        parse(text)
    except PredicateError as error:
        raise ValueError(f"{where}: {error}") from error
    return text


def _zone(document: object, where: str) -> str:
    text = Reader([document], where).text()
    if not stamps.is_zone(text):
        raise ValueError(f"{where}: found {text!r:.60}, expected an IANA time zone")
    return text


def _opaque(document: object, where: str) -> bytes:
    return Reader([document], where).raw(ANOMALY_BYTES_MAX)


def _time(document: object, where: str) -> int:
    return Reader([document], where).whole()


def _design_effects(document: object, where: str) -> DesignEffects:
    reader = Reader(document, where)
    sizes, effects = reader.item(), reader.item()
    reader.done()
    if not isinstance(sizes, list) or not isinstance(effects, list) or len(sizes) != len(effects):
        raise ValueError(f"{where}: expected two lists of one length")
    size, effect = Reader(sizes, f"{where}[0]"), Reader(effects, f"{where}[1]")
    return DesignEffects(tuple(size.count() for _ in sizes), tuple(effect.real() for _ in effects))


def _check_cells(baseline: Baseline) -> None:
    """A baseline's tiles have the cells of its grids: else a window's tiles would not line up with them."""
    grids, tiles = baseline.grids, baseline.tiles
    roles = (
        (grids.features, tiles.features),
        (grids.prediction, tiles.prediction),
        (grids.label, tiles.label),
        (grids.described, tiles.described),
    )
    for frozen, found in roles:
        for name, tile in found.items():
            grid = frozen.get(name)
            if isinstance(tile, NumericTile):
                cells = len(grid.edges) + 1 if isinstance(grid, NumericGrid) else None
            else:
                cells = len(grid.categories) + 1 if isinstance(grid, CategoricalGrid) else None
            if cells != len(tile.counts):
                raise ValueError(f"baseline.tiles.{name}: found {len(tile.counts)} cells, its grid has {cells}")
    for name, vector in tiles.vectors.items():
        own = grids.vectors.get(name)
        if own is None or not _of_grid(vector, own):
            raise ValueError(f"baseline.tiles.vectors.{name}: found a tile of another grid than the baseline's")
    if tiles.joint is not None and (grids.joint is None or not _of_grid(tiles.joint, grids.joint.grid)):
        raise ValueError("baseline.tiles.joint: found a tile of another grid than the baseline's")
    if grids.joint is not None and not grids.joint.scores.keys() <= grids.features.keys():
        raise ValueError("baseline.grids.joint: found a feature without a grid")
    _check_names(grids, tiles)
    missing_kind = [name for name in grids.features if name not in grids.kinds]
    if missing_kind:
        raise ValueError(f"baseline.grids: no kind for {missing_kind[0]!r}")


def _check_names(grids: Grids, tiles: TileSet) -> None:
    """Samples and strata are of the features and categories that the grids froze."""
    if tiles.sampled is not None and tiles.sampled.bins.shape[1] != len(grids.sampled):
        raise ValueError("baseline.tiles.sampled: found a sample of other features than the baseline's")
    if not set(grids.sampled) <= grids.features.keys():
        raise ValueError("baseline.grids.sampled: found a feature without a grid")
    if tiles.tables is not None and tiles.tables.levels != tuple(levels_of(one) for one in grids.tables):
        raise ValueError("baseline.tiles.tables: found tables of other levels than the baseline's")
    for name, groups in tiles.strata.items():
        if (groups.groups, groups.strata) != (grids.groups.get(name), next(iter(grids.strata.values()), None)):
            raise ValueError(f"baseline.tiles.strata.{name}: found other groups or strata than the baseline's")


def _of_grid(tile: VectorTile, grid: VectorGrid) -> bool:
    cells = [len(own.counts) for own in tile.numbers]
    same = cells == [len(own.edges) + 1 for own in grid.cells]
    return same and tile.sums.shape == grid.center.shape and len(tile.waves) == len(grid.covariance)
