"""What judging costs, and baselines without times: `python -m benchmarks.null_calibration.run [--quick] [--seed N]`.

Everything runs through the product's own functions on tiles: trailing merges, `judge`, `advance`. The table of false
alarms is `table.py`'s, delays `power.py`'s, rows that depend on each other `dependent.py`'s, the peers `peers.py`'s.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.null_calibration.streams import (
    LOOKS_PER_MONTH,
    Setting,
    autoregressive,
    baseline_of,
    firing,
    live,
    model_of,
    normal_windows,
    tile_of,
)
from monitor.findings import AlertStatus
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.tileset import TileSet

Generator = np.random.Generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions: a smoke run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("learned", "speed"))
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    repeat, windows = (2, 300) if asked.quick else (6, 1_000)
    print(f"Alarms in {windows} windows at 30 a month: {30 * windows / LOOKS_PER_MONTH:.1f} allowed; tolerance 0.")
    if asked.only in (None, "learned"):
        learned(rng, repeat, windows)
    if asked.only in (None, "speed"):
        speed(rng)


def _row(*cells: object) -> None:
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def learned(rng: Generator, repeat: int, windows: int) -> None:
    print("\nAR(1), 10 features; the baseline has no times, so the first windows teach the design effect")
    _row("coefficient", "rows a window", "baseline", "alarms (mean)", "worst run")
    for phi in (0.0, 0.5, 0.9, 0.97):
        n, m, counts = 100, 20_000, []
        for _ in range(repeat):
            rows = autoregressive(rng, m + windows * n, 10, phi)
            baseline = baseline_of({f"f{i}": rows[:m, i] for i in range(10)}, time_ordered=False)
            tiles = (_tiles(baseline.grids.features, rows[m + k * n : m + (k + 1) * n]) for k in range(windows))
            counts.append(len(firing(live(model_of(0.0, 30), baseline, tiles, learning=True))))
        _row(phi, n, m, f"{np.mean(counts):.2f}", max(counts))


def _tiles(grids: object, rows: np.ndarray) -> TileSet:
    assert isinstance(grids, dict)
    tiles = {}
    for i, (name, grid) in enumerate(grids.items()):
        assert isinstance(grid, NumericGrid)
        tiles[name] = tile_of(grid, rows[:, i])
    return TileSet(len(rows), tiles)


def speed(rng: Generator) -> None:
    print("\nTime of judging a window with all its due merges, ms")
    for features in (20, 200):
        setting = Setting(1_000, 50_000, features)
        baseline = baseline_of({f"f{i}": rng.normal(size=setting.m) for i in range(features)})
        windows = list(normal_windows(rng, setting, baseline, 128))
        began = time.perf_counter()
        told = [t for _, t in live(model_of(0.05, 1), baseline, iter(windows)) if t.state is AlertStatus.FIRING]
        each = (time.perf_counter() - began) / len(windows) * 1e3
        _row(f"{features} features", f"{each:.2f} ms", f"{len(told)} alarms")


if __name__ == "__main__":
    main()
