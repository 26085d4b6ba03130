"""False alarms where rows resemble their neighbours or follow the clock, and the delay of a change of correlation alone.

    python -m benchmarks.null_calibration.dependent [--baselines 20] [--only dependent|seasonal|correlation]

Ten features; 1,000 five-minute windows a run at 30 a month, tolerance 0, against baselines in time order whose design
effects are estimated as the product does. Correlations at one alarm a month among 20 features, through `profile` itself.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from scipy.signal import lfilter

from benchmarks.null_calibration.kinds import NORMAL, Feature
from benchmarks.null_calibration.simulate import Stream, baseline_of, firing
from benchmarks.null_calibration.streams import LOOKS_PER_MONTH, WINDOW_NS, model_of
from monitor.alerts.budget import Plan, families_present
from monitor.alerts.calibration import calibrated, design_effects
from monitor.alerts.judging import judge
from monitor.findings import AlertKind, Span
from monitor.jobs.set_baseline import cell_codes
from monitor.tiles.baseline import build_baseline
from monitor.tiles.merge import merge
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.profile import profile
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import TileSet
from monitor.windows.trailing import Pyramid, extend

Generator = np.random.Generator
FEATURES, WINDOWS = 10, 1_000
DAY = 288
"""Windows of five minutes."""


def autoregressive(rng: Generator, rows: int, phi: float) -> np.ndarray:
    noise = rng.normal(size=rows + 500) * math.sqrt(1 - phi * phi)
    return np.asarray(lfilter([1], [1, -phi], noise)[500:])


def seasonal(rng: Generator, rows: int, n: int, swing: float) -> np.ndarray:
    """A daily wave of the mean, `swing` standard deviations high, each feature with a phase of its own."""
    window = np.arange(rows) // n
    return rng.normal(size=rows) + swing * np.sin(2 * np.pi * (window / DAY + rng.random()))


def alarms(columns: list[np.ndarray], m: int, n: int) -> tuple[int, float]:
    """Alarms of the rows after the first m, and the design effect of a window's size."""
    features, counts, codes = [], [], {}
    for i, rows in enumerate(columns):
        feature = Feature.of(NORMAL, Column(rows[:m]))
        assert isinstance(feature.grid, NumericGrid)
        cell = np.searchsorted(feature.grid.edges, rows)
        width = len(feature.grid.edges) + 3
        later = cell[m : m + WINDOWS * n].reshape(WINDOWS, n) + width * np.arange(WINDOWS)[:, None]
        counts.append(np.bincount(later.ravel(), minlength=WINDOWS * width).reshape(WINDOWS, width).astype(np.int32))
        features.append(feature)
        codes[str(i)] = cell[:m].astype(np.int32)
    baseline = baseline_of(features, m, design_effects(codes))
    stream = Stream.of(features, counts, baseline, model_of(0.0, 30.0))
    return sum(1 for _ in firing(stream.told())), stream.plan.effect(baseline, float(n))


def row(*cells: object) -> None:
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def summary(found: list[tuple[int, float]]) -> tuple[str, int, str]:
    told = [count for count, _ in found]
    return f"{np.mean(told):.2f}", max(told), f"{np.median([effect for _, effect in found]):.1f}"


def dependent(baselines: int) -> None:
    row("AR(1)", "rows a window", "baseline", "alarms (mean)", "most", "design effect")
    row("---", *["---:"] * 5)
    for phi in (0.5, 0.9, 0.97):
        for n, m in ((100, 5_000), (100, 20_000), (1_000, 50_000)):
            rng = np.random.default_rng([1, n, m])
            found = [
                alarms([autoregressive(rng, m + WINDOWS * n, phi) for _ in range(FEATURES)], m, n)
                for _ in range(baselines)
            ]
            row(phi, f"{n:,}", f"{m:,}", *summary(found))


def seasons(baselines: int) -> None:
    row("daily wave", "rows a window", "days of baseline", "alarms (mean)", "most", "design effect")
    row("---", *["---:"] * 5)
    for swing in (0.25, 1.0):
        for n, days in ((50, 2), (50, 7), (200, 7)):
            rng = np.random.default_rng([2, n, days])
            m = days * DAY * n
            found = [
                alarms([seasonal(rng, m + WINDOWS * n, n, swing) for _ in range(FEATURES)], m, n)
                for _ in range(baselines)
            ]
            row(f"{swing} sigma", n, days, *summary(found))


def correlation(runs: int) -> None:
    row("correlation", "rows a window", "baseline", "windows, median / 90 %")
    row("---", *["---:"] * 3)
    for before, after in ((0.5, 0.3), (0.5, 0.0), (0.0, 0.5)):
        for n, m in ((1_000, 50_000), (200, 5_000)):
            rng = np.random.default_rng([3, n, m])
            found = [correlation_delay(rng, before, after, n, m) for _ in range(runs)]
            ends = np.quantile(found, (0.5, 0.9), method="inverted_cdf")
            row(f"{before} to {after}", f"{n:,}", f"{m:,}", " / ".join(f"{end:.0f}" for end in ends))


def correlation_delay(rng: Generator, before: float, after: float, n: int, m: int) -> float:
    model = model_of(0.0, 1.0)
    rows = pairs(rng, m, before)
    baseline = build_baseline(rows, model, time_ordered=True)
    baseline = calibrated(baseline, cell_codes(rows, baseline.grids))
    plan = Plan.of(model, families_present(model, baseline), looks_per_month=LOOKS_PER_MONTH)
    pyramid: Pyramid[TileSet] = Pyramid()
    calm = 16 + int(rng.integers(16))
    for index in range(calm + 200):
        tiles = profile(pairs(rng, n, before if index < calm else after), baseline.grids, model)
        pyramid, trailing = extend(pyramid, tiles, merge)
        if index < calm:
            continue
        judged = judge(
            model=model,
            version=None,
            window=Span(index * WINDOW_NS, (index + 1) * WINDOW_NS),
            tiles=tiles,
            trailing=trailing,
            baseline=baseline,
            plan=plan,
            measurements=(),
        )
        if judged.evidence[AlertKind.DRIFT].fired:
            return float(index - calm + 1)
    return math.inf


def pairs(rng: Generator, rows: int, correlation: float) -> Rows:
    """Twenty standard normal features of which the first two hang together."""
    columns = {f"f{i:02d}": rng.normal(size=rows) for i in range(20)}
    columns["f01"] = correlation * columns["f00"] + math.sqrt(1 - correlation**2) * columns["f01"]
    ids = np.full(rows, "p", object)
    order = np.arange(rows, dtype=np.int64)
    found = {name: Column(values) for name, values in columns.items()}
    return Rows(order, ids, np.zeros(rows, np.int32), np.ones(rows, np.int32), found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baselines", type=int, default=20)
    parser.add_argument("--only", choices=("dependent", "seasonal", "correlation"))
    asked = parser.parse_args()
    for name, table in (("dependent", dependent), ("seasonal", seasons), ("correlation", correlation)):
        if asked.only in (None, name):
            print(f"\n{name}\n")
            table(asked.baselines)


if __name__ == "__main__":
    main()
