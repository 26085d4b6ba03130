"""Fill the table of false alarms where nothing happens: `python -m benchmarks.null_calibration.table [--baselines 20]`.

Every cell is a kind of features, a size of the baseline, a size of the window and a number of features; a run of a cell is
one baseline and 1,000 five-minute windows at a budget of 30 a month, tolerance 0. Runs are appended to
`results/null.csv` as they end, so that a broken-off table goes on where it stopped; `--report` prints what is there.
"""

from __future__ import annotations

import argparse
import csv
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import special

from benchmarks.null_calibration.draws import windows_of
from benchmarks.null_calibration.kinds import KINDS, features
from benchmarks.null_calibration.simulate import Stream, baseline_of, firing
from benchmarks.null_calibration.streams import LOOKS_PER_MONTH, model_of

RESULTS = Path(__file__).parent / "results" / "null.csv"
FIELDS = ("kind", "baseline", "window", "features", "seed", "windows", "alarms")
BASELINES = (500, 5_000, 50_000)
WINDOWS = (50, 200, 1_000, 5_000, 50_000)
FEATURES = (1, 20, 200)
RUN_WINDOWS = 1_000
BUDGET = 30.0
ALLOWED = BUDGET * RUN_WINDOWS / LOOKS_PER_MONTH

Cell = tuple[str, int, int, int]


def runs(kind: str, rows: int, seed: int, wanted: set[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """(rows a window, features, alarms) of one baseline, for the wanted pairs of the first two."""
    rng = np.random.default_rng([zlib.crc32(kind.encode()), rows, seed])
    own = features(rng, kind, rows, max(f for _, f in wanted))
    model = model_of(0.0, BUDGET)
    for n in sorted({n for n, _ in wanted}):
        stream_rng = np.random.default_rng([zlib.crc32(kind.encode()), rows, seed, n])
        counts = [windows_of(stream_rng, feature.shares, n, RUN_WINDOWS) for feature in own]
        for number in (f for size, f in sorted(wanted) if size == n):
            stream = Stream.of(own[:number], counts[:number], baseline_of(own[:number], rows), model)
            yield n, number, sum(1 for _ in firing(stream.told()))


def read() -> dict[Cell, dict[int, int]]:
    """Alarms by cell and seed."""
    found: dict[Cell, dict[int, int]] = defaultdict(dict)
    if RESULTS.exists():
        with RESULTS.open(newline="") as file:
            for row in csv.DictReader(file):
                cell = (row["kind"], int(row["baseline"]), int(row["window"]), int(row["features"]))
                found[cell][int(row["seed"])] = int(row["alarms"])
    return found


def fill(baselines: int, sizes: Sequence[int]) -> None:
    done = read()
    RESULTS.parent.mkdir(exist_ok=True)
    # Few features first: they cost a tenth, and a table that is broken off is whole in its first columns.
    jobs = [
        (numbers, seed, kind, m)
        for numbers in ((1, 20), (200,))
        for seed in range(baselines)
        for kind in KINDS
        for m in BASELINES
    ]
    for numbers, seed, kind, m in jobs:
        wanted = {(n, f) for n in WINDOWS for f in numbers if f in sizes and seed not in done[kind, m, n, f]}
        if not wanted:
            continue
        for n, number, alarms in runs(kind, m, seed, wanted):
            new = not RESULTS.exists()
            with RESULTS.open("a", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                if new:
                    writer.writerow(FIELDS)
                writer.writerow((kind, m, n, number, seed, RUN_WINDOWS, alarms))


def lower_bound(alarms: int, level: float) -> float:
    """Lower confidence bound of a Poisson mean."""
    return float(special.chdtri(2 * alarms, 1 - level)) / 2 if alarms else 0.0


def report() -> None:
    """One line a kind, baseline and window: mean alarms a run for each number of features."""
    found = read()
    level = 0.01 / len(KINDS) / len(BASELINES) / len(WINDOWS) / len(FEATURES)
    over = []
    print(f"Mean alarms in {RUN_WINDOWS:,} windows, {ALLOWED:.2f} allowed; in brackets the most of one baseline.\n")
    heads = [f"{m:,} × {f}" for m in BASELINES for f in FEATURES]
    print("| kind | rows a window | " + " | ".join(heads) + " |")
    print("| --- | ---: |" + " ---: |" * len(heads))
    for kind in KINDS:
        for n in WINDOWS:
            cells = []
            for m in BASELINES:
                for f in FEATURES:
                    alarms = list(found.get((kind, m, n, f), {}).values())
                    if not alarms:
                        cells.append("–")
                        continue
                    cells.append(f"{np.mean(alarms):.2f} ({max(alarms)})")
                    if lower_bound(sum(alarms), level) > ALLOWED * len(alarms):
                        over.append((kind, m, n, f, sum(alarms), len(alarms)))
            print(f"| {kind} | {n:,} | " + " | ".join(cells) + " |")
    sizes = [len(runs) for runs in found.values()]
    print(
        f"\n{len(found)} cells, {min(sizes, default=0)} to {max(sizes, default=0)} baselines each; over budget: {over or 'none'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baselines", type=int, default=20)
    parser.add_argument(
        "--features", type=int, nargs="+", choices=FEATURES, default=FEATURES, help="only these columns"
    )
    parser.add_argument("--report", action="store_true")
    asked = parser.parse_args()
    if not asked.report:
        fill(asked.baselines, asked.features)
    report()


if __name__ == "__main__":
    main()
