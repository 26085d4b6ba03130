"""How many windows pass until a change is told: `python -m benchmarks.null_calibration.power [--runs 60] [--only NAME]`.

One alarm a month, tolerance 0, 20 features of which the first changes for good; five-minute windows. A run is a baseline
of its own (its design effects estimated as the product does) and a stream that begins to change at a window drawn at
random, so that no merge is lucky with it. `never`: not within 400 windows.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.null_calibration.draws import windows_of
from benchmarks.null_calibration.kinds import NORMAL, Feature, Kind, Name, Number
from benchmarks.null_calibration.simulate import Stream, baseline_of, firing
from benchmarks.null_calibration.streams import model_of
from monitor.alerts.calibration import design_effects
from monitor.tiles.coding import encode
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.rows import Column
from monitor.tiles.tileset import Grid

Generator = np.random.Generator
Shares = Callable[[Feature], np.ndarray]

FEATURES = 20
CALM = 64
"""Windows at least before the change: as many as the longest merge holds."""
CHANGED = 400
SIZES = ((1_000, 50_000), (200, 5_000), (50, 5_000))
"""Rows of a window and of the baseline."""
NAMES = Name((0.4, 0.3, 0.2, 0.08, 0.02), missing=0.02)


@dataclass(frozen=True)
class Change:
    kind: Kind
    shares: Shares


def shifted(by: float) -> Change:
    return Change(NORMAL, lambda feature: feature.kind.shares(feature.grid, by))


def reweighted(category: int, factor: float) -> Change:
    """A category's share times the factor, the others in proportion."""

    def shares(feature: Feature) -> np.ndarray:
        weights = np.array(NAMES.weights)
        rest = (1 - factor * weights[category]) / (1 - weights[category])
        weights = np.where(np.arange(len(weights)) == category, weights * factor, weights * rest)
        return Name(tuple(weights.tolist()), NAMES.missing).shares(feature.grid)

    return Change(NAMES, shares)


def missing(before: float, after: float) -> Change:
    changed = Number(NORMAL.law, missing=after)
    return Change(Number(NORMAL.law, missing=before), lambda feature: changed.shares(feature.grid))


CHANGES: Mapping[str, Change] = {
    "mean + 0.05 sigma": shifted(0.05),
    "mean + 0.1 sigma": shifted(0.1),
    "mean + 0.25 sigma": shifted(0.25),
    "mean + 0.5 sigma": shifted(0.5),
    "a category of 8 % doubles": reweighted(3, 2.0),
    "a category of 8 % vanishes": reweighted(3, 0.0),
    "a category of 2 % doubles": reweighted(4, 2.0),
    "a category of 2 % vanishes": reweighted(4, 0.0),
    "missing 2 % to 4 %": missing(0.02, 0.04),
    "missing 2 % to 10 %": missing(0.02, 0.1),
}


def codes_of(column: Column, grid: Grid) -> np.ndarray:
    if isinstance(grid, NumericGrid):
        cells = np.searchsorted(grid.edges, np.asarray(column.values, np.float64)).astype(np.int32)
        return cells if column.missing is None else np.where(column.missing, np.int32(-1), cells)
    return encode(column, grid.categories, grid.folded).codes.astype(np.int32)


def delay(rng: Generator, change: Change, n: int, rows: int) -> float:
    """Windows from the change to the first alarm after it; infinite where none came."""
    columns = [change.kind.draw(rng, rows) for _ in range(FEATURES)]
    features = [Feature.of(change.kind, column) for column in columns]
    codes = {str(i): codes_of(c, f.grid) for i, (c, f) in enumerate(zip(columns, features, strict=True))}
    start = CALM + int(rng.integers(CALM))
    counts = [windows_of(rng, feature.shares, n, start + CHANGED) for feature in features]
    counts[0][start:] = windows_of(rng, change.shares(features[0]), n, CHANGED)
    baseline = baseline_of(features, rows, design_effects(codes))
    stream = Stream.of(features, counts, baseline, model_of(0.0, 1.0))
    for index in firing(stream.told()):
        if index >= start:
            return float(index - start + 1)
    return math.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="changes whose name holds this")
    asked = parser.parse_args()
    heads = [f"n {n:,}, baseline {rows:,}" for n, rows in SIZES]
    print(f"Windows until told, median / 90 % of {asked.runs} runs.\n")
    print("| change | " + " | ".join(heads) + " |")
    print("| --- |" + " ---: |" * len(heads))
    for name, change in CHANGES.items():
        if asked.only not in name:
            continue
        cells = []
        for n, rows in SIZES:
            rng = np.random.default_rng([asked.seed, n, rows])
            found = [delay(rng, change, n, rows) for _ in range(asked.runs)]
            ends = np.quantile(found, (0.5, 0.9), method="inverted_cdf")
            cells.append(" / ".join("never" if math.isinf(end) else f"{end:.0f}" for end in ends))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
