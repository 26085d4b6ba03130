"""Streams of tiles to judge: multinomial counts drawn straight into frozen cells, or dependent rows counted into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.stats import norm

from monitor.alerts.budget import Plan, families_present
from monitor.alerts.calibration import calibrated, learn
from monitor.alerts.judging import judge
from monitor.alerts.lifecycle import advance, inactive
from monitor.definitions import Check, CheckName, MonitoredModel
from monitor.findings import Alert, AlertKind, AlertStatus, Span, Transition
from monitor.jobs.look import LEARNING_WINDOWS
from monitor.tiles.merge import merge
from monitor.tiles.numeric import QUANTILE_CELLS, NumericGrid, NumericTile
from monitor.tiles.tileset import Baseline, Grids, TileSet
from monitor.windows.trailing import Pyramid, extend

Generator = np.random.Generator
Floats = npt.NDArray[np.float64]
WINDOW_NS = 300 * 10**9
LOOKS_PER_MONTH = 8_640.0


@dataclass(frozen=True)
class Setting:
    """One stream: `n` rows a window, `m` rows of baseline, `features` numbers or names."""

    n: int
    m: int
    features: int = 1
    tolerance: float = 0.0
    budget: float = 30.0
    shift: float = 0.0
    """Of the mean of feature f0, in standard deviations, from window `shift_from` to `shift_until`."""
    shift_from: int = 100
    shift_until: int = 10**9


def grid_of(values: Floats) -> NumericGrid:
    """Quantile cells as the baseline freezes them."""
    edges = np.unique(np.quantile(values, np.arange(1, QUANTILE_CELLS) / QUANTILE_CELLS, method="inverted_cdf"))
    deciles = np.unique(np.searchsorted(edges, np.quantile(values, np.arange(1, 10) / 10, method="inverted_cdf")))
    inner = tuple(int(i) for i in deciles if i < len(edges))
    return NumericGrid(edges, inner, float(values.mean()), float(values.min()), float(values.max()))


def tile_of(grid: NumericGrid, values: Floats) -> NumericTile:
    cells = np.searchsorted(grid.edges, values, side="left")
    size = len(grid.edges) + 1
    return NumericTile(
        np.bincount(cells, minlength=size),
        np.bincount(cells, weights=values, minlength=size),
        float(((values - grid.center) ** 2).sum()),
        float(values.min()),
        float(values.max()),
        below=int((values < grid.low).sum()),
        above=int((values > grid.high).sum()),
    )


def baseline_of(columns: dict[str, Floats], *, time_ordered: bool = True) -> Baseline:
    grids = {name: grid_of(values) for name, values in columns.items()}
    rows = len(next(iter(columns.values())))
    tiles = TileSet(rows, {name: tile_of(grids[name], values) for name, values in columns.items()})
    baseline = Baseline("b", rows, Grids(grids), tiles, time_ordered=time_ordered)
    codes = {n: np.searchsorted(grids[n].edges, v, side="left").astype(np.int32) for n, v in columns.items()}
    return calibrated(baseline, codes)


def normal_windows(rng: Generator, setting: Setting, baseline: Baseline, windows: int) -> Iterator[TileSet]:
    """Independent standard normal features, the first one shifted for a while."""
    cells = {}
    for name, grid in baseline.grids.features.items():
        assert isinstance(grid, NumericGrid)
        bounds = np.unique(np.concatenate([grid.edges, [grid.low, grid.high]]))
        cells[name] = (grid, bounds)
    for index in range(windows):
        shifted = setting.shift_from <= index < setting.shift_until
        tiles = {}
        for name, (grid, bounds) in cells.items():
            mean = setting.shift if shifted and name == "f0" else 0.0
            p = np.diff(norm.cdf(bounds - mean), prepend=0.0, append=1.0)
            counts = rng.multinomial(setting.n, p)
            tiles[name] = _fold(grid, bounds, counts)
        yield TileSet(setting.n, tiles)


def _fold(grid: NumericGrid, bounds: Floats, counts: npt.NDArray[np.int64]) -> NumericTile:
    """Counts between the edges and the range's ends, as a tile."""
    own = np.searchsorted(grid.edges, bounds, side="left")
    owner = np.append(own, len(grid.edges))
    cells = np.bincount(owner, weights=counts, minlength=len(grid.edges) + 1).astype(np.int64)
    below = int(counts[: np.searchsorted(bounds, grid.low) + 1].sum())
    above = int(counts[np.searchsorted(bounds, grid.high) + 1 :].sum())
    return NumericTile(cells, np.zeros(len(cells)), 0.0, below=below, above=above)


def autoregressive(rng: Generator, rows: int, features: int, phi: float) -> Floats:
    noise = rng.normal(size=(rows + 500, features)) * np.sqrt(1 - phi * phi)
    return np.asarray(lfilter([1], [1, -phi], noise, axis=0)[500:])


def model_of(tolerance: float, budget: float) -> MonitoredModel:
    limits = {"js_distance": tolerance, "correlation_distance": tolerance}
    quality = {"missing_ratio": tolerance, "unseen_ratio": tolerance}
    checks: dict[CheckName, Check] = {"drift": Check(tolerance=limits), "quality": Check(tolerance=quality)}
    return MonitoredModel("m", false_alarms_per_month=budget, checks=checks)


def live(
    model: MonitoredModel, baseline: Baseline, windows: Iterator[TileSet], *, learning: bool = False
) -> Iterator[tuple[int, Transition]]:
    """Judge windows one after another, as the service does, and yield what people would be told."""
    plan = Plan.of(model, families_present(model, baseline), looks_per_month=LOOKS_PER_MONTH)
    pyramid: Pyramid[TileSet] = Pyramid()
    alerts: dict[AlertKind, Alert] = {}
    first: list[TileSet] = []
    learns = learning and baseline.design_effects is None
    for index, tiles in enumerate(windows):
        span = Span(index * WINDOW_NS, (index + 1) * WINDOW_NS)
        pyramid, trailing = extend(pyramid, tiles, merge)
        if learns and len(first) < LEARNING_WINDOWS:
            first.append(tiles)
            baseline = replace(baseline, design_effects=learn(first, baseline))
        judged = judge(
            model=model,
            version=None,
            window=span,
            tiles=tiles,
            trailing=trailing,
            baseline=baseline,
            plan=plan,
            measurements=(),
        )
        for kind, evidence in judged.evidence.items():
            alerts[kind], transition = advance(alerts.get(kind) or inactive("m", None, kind), evidence, span)
            if transition is None:
                continue
            yield index, transition
            if transition.state is AlertStatus.RESOLVED:
                pyramid = replace(Pyramid(), looks=pyramid.looks)


def firing(found: Iterator[tuple[int, Transition]]) -> list[int]:
    return [index for index, transition in found if transition.state is AlertStatus.FIRING]
