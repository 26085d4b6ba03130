"""Print the tables of docs/alarms.md: `python -m benchmarks.null_calibration.run [--quick] [--seed N]`.

Everything runs through the product's own functions on tiles: trailing merges, `judge`, `advance`.
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
    category_baseline,
    category_windows,
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
    parser.add_argument("--only", choices=("null", "categories", "dependent", "delays", "speed"))
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    repeat = 2 if asked.quick else 6
    windows = 300 if asked.quick else 1_000
    allowed = 30 * windows / LOOKS_PER_MONTH
    tables = {
        "null": lambda: null(rng, repeat, windows),
        "categories": lambda: categories(rng, repeat, windows),
        "dependent": lambda: dependent(rng, repeat, windows),
        "delays": lambda: delays(rng, 3 if asked.quick else 20),
        "speed": lambda: speed(rng),
    }
    print(f"Alarms in {windows} windows at 30 a month: {allowed:.1f} allowed; tolerance 0 unless said.")
    for name, table in tables.items():
        if asked.only in (None, name):
            table()


def _row(*cells: object) -> None:
    print("| " + " | ".join(str(c) for c in cells) + " |", flush=True)


def null(rng: Generator, repeat: int, windows: int) -> None:
    print("\nIndependent normal features")
    _row("rows a window", "baseline", "features", "tolerance", "alarms (mean)", "worst run")
    for n in (50, 200, 1_000):
        for m in (500, 5_000, 50_000):
            for features, tolerance in ((1, 0.0), (20, 0.0), (20, 0.05)):
                counts = []
                for _ in range(repeat):
                    setting = Setting(n, m, features, tolerance)
                    baseline = baseline_of({f"f{i}": rng.normal(size=m) for i in range(features)})
                    stream = normal_windows(rng, setting, baseline, windows)
                    counts.append(len(firing(live(model_of(tolerance, 30), baseline, stream))))
                _row(n, m, features, tolerance, f"{np.mean(counts):.2f}", max(counts))


def categories(rng: Generator, repeat: int, windows: int) -> None:
    print("\nIndependent categories, 10 features")
    _row("categories", "rows a window", "baseline", "alarms (mean)", "worst run")
    kinds = {
        "5 even": np.full(5, 0.2),
        "50 skewed": np.r_[0.5, np.full(49, 0.5 / 49)],
        "1000 Zipf": 1 / np.arange(1, 1001) / np.sum(1 / np.arange(1, 1001)),
    }
    for name, shares in kinds.items():
        for n, m in ((50, 500), (200, 2_000), (1_000, 50_000)):
            counts = []
            for _ in range(repeat):
                baseline = category_baseline(rng, shares, m, 10)
                stream = category_windows(rng, shares, n, 10, windows)
                counts.append(len(firing(live(model_of(0.0, 30), baseline, stream))))
            _row(name, n, m, f"{np.mean(counts):.2f}", max(counts))


def dependent(rng: Generator, repeat: int, windows: int) -> None:
    print("\nAR(1), 10 features; the baseline in time order, or not (then the first windows teach the effect)")
    _row("coefficient", "rows a window", "baseline", "in order", "alarms (mean)", "worst run", "design effects")
    for phi in (0.0, 0.5, 0.9, 0.97):
        for n, m, ordered in ((100, 20_000, True), (1_000, 50_000, True), (100, 20_000, False)):
            counts, effects = [], ()
            for _ in range(repeat):
                rows = autoregressive(rng, m + windows * n, 10, phi)
                baseline = baseline_of({f"f{i}": rows[:m, i] for i in range(10)}, time_ordered=ordered)
                tiles = (_tiles(baseline.grids.features, rows[m + k * n : m + (k + 1) * n]) for k in range(windows))
                counts.append(len(firing(live(model_of(0.0, 30), baseline, tiles, learning=True))))
                effects = baseline.design_effects.effects if baseline.design_effects else ()
            shown = ", ".join(f"{e:.1f}" for e in effects[::3])
            _row(phi, n, m, ordered, f"{np.mean(counts):.2f}", max(counts), shown)


def _tiles(grids: object, rows: np.ndarray) -> TileSet:
    assert isinstance(grids, dict)
    tiles = {}
    for i, (name, grid) in enumerate(grids.items()):
        assert isinstance(grid, NumericGrid)
        tiles[name] = tile_of(grid, rows[:, i])
    return TileSet(len(rows), tiles)


def delays(rng: Generator, repeat: int) -> None:
    print("\nWindows until a mean shift in one of 20 features is told, one alarm a month")
    _row("shift", "rows a window", "baseline", "tolerance", "median", "90 %", "told again", "never in 300")
    for shift in (0.05, 0.1, 0.25, 0.5):
        for n, m in ((1_000, 50_000), (200, 5_000), (50, 5_000)):
            for tolerance in (0.0, 0.05) if shift >= 0.25 else (0.0,):
                first, again = [], []
                for _ in range(repeat):
                    setting = Setting(n, m, 20, tolerance, 1, shift)
                    baseline = baseline_of({f"f{i}": rng.normal(size=m) for i in range(20)})
                    stream = normal_windows(rng, setting, baseline, 400)
                    found = [i for i in firing(live(model_of(tolerance, 1), baseline, stream)) if i >= 100]
                    first.append(found[0] - 99 if found else 999)
                    again.append(max(0, len(found) - 1))
                low, high = np.median(first), np.quantile(first, 0.9)
                never = sum(f == 999 for f in first)
                _row(shift, n, m, tolerance, f"{low:.0f}", f"{high:.0f}", f"{np.mean(again):.2f}", never)


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
