"""How often the peers alarm where nothing happens, at their defaults: run in an environment that has them.

    .services/peers/venv/bin/python benchmarks/null_calibration/peers.py [--windows 100]

Independent rows, a baseline of 5,000, 20 features. Prints the share of windows in which any of the features alarms, in
which the first does, and, for Evidently, in which it says that the data set drifted. `windows/run.py` makes the environment.
"""

from __future__ import annotations

import argparse
import importlib
import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any

# Read by the peers at their import: nothing is sent.
os.environ["DO_NOT_TRACK"] = os.environ["ITERATIVE_DO_NOT_TRACK"] = os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import numpy as np

warnings.filterwarnings("ignore")

BASELINE, FEATURES = 5_000, 20
WINDOWS = (50, 200, 1_000, 5_000)
Draw = Callable[[np.random.Generator, int], Any]
KINDS: Mapping[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy-tailed": lambda rng, n: rng.standard_t(2, size=n),
    "skewed, ties": lambda rng, n: np.floor(rng.exponential(5.0, size=n)),
    "categories, 5 even": lambda rng, n: rng.choice(list("abcde"), n),
    "categories, 50 skewed": lambda rng, n: np.char.add(
        "c", np.where(rng.random(n) < 0.5, 0, rng.integers(1, 50, n)).astype(str)
    ),
}


def frame(rng: np.random.Generator, draw: Draw, rows: int) -> Any:
    return importlib.import_module("pandas").DataFrame({f"f{i:02d}": draw(rng, rows) for i in range(FEATURES)})


def nannyml(rng: np.random.Generator, draw: Draw, n: int, windows: int) -> tuple[float, float, str]:
    library = importlib.import_module("nannyml")
    before, now = frame(rng, draw, BASELINE), frame(rng, draw, n * windows)
    calculator = library.UnivariateDriftCalculator(column_names=list(before), chunk_size=n)
    calculator.fit(before)
    found = calculator.calculate(now).to_df()
    found = found[found["chunk", "chunk", "period"] == "analysis"]
    alerts = np.array([found[column].xs("alert", axis=1, level=1).any(axis=1) for column in before])
    return float(alerts.any(0).mean()), float(alerts[0].mean()), "–"


def evidently(rng: np.random.Generator, draw: Draw, n: int, windows: int) -> tuple[float, float, str]:
    library, presets = importlib.import_module("evidently"), importlib.import_module("evidently.presets")
    before = frame(rng, draw, BASELINE)
    any_, first, whole = [], [], []
    for _ in range(windows):
        now = frame(rng, draw, n)
        told = [
            library.Report([presets.DataDriftPreset(columns=columns)]).run(now[columns], before[columns]).dict()
            for columns in (list(before), ["f00"])
        ]
        counts = [
            next(m["value"] for m in one["metrics"] if "count" in (m["value"] if isinstance(m["value"], dict) else {}))
            for one in told
        ]
        any_.append(counts[0]["count"] > 0)
        first.append(counts[1]["count"] > 0)
        whole.append(counts[0]["share"] >= 0.5)
    return float(np.mean(any_)), float(np.mean(first)), f"{100 * np.mean(whole):.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=100)
    asked = parser.parse_args()
    print("| peer | kind | rows a window | any of 20 features | one feature | whole data set |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, peer in {"NannyML": nannyml, "Evidently": evidently}.items():
        for kind, draw in KINDS.items():
            for n in WINDOWS:
                rng = np.random.default_rng(7)
                try:
                    some, one, whole = peer(rng, draw, n, asked.windows)
                except Exception as error:  # noqa: BLE001  a peer may fail in any way; the reason goes into the table
                    print(f"| {name} | {kind} | {n:,} | {type(error).__name__}: {str(error)[:80]} | | |", flush=True)
                    continue
                print(f"| {name} | {kind} | {n:,} | {100 * some:.0f} % | {100 * one:.0f} % | {whole} |", flush=True)


if __name__ == "__main__":
    main()
