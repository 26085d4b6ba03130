"""How many windows an alert stays open after its cause is over: `python -m benchmarks.null_calibration.closing [--runs 24] [--tolerance 0]`.

20 features of which the first changes, for as many windows as `--lasts` says, and then is as before; five-minute windows at
one alarm a month. A run is a baseline of its own and a change at any place between the merges. Counted are runs in which the
change was told; windows from the first one that is as before to the one at whose end the alert closes. `open`: not within 1,000 windows.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from benchmarks.null_calibration.draws import windows_of
from benchmarks.null_calibration.kinds import Feature
from benchmarks.null_calibration.power import CALM, FEATURES, Change, codes_of, shifted
from benchmarks.null_calibration.simulate import Stream, baseline_of
from benchmarks.null_calibration.streams import model_of
from monitor.alerts.calibration import design_effects
from monitor.findings import AlertKind, AlertStatus

Generator = np.random.Generator

SHIFTS = (0.1, 0.25, 0.5, 1.0)
AFTER = 1_000
"""Windows that an alert is given to close."""
SIZES = ((1_000, 50_000), (1_000, 5_000), (200, 5_000))
"""Rows of a window and of the baseline."""


def closing(rng: Generator, change: Change, n: int, rows: int, lasts: int, tolerance: float) -> float | None:
    """Windows from the end of the change to the end of the alert; infinite where it stays, None where it was not told."""
    columns = [change.kind.draw(rng, rows) for _ in range(FEATURES)]
    features = [Feature.of(change.kind, column) for column in columns]
    codes = {str(i): codes_of(c, f.grid) for i, (c, f) in enumerate(zip(columns, features, strict=True))}
    start = CALM + int(rng.integers(CALM))
    over = start + lasts
    counts = [windows_of(rng, feature.shares, n, over + AFTER) for feature in features]
    counts[0][start:over] = windows_of(rng, change.shares(features[0]), n, lasts)
    baseline = baseline_of(features, rows, design_effects(codes))
    is_open = False
    for index, told in Stream.of(features, counts, baseline, model_of(tolerance, 1.0)).told():
        if told.kind is not AlertKind.DRIFT:
            continue
        if index < over:
            is_open = told.state is AlertStatus.FIRING
        elif not is_open:
            return None
        elif told.state is AlertStatus.RESOLVED:
            return float(index - over + 1)
    return math.inf if is_open else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tolerance", type=float, default=0.0)
    parser.add_argument("--lasts", type=int, nargs="+", default=[12, 288])
    asked = parser.parse_args()
    heads = [f"n {n:,}, baseline {rows:,}" for n, rows in SIZES]
    print(
        f"Windows until closed, median / 90 % / longest of {asked.runs} runs (runs that were told); tolerance {asked.tolerance:g}.\n"
    )
    print("| change | lasts | " + " | ".join(heads) + " |")
    print("| --- | ---: |" + " ---: |" * len(heads))
    for shift in SHIFTS:
        for lasts in asked.lasts:
            cells = []
            for n, rows in SIZES:
                rng = np.random.default_rng([asked.seed, n, rows])
                runs = (closing(rng, shifted(shift), n, rows, lasts, asked.tolerance) for _ in range(asked.runs))
                cells.append(_cell([found for found in runs if found is not None], asked.runs))
            print(f"| mean + {shift:g} sigma | {lasts} | " + " | ".join(cells) + " |", flush=True)


def _cell(found: list[float], runs: int) -> str:
    if not found:
        return "not told"
    ends = np.quantile(found, (0.5, 0.9, 1.0), method="inverted_cdf")
    said = " / ".join("open" if math.isinf(end) else f"{end:.0f}" for end in ends)
    return said if len(found) == runs else f"{said} ({len(found)})"


if __name__ == "__main__":
    main()
