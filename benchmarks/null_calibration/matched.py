"""What other detectors need at the same rate of false alarms, by their own laws: `python -m benchmarks.null_calibration.matched`.

One false alarm a month over 20 features and a look at each five-minute window, as `power.py` has it. Of a single window: the
t-test, the best there is for the mean of a normal number, and the chi-square test of a category. Row by row: Page-Hinkley (river)
at its default `delta` of 0.005, its threshold raised until it is as quiet, with Siegmund's formulas for run lengths (1985,
chapter 2) of a Brownian motion, the mean and spread of the baseline being given to it; and at half the shift, which nobody knows before.
"""

from __future__ import annotations

import math

from scipy import optimize, stats

from benchmarks.null_calibration.power import CHANGED, FEATURES, NAMES, SIZES
from benchmarks.null_calibration.streams import LOOKS_PER_MONTH

LEVEL = 1.0 / LOOKS_PER_MONTH / FEATURES
SHIFTS = (0.05, 0.1, 0.25, 0.5)
FACTORS = (("8 % doubles", 3, 2.0), ("8 % vanishes", 3, 0.0), ("2 % doubles", 4, 2.0), ("2 % vanishes", 4, 0.0))
DELTA = 0.005


def windows(power: float) -> str:
    """Median and 90 % of the windows until one of them shows it."""
    ends = [math.ceil(math.log(1.0 - part) / math.log1p(-min(power, 1.0 - 1e-12)) - 1e-9) for part in (0.5, 0.9)]
    return " / ".join("never" if end > CHANGED else f"{max(end, 1)}" for end in ends)


def t_test(shift: float, n: int, m: int) -> str:
    return windows(float(stats.norm.sf(stats.norm.isf(LEVEL / 2) - shift / math.sqrt(1 / n + 1 / m))))


def chi_square(category: int, factor: float, n: int, m: int) -> str:
    p = NAMES.weights[category]
    q = p * factor
    rows = n * m / (n + m)
    away = rows * ((q - p) ** 2 / p + (p - q) ** 2 / (1 - p))
    return windows(float(stats.ncx2.sf(stats.chi2.isf(LEVEL, len(NAMES.weights) - 1), len(NAMES.weights) - 1, away)))


def run_length(drift: float, barrier: float) -> float:
    """Rows until a reflected walk with this drift a row, in standard deviations, is beyond the barrier."""
    return (math.exp(-2 * drift * barrier) + 2 * drift * barrier - 1) / (2 * drift * drift)


def page_hinkley(shift: float, delta: float, n: int) -> str:
    """Windows on average. Each feature has a walk upward and one downward."""
    quiet = 2 * FEATURES * LOOKS_PER_MONTH * n
    barrier = optimize.brentq(lambda b: math.log(run_length(-delta, b)) - math.log(quiet), 1.0, 700.0 / (2 * delta))
    drift = shift - delta
    return f"{math.ceil(run_length(drift, barrier) / n)}" if drift > 0 else "never"


def main() -> None:
    print("| change | detector | " + " | ".join(f"n {n:,}, baseline {m:,}" for n, m in SIZES) + " |")
    print("| --- | --- |" + " ---: |" * len(SIZES))
    for shift in SHIFTS:
        name = f"mean + {shift:g} sigma"
        print(f"| {name} | t-test | " + " | ".join(t_test(shift, n, m) for n, m in SIZES) + " |")
        for what, delta in ((f"Page-Hinkley, delta {DELTA}", DELTA), ("Page-Hinkley, told half the shift", shift / 2)):
            print(f"| {name} | {what} | " + " | ".join(page_hinkley(shift, delta, n) for n, _ in SIZES) + " |")
    for told, category, factor in FACTORS:
        print(
            f"| a category of {told} | chi-square | "
            + " | ".join(chi_square(category, factor, n, m) for n, m in SIZES)
            + " |"
        )


if __name__ == "__main__":
    main()
