"""How often the peers alarm where nothing happens, at their defaults: run in an environment that has them.

    .services/peers/venv/bin/python benchmarks/null_calibration/peers.py [--windows 100]

Independent rows, a baseline of 5,000, 20 features; alibi-detect needs an environment of its own. Prints the share of windows in which any of the features alarms, in
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
        told = library.Report([presets.DataDriftPreset()]).run(frame(rng, draw, n), before).dict()["metrics"]
        share = next(m["value"] for m in told if m["config"]["type"].endswith("DriftedColumnsCount"))
        own = next(m for m in told if m["config"].get("column") == "f00")
        config = own["config"]
        # A distance drifts from its threshold on, a p-value below it.
        drifts = (
            own["value"] < config["threshold"] if "p_value" in config["method"] else own["value"] >= config["threshold"]
        )
        any_.append(share["count"] > 0)
        first.append(drifts)
        whole.append(share["share"] >= 0.5)
    return float(np.mean(any_)), float(np.mean(first)), f"{100 * np.mean(whole):.0f} %"


def alibi_detect(rng: np.random.Generator, draw: Draw, n: int, windows: int) -> tuple[float, float, str]:
    """`KSDrift` or `ChiSquareDrift` of all features together (their default corrects for their number), and of one."""
    library = importlib.import_module("alibi_detect.cd")
    detector = library.KSDrift if isinstance(draw(rng, 1)[0], float | np.floating) else library.ChiSquareDrift
    before = codes(rng, draw, BASELINE)
    every, one = detector(before, p_val=0.05), detector(before[:, :1], p_val=0.05)
    found = []
    for _ in range(windows):
        now = codes(rng, draw, n)
        found.append([bool(d.predict(x)["data"]["is_drift"]) for d, x in ((every, now), (one, now[:, :1]))])
    some, first = np.mean(found, axis=0)
    return float(some), float(first), f"{100 * some:.0f} %"


def frouros(rng: np.random.Generator, draw: Draw, n: int, windows: int) -> tuple[float, float, str]:
    """`KSTest` or `ChiSquareTest` of each feature, at the 0.05 of its guide."""
    library = importlib.import_module("frouros.detectors.data_drift")
    numeric = isinstance(draw(rng, 1)[0], float | np.floating)
    before = codes(rng, draw, BASELINE)
    detectors = [library.KSTest() if numeric else library.ChiSquareTest() for _ in range(FEATURES)]
    for at, detector in enumerate(detectors):
        detector.fit(X=before[:, at])
    found = []
    for _ in range(windows):
        now = codes(rng, draw, n)
        found.append([bool(d.compare(X=now[:, at])[0].p_value < 0.05) for at, d in enumerate(detectors)])
    table = np.array(found)
    return float(table.any(1).mean()), float(table[:, 0].mean()), "–"


def river(rng: np.random.Generator, draw: Draw, n: int, windows: int) -> tuple[float, float, str]:
    """`ADWIN` of each feature, fed the baseline and then the windows row by row; of names their code."""
    drift = importlib.import_module("river.drift")
    detectors = [drift.ADWIN() for _ in range(FEATURES)]
    before = codes(rng, draw, BASELINE)
    for at, detector in enumerate(detectors):
        for x in before[:, at].tolist():
            detector.update(x)
    table = np.zeros((windows, FEATURES), bool)
    for window in range(windows):
        now = codes(rng, draw, n)
        for at, detector in enumerate(detectors):
            for x in now[:, at].tolist():
                detector.update(x)
                table[window, at] |= detector.drift_detected
    return float(table.any(1).mean()), float(table[:, 0].mean()), "–"


def codes(rng: np.random.Generator, draw: Draw, rows: int) -> np.ndarray:
    """The features as a matrix: numbers, or a number for each name."""
    columns = [np.asarray(draw(rng, rows)) for _ in range(FEATURES)]
    if columns[0].dtype.kind == "f":
        return np.stack(columns, axis=1)
    names = sorted({str(v) for column in columns for v in np.unique(column)} | {f"c{i}" for i in range(50)})
    known = {name: float(i) for i, name in enumerate(names)}
    return np.array([[known[str(v)] for v in column] for column in columns]).T


PEERS: Mapping[str, Callable[[np.random.Generator, Draw, int, int], tuple[float, float, str]]] = {
    "NannyML": nannyml,
    "alibi-detect": alibi_detect,
    "frouros": frouros,
    "river": river,
    "Evidently": evidently,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(WINDOWS), help="rows a window")
    asked = parser.parse_args()
    print("| peer | kind | rows a window | any of 20 features | one feature | whole data set |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name in asked.only:
        peer = PEERS[name]
        for kind in asked.kinds:
            draw = KINDS[kind]
            for n in asked.sizes:
                rng = np.random.default_rng(7)
                try:
                    some, one, whole = peer(rng, draw, n, asked.windows)
                except Exception as error:  # noqa: BLE001  a peer may fail in any way; the reason goes into the table
                    print(f"| {name} | {kind} | {n:,} | {type(error).__name__}: {str(error)[:80]} | | |", flush=True)
                    continue
                print(f"| {name} | {kind} | {n:,} | {100 * some:.0f} % | {100 * one:.0f} % | {whole} |", flush=True)


if __name__ == "__main__":
    main()
