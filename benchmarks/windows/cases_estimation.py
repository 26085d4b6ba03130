"""Performance without labels on a million rows with groups: rows per second, beside NannyML and plain NumPy.

    python benchmarks/windows/cases_estimation.py [--rows 1000000] [--seconds 3] [--nannyml PYTHON]

Every contender turns the same scores, decisions and groups into estimated accuracy, F1, precision, recall and ROC AUC of
each of four groups and of all rows. NannyML wants other versions of pandas than this project, so it runs in the
interpreter given (`python -m venv …; pip install nannyml statsmodels`), fitted before the clock starts; without one its
line says why it is missing. One thread each; contenders take turns, the best of all turns counts. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from monitor.definitions import Feature, Label, MonitoredModel, Prediction
from monitor.metrics.estimation import freeze
from monitor.metrics.metric import Comparison
from monitor.metrics.registry import METRICS
from monitor.tiles.baseline import build_baseline
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import Baseline, TileSet

GROUPS = 4
BASELINE_ROWS = 50_000
MODEL = MonitoredModel(
    "benchmark",
    task="binary",
    features=(Feature("x", "numeric"),),
    prediction=Prediction(score="p", class_="yhat"),
    label=Label("y"),
    groups=("g",),
)
NAMES = ("accuracy", "f1", "precision", "recall", "roc_auc")

THEIRS = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd, nannyml as nml
before, now = (pd.DataFrame(dict(np.load(path))) for path in sys.argv[1:3])
seconds = float(sys.argv[3])
def fitted(frame):
    cbpe = nml.CBPE(problem_type="classification_binary", y_pred_proba="p", y_pred="yhat", y_true="y",
                    metrics=["accuracy", "f1", "precision", "recall", "roc_auc"], chunk_number=1)
    return cbpe.fit(frame)
parts = [(fitted(before), now)] + [(fitted(before[before.g == g]), now[now.g == g]) for g in range(4)]
best, spent = float("inf"), 0.0
while spent < seconds:
    start = time.perf_counter()
    for cbpe, frame in parts:
        cbpe.estimate(frame)
    took = time.perf_counter() - start
    best, spent = min(best, took), spent + took
print(len(now) / best)
"""


def drawn(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    z = rng.normal(0, 1.3, rows)
    p = 1 / (1 + np.exp(-1.5 * z))
    y = (rng.random(rows) < 1 / (1 + np.exp(-z))).astype(np.int64)
    return {"x": z, "p": p, "yhat": (p >= 0.5).astype(np.int64), "g": rng.integers(0, GROUPS, rows), "y": y}


def rows_of(columns: dict[str, np.ndarray], *, labelled: bool) -> Rows:
    n = len(columns["p"])
    ids = np.empty(n, object)
    order = np.arange(n, dtype=np.int64)
    found = {name: Column(values) for name, values in columns.items() if name != "y"}
    label = Column(columns["y"]) if labelled else None
    return Rows(order, ids, np.zeros(n, np.int32), np.ones(n, np.int32), found, label)


def ours(before: dict[str, np.ndarray], now: dict[str, np.ndarray]) -> Callable[[], object]:
    rows = rows_of(before, labelled=True)
    plain = build_baseline(rows, MODEL, time_ordered=False)
    estimator = freeze.fit(rows, plain.grids, MODEL)
    tiles = freeze.with_estimates(plain.tiles, rows, estimator, plain.grids, MODEL)
    baseline = Baseline(plain.id, plain.rows, plain.grids, tiles, estimator=estimator)
    names = {f"estimated_{name}" for name in NAMES} | {"estimated_equal_opportunity_difference"}
    metrics = [metric for metric in METRICS if metric.name in names]
    window = rows_of(now, labelled=False)

    def run() -> object:
        counted = freeze.with_estimates(TileSet(len(window)), window, estimator, plain.grids, MODEL)
        comparison = Comparison(baseline, counted, MODEL)
        return [measurement for metric in metrics for measurement in metric.measure(comparison)]

    return run


def numpy_way(now: dict[str, np.ndarray]) -> Callable[[], object]:
    """The same counts without curve, cells or intervals: what a loop over groups would do, without ROC AUC."""
    p, said, group = now["p"], now["yhat"].astype(bool), now["g"]

    def run() -> object:
        found = []
        for which in (None, *range(GROUPS)):
            inside = slice(None) if which is None else group == which
            c, chosen = p[inside], said[inside]
            true, positives, selected = c[chosen].sum(), c.sum(), chosen.sum()
            negatives = len(c) - positives
            found.append((true / positives, true / selected, (true + negatives - (selected - true)) / len(c)))
        return found

    return run


def theirs(python: str, before: dict[str, np.ndarray], now: dict[str, np.ndarray], seconds: float) -> float | str:
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("before.npz", "now.npz")]
        for path, columns in zip(paths, (before, now), strict=True):
            np.savez(path, **columns)
        done = subprocess.run(
            [python, "-c", THEIRS, *paths, str(seconds)], capture_output=True, text=True, check=False, timeout=1_800
        )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
    return float(done.stdout.split()[-1])


def best_of(runs: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    best = dict.fromkeys(runs, float("inf"))
    for run in runs.values():
        run()
    spent = 0.0
    while spent < seconds * len(runs):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            took = time.perf_counter() - start
            best[name], spent = min(best[name], took), spent + took
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--nannyml", help="an interpreter that has NannyML")
    asked = parser.parse_args()
    rng = np.random.default_rng(1)
    before, now = drawn(rng, BASELINE_ROWS), drawn(rng, asked.rows)
    best = best_of(
        {"Outrider": ours(before, now), "NumPy, without curve, ROC AUC and intervals": numpy_way(now)}, asked.seconds
    )
    rates = {name: asked.rows / took for name, took in best.items()}
    found = theirs(asked.nannyml, before, now, asked.seconds) if asked.nannyml else "no interpreter given"
    sys.stdout.write(
        f"{asked.rows:,} rows, {GROUPS} groups, one thread\n\n| | M rows/s | Outrider is faster by |\n|---|---|---|\n"
    )
    for name, rate in rates.items():
        sys.stdout.write(f"| {name} | {rate / 1e6:.1f} | {rates['Outrider'] / rate:.1f} |\n")
    if isinstance(found, str):
        sys.stdout.write(f"\nNannyML: {found}\n")
    else:
        sys.stdout.write(f"| NannyML, fitted before | {found / 1e6:.2f} | {rates['Outrider'] / found:.0f} |\n")


if __name__ == "__main__":
    main()
