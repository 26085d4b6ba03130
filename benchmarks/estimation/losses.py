"""Learned losses on data that did not tune their interval: other laws of the error, and real rows.

    python -m benchmarks.estimation.losses [--baselines 20] [--bikes hour.csv.gz]

Each baseline has 4,000 rows, each window 1,000. `MAE` and `RMSE`: in how many windows the interval holds what the labels give.
With `--bikes` (the hourly table of UCI Bike Sharing) boosted trees learn half of the rows; the rest is drawn at random into a
baseline and windows, of all rows and of the hot third.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.findings import Status
from monitor.jobs.set_baseline import build_baseline, resolve_kinds
from monitor.metrics.estimation.freeze import with_estimates
from monitor.metrics.registry import measure
from monitor.tiles.profile import profile
from monitor.tiles.rows import Column, Rows

Generator = np.random.Generator
Draw = Callable[[Generator, int, float], tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]]
"""Features, prediction and label of n rows, moved by some standard deviations."""
ROWS, WINDOW = 4_000, 1_000
SHIFTS = (0.0, 0.5, 1.0)
MODEL = MonitoredModel("m", prediction=Prediction(value="v"), label=Label("y"))


def heavy(rng: Generator, n: int, shift: float) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Laplace errors whose scale grows with a feature."""
    x, z = rng.normal(shift, 1, n), rng.normal(0, 1, n)
    v = x + 2 * z
    return {"x": x, "z": z}, v, v + rng.laplace(0, 0.3 + np.exp(0.4 * x))


def skewed(rng: Generator, n: int, shift: float) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """A log-normal outcome whose mean is said."""
    x = rng.normal(shift, 1, n)
    return {"x": x}, np.exp(0.5 * x + 0.08), np.exp(0.5 * x + rng.normal(0, 0.4, n))


def interacting(rng: Generator, n: int, shift: float) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Large errors where two features are both large."""
    x, z = rng.normal(shift, 1, n), rng.normal(shift, 1, n)
    v = x - z
    return {"x": x, "z": z}, v, v + rng.normal(0, np.where((x > 0) & (z > 0), 2.0, 0.5))


def named(rng: Generator, n: int, shift: float) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Errors by category; a shift makes the hard ones commoner."""
    weights = np.exp(shift * np.arange(6) / 3)
    kind = rng.choice(6, n, p=weights / weights.sum())
    x = rng.normal(0, 1, n)
    return {"kind": np.array([f"k{i}" for i in kind], object), "x": x}, x, x + rng.normal(0, 0.3 + 0.3 * kind)


def biased(rng: Generator, n: int, shift: float) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """A line through a bent truth: the error is the model's, not noise."""
    x = rng.normal(shift, 1, n)
    return {"x": x}, 2 * x, 2 * x + 0.5 * x**2 + rng.normal(0, 0.5, n)


def waving(rng: Generator, n: int, shift: float) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Errors in waves of one feature, Student's with five degrees, beside three that say nothing."""
    columns = {name: rng.normal(shift if name == "x" else 0.0, 1, n) for name in ("x", "r", "s", "t")}
    v = columns["r"] * 2
    return (
        columns,
        v,
        v + rng.standard_t(5, n) * (0.4 + 0.4 * np.sin(2 * columns["x"]) ** 2 + 0.3 * np.abs(columns["x"])),
    )


def counted(rng: Generator, n: int, shift: float) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Counts of Poisson whose mean is said."""
    x, z = rng.normal(shift, 1, n), rng.normal(0, 1, n)
    mean = np.exp(1.0 + 0.4 * x + 0.2 * z)
    return {"x": x, "z": z}, mean, rng.poisson(mean).astype(np.float64)


FAMILIES: Mapping[str, Draw] = {
    "Laplace, scale grows": heavy,
    "log-normal": skewed,
    "two features together": interacting,
    "by category": named,
    "bent truth": biased,
    "in waves": waving,
    "counts": counted,
}


def rows_of(columns: dict[str, np.ndarray], v: np.ndarray, y: np.ndarray) -> Rows:
    n = len(v)
    ids = np.array([f"p{i}" for i in range(n)], object)
    found = {name: Column(values) for name, values in columns.items()} | {"v": Column(v)}
    return Rows(np.arange(n) * 10**9, ids, np.zeros(n, np.int32), np.ones(n, np.int32), found, Column(y))


def held(baseline_rows: Rows, windows: list[Rows]) -> list[tuple[bool, int, int]]:
    """Of each window: whether there is a verdict, and whether the intervals of MAE and RMSE hold."""
    model = resolve_kinds(baseline_rows, MODEL)
    baseline = build_baseline(baseline_rows, model, time_ordered=True)
    found = []
    for window in windows:
        tiles = profile(window, baseline.grids, model)
        tiles = with_estimates(tiles, window, baseline.estimator, baseline.grids, model)
        told = {m.metric: m.value for m in measure(baseline, tiles, model) if m.slice is None}
        verdict, inside = True, []
        for name in ("mae", "rmse"):
            guess, real = told[f"estimated_{name}"], told[name].value
            verdict &= guess.status is Status.OK
            inside.append(
                guess.low is not None
                and guess.high is not None
                and real is not None
                and guess.low <= real <= guess.high
            )
        found.append((verdict, int(inside[0]), int(inside[1])))
    return found


def told(name: str, shift: str, found: list[tuple[bool, int, int]]) -> None:
    sure = [one for one in found if one[0]]
    cells = [f"{sum(one[at] for one in sure)} of {len(sure)}" for at in (1, 2)]
    print(f"| {name} | {shift} | {len(sure)} of {len(found)} | {cells[0]} | {cells[1]} |", flush=True)


def bikes(path: Path, baselines: int) -> None:
    import pandas as pd  # noqa: PLC0415  (of the real rows alone)
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415  (the same)

    frame = pd.read_csv(path)
    names = ["season", "hr", "holiday", "weekday", "workingday", "weathersit", "temp", "atemp", "hum", "windspeed"]
    rng = np.random.default_rng(0)
    learned = rng.random(len(frame)) < 0.5
    model = HistGradientBoostingRegressor(max_iter=60, random_state=0).fit(frame[names][learned], frame["cnt"][learned])
    rest = frame[~learned].reset_index(drop=True)
    v, y = model.predict(rest[names]), rest["cnt"].to_numpy(np.float64)
    hot = np.flatnonzero(rest["temp"] > rest["temp"].quantile(2 / 3))
    found: dict[str, list[tuple[bool, int, int]]] = {"none": [], "the hot third": []}
    for seed in range(baselines):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(rest))
        before, after = order[:ROWS], order[ROWS:]
        picks = {"none": after[:WINDOW], "the hot third": np.intersect1d(after, hot)[:WINDOW]}
        made = lambda at: rows_of({n: rest[n].to_numpy(np.float64)[at] for n in names}, v[at], y[at])  # noqa: E731  (one line of a bench)
        for shift, one in zip(picks, held(made(before), [made(at) for at in picks.values()]), strict=True):
            found[shift].append(one)
    for shift, one in found.items():
        told("bike sharing", shift, one)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baselines", type=int, default=20)
    parser.add_argument("--only", nargs="*", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--bikes", type=Path)
    asked = parser.parse_args()
    print("| errors | shift | verdicts | MAE held | RMSE held |\n| --- | ---: | ---: | ---: | ---: |")
    for name in asked.only:
        draw = FAMILIES[name]
        found: dict[float, list[tuple[bool, int, int]]] = {shift: [] for shift in SHIFTS}
        for seed in range(asked.baselines):
            rng = np.random.default_rng([seed, len(name)])
            windows = [rows_of(*draw(rng, WINDOW, shift)) for shift in SHIFTS]
            for shift, one in zip(SHIFTS, held(rows_of(*draw(rng, ROWS, 0.0)), windows), strict=True):
                found[shift].append(one)
        for shift, one in found.items():
            told(name, f"{shift:g} sd", one)
    if asked.bikes is not None:
        bikes(asked.bikes, asked.baselines)


if __name__ == "__main__":
    main()
