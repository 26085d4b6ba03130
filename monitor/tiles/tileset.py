"""All tiles of one window and slice, and the baseline that froze their grids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from monitor.definitions import FeatureKind
from monitor.tiles.anomaly import AnomalyTile
from monitor.tiles.attribution import AttributionTile
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.class_scores import ClassScoreTile
from monitor.tiles.delays import DelayTile
from monitor.tiles.estimator import Binning, Estimator
from monitor.tiles.flips import FlipTile
from monitor.tiles.forecast import ForecastTile
from monitor.tiles.group import GroupTile
from monitor.tiles.losses import LossTile
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.outcome import Outcome
from monitor.tiles.pairs import PairsTile
from monitor.tiles.quality import QualityTile
from monitor.tiles.sampled import SampledTile
from monitor.tiles.scores import ScoreTile
from monitor.tiles.service import ServiceTile
from monitor.tiles.strata import StrataTile
from monitor.tiles.tables import TablesTile
from monitor.tiles.vector import JointGrid, VectorGrid, VectorTile

Grid = NumericGrid | CategoricalGrid
FeatureTile = NumericTile | CategoricalTile


@dataclass(frozen=True, slots=True)
class TileSet:
    """What one window knows. `features` are the inputs, `prediction` the outputs (score, class, value), `label` the labels.

    A feature of the baseline that the window's rows lack has no entry here: it went missing as a whole.
    """

    rows: int
    features: Mapping[str, FeatureTile] = field(default_factory=dict)
    prediction: Mapping[str, FeatureTile] = field(default_factory=dict)
    label: Mapping[str, FeatureTile] = field(default_factory=dict)
    outcome: Outcome | None = None
    groups: Mapping[str, GroupTile] = field(default_factory=dict)
    pairs: PairsTile | None = None
    anomaly: AnomalyTile | None = None
    attribution: AttributionTile | None = None
    scores: Mapping[str, ScoreTile] = field(default_factory=dict)
    losses: LossTile | None = None
    delays: DelayTile | None = None
    vectors: Mapping[str, VectorTile] = field(default_factory=dict)
    """Of vector features, beside their entry in `features`, which says whether there was one."""
    joint: VectorTile | None = None
    """Of all features together, as one vector a row."""
    described: Mapping[str, FeatureTile] = field(default_factory=dict)
    """Descriptors of texts and timestamps, by `feature.descriptor`."""
    sampled: SampledTile | None = None
    """Some rows as bins, where a declaration asks for what tells whole rows apart."""
    quality: QualityTile | None = None
    strata: Mapping[str, StrataTile] = field(default_factory=dict)
    """By group column, where a declaration names strata."""
    flips: Mapping[str, FlipTile] = field(default_factory=dict)
    """By group column, where a declaration asks for the flip test."""
    forecast: ForecastTile | None = None
    """Where the declaration names probabilities of classes or quantiles."""
    class_scores: ClassScoreTile | None = None
    """Where the baseline has labels and the declaration names probabilities of classes."""
    tables: TablesTile | None = None
    """How often values come together, where a declaration asks for associations."""
    service: ServiceTile | None = None
    """How exchanges went, where a sidecar saw them."""
    rival: TileSet | None = None
    """Of a candidate: outcome and service of the champion's window of the same span, as they were when this one was looked at."""
    slices: Mapping[str, TileSet] = field(default_factory=dict)
    """The same of the rows in each declared slice, by its name: columns and outcome, without pairs, groups and the rest.

    A slice whose columns the window's rows lack has no entry.
    """

    @property
    def has_traffic(self) -> bool:
        """Whether anything was asked in the window, answered or refused."""
        return self.rows > 0 or self.service is not None


@dataclass(frozen=True, slots=True)
class Grids:
    """The frozen cells of every column, by role, and the kinds they were frozen for."""

    features: Mapping[str, Grid] = field(default_factory=dict)
    kinds: Mapping[str, FeatureKind] = field(default_factory=dict)
    prediction: Mapping[str, Grid] = field(default_factory=dict)
    label: Mapping[str, Grid] = field(default_factory=dict)
    pairs: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    slices: Mapping[str, str] = field(default_factory=dict)
    """Name of each slice → its predicate: frozen too, so that a baseline and its windows mean the same rows by it."""
    vectors: Mapping[str, VectorGrid] = field(default_factory=dict)
    joint: JointGrid | None = None
    """Frozen where a declaration asks for multivariate drift."""
    described: Mapping[str, Grid] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    """Time zone of each described timestamp: frozen too, so that an hour means the same on both sides."""
    sampled: tuple[str, ...] = ()
    """Features whose bins a sample of rows holds."""
    tables: tuple[Binning, ...] = ()
    """Levels of the features that enter tables of pairs."""
    strata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The column within whose categories groups are compared, if one is declared, with those categories."""

    def of_slices(self) -> Grids:
        """Those on which a slice is profiled and measured: columns one by one, without what is told of the whole alone."""
        return replace(
            self,
            pairs=(),
            groups={},
            slices={},
            vectors={},
            joint=None,
            described={},
            zones={},
            sampled=(),
            tables=(),
            strata={},
        )


@dataclass(frozen=True, slots=True)
class DesignEffects:
    """How much more than independent rows the counts of `sizes[i]` baseline rows in a row vary: their variance is `effects[i]` times as large.

    Ascending in both; computed from the baseline's blocks by `monitor.alerts.calibration`.
    """

    sizes: tuple[int, ...]
    effects: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What windows are compared with: the grids it froze and its own tiles on them.

    `id` is the hash of its rows and grids. `anomaly` holds the bytes of the frozen anomaly model, opaque here. Its
    times are None, and `time_ordered` False, where its rows came without a time column.
    """

    id: str
    rows: int
    grids: Grids
    tiles: TileSet
    design_effects: DesignEffects | None = None
    anomaly: bytes | None = None
    time_ordered: bool = False
    start_ns: int | None = None
    end_ns: int | None = None
    estimator: Estimator | None = None
    """What its labels taught, for estimates of performance without labels."""
