"""Rows x features per second of the profile pass, beside what else could count the same bytes, in one run.

    python benchmarks/windows/run.py [--rows 100000] [--columns 100] [--seconds 2]

Every contender reads the same float64 columns. `np.sum` is the limit: it reads every byte once and adds. The contenders
take turns, so that what else the machine does slows them alike; the best of all turns counts. One thread each, unless
the line says otherwise. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Read by Evidently at its import: nothing is sent.
os.environ["DO_NOT_TRACK"] = "1"
os.environ["ITERATIVE_DO_NOT_TRACK"] = "1"

import numpy as np

from monitor.definitions import MonitoredModel
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.kernels import compile_ahead
from monitor.tiles.profile import profile
from monitor.tiles.rows import Column, Rows

BASELINE_ROWS = 20_000
ROUNDS_MIN = 3
MODEL = MonitoredModel("benchmark")


@dataclass
class Contender:
    """Something that reads every value of the window once per call."""

    name: str
    run: Callable[[], object]
    values: int
    best_s: float = float("inf")
    rounds: int = 0

    def turn(self) -> float:
        start = time.perf_counter()
        self.run()
        spent = time.perf_counter() - start
        self.best_s = min(self.best_s, spent)
        self.rounds += 1
        return spent


def table_of(columns: dict[str, np.ndarray]) -> Rows:
    n = len(next(iter(columns.values())))
    ids = np.empty(n, object)
    ids[:] = [f"p{i}" for i in range(n)]
    order = np.arange(n, dtype=np.int64)
    found = {name: Column(values) for name, values in columns.items()}
    return Rows(order, ids, np.zeros(n, np.int32), np.ones(n, np.int32), found)


def drawn(rows: int, columns: int, seed: int) -> dict[str, np.ndarray]:
    """A quarter each of normal, skewed, heavy-tailed and discrete columns."""
    rng = np.random.default_rng(seed)
    shapes: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda x: x,
        lambda x: np.exp(2 * x),
        lambda x: x**3,
        lambda x: np.round(20 * x),
    ]
    return {f"f{i:03d}": np.ascontiguousarray(shapes[i % 4](rng.normal(size=rows))) for i in range(columns)}


def numpy_pass(baseline: dict[str, np.ndarray], window: dict[str, np.ndarray]) -> Callable[[], object]:
    """The plain way to the same counts: search every value among the quantiles, count, look at the ends."""
    edges = {name: np.unique(np.quantile(x, np.arange(1, 260) / 260)) for name, x in baseline.items()}

    def run() -> list[object]:
        found: list[object] = []
        for name, x in window.items():
            cell = np.searchsorted(edges[name], x)
            cells = len(edges[name]) + 1
            found += [np.bincount(cell, minlength=cells), np.bincount(cell, x, minlength=cells), x.min(), x.max()]
        return found

    return run


def evidently_pass(baseline: dict[str, np.ndarray], window: dict[str, np.ndarray]) -> Callable[[], object] | str:
    """Evidently's own drift preset with its defaults, on pandas frames; a reason where it cannot be had."""
    try:
        evidently = importlib.import_module("evidently")
        presets = importlib.import_module("evidently.presets")
        pandas = importlib.import_module("pandas")
    except ImportError as error:
        return f"not installed: {error}"
    before, now = pandas.DataFrame(baseline), pandas.DataFrame(window)
    return lambda: evidently.Report([presets.DataDriftPreset()]).run(now, before).dict()


def contenders(rows: int, columns: int) -> tuple[list[Contender], list[str]]:
    before, now = drawn(BASELINE_ROWS, columns, 1), drawn(rows, columns, 2)
    compile_ahead()
    baseline, window = build_baseline(table_of(before), MODEL, time_ordered=True), table_of(now)
    alone = replace(baseline.grids, pairs=())
    values = rows * columns
    found = [
        Contender("np.sum (the limit)", lambda: [np.sum(x) for x in now.values()], values),
        Contender("Outrider: tiles of all columns", lambda: profile(window, alone, MODEL), values),
        Contender("Outrider: tiles and pairs", lambda: profile(window, baseline.grids, MODEL), values),
        Contender(
            "Outrider: tiles, pairs and all metrics",
            lambda: measure(baseline, profile(window, baseline.grids, MODEL), MODEL),
            values,
        ),
        Contender("NumPy: searchsorted and bincount", numpy_pass(before, now), values),
    ]
    rival = evidently_pass(before, now)
    notes = []
    if isinstance(rival, str):
        notes.append(f"Evidently: {rival}")
    else:
        found.append(Contender("Evidently: DataDriftPreset", rival, values))
    return found, notes


def race(entrants: list[Contender], seconds: float) -> None:
    """Turns, until each has had its seconds; slow ones get at least one after the first."""
    for entrant in entrants:
        entrant.turn()
        entrant.best_s = float("inf")
        entrant.rounds = 0
    spent = dict.fromkeys((entrant.name for entrant in entrants), 0.0)
    waiting = list(entrants)
    while waiting:
        for entrant in waiting:
            spent[entrant.name] += entrant.turn()
        waiting = [e for e in waiting if spent[e.name] < seconds or (e.rounds < ROUNDS_MIN and e.best_s < seconds)]


def _short(rate: float) -> str:
    return f"{rate / 1e6:,.1f} M" if rate >= 1e6 else f"{rate / 1e3:,.1f} k"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each contender")
    given = parser.parse_args()
    entrants, notes = contenders(given.rows, given.columns)
    race(entrants, given.seconds)
    limit = entrants[0].best_s
    print(
        f"{given.rows:,} rows x {given.columns} float64 columns; Python {platform.python_version()}, NumPy {np.__version__}\n"
    )
    print("| pass | ms | rows x features per second | times np.sum |")
    print("| --- | ---: | ---: | ---: |")
    for entrant in entrants:
        rate = _short(entrant.values / entrant.best_s)
        print(f"| {entrant.name} | {entrant.best_s * 1e3:,.1f} | {rate} | {entrant.best_s / limit:,.1f} |")
    for note in notes:
        print(f"\n{note}", file=sys.stderr)


if __name__ == "__main__":
    main()
