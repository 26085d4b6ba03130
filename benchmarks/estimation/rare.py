"""Estimates from scores where positives are rare: how often they give a verdict, and how often their interval holds.

    python -m benchmarks.estimation.rare [--windows 300]

Each window has a baseline of its own. A verdict is status `ok`; the interval holds where the metric of the window's own labels
lies in it. Windows whose labels leave a metric undefined (no positive) count for neither.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from scipy.special import expit, logit

from monitor.findings import Status
from monitor.metrics.estimation import calibrate, cbpe
from monitor.metrics.estimation.cbpe import Expected
from monitor.tiles.joined import score_cells
from monitor.tiles.scores import Scored, ScoreTile, total

Generator = np.random.Generator
Floats = np.ndarray
SHARES = (0.005, 0.01, 0.02, 0.05)
BASELINES = (2_000, 20_000)
WINDOWS = (200, 1_000, 5_000)
METRICS = ("precision", "recall", "f1", "roc_auc", "log_loss")
DECISION = 0.2
"""A model of rare positives decides early: at the half it would say no to nearly all."""


def drawn(rng: Generator, n: int, share: float, slope: float) -> tuple[Floats, Floats]:
    """Scores and labels; `slope` 1 is calibrated, 2 overconfident on the logit."""
    z = rng.normal(logit(share) - 0.8, 1.5, n)
    return expit(slope * z + (slope - 1.0) * 1.5), (rng.random(n) < expit(z)).astype(np.int8)


def tile_of(score: Floats, y: Floats) -> ScoreTile:
    chosen = (score >= DECISION).astype(np.int8)
    return total(Scored(np.ones(len(score), np.bool_), score, score_cells(score), chosen, y))


def truth_of(score: Floats, y: Floats) -> dict[str, float]:
    said, n = score >= DECISION, len(y)
    hits, positives, selected = float((said & (y == 1)).sum()), float(y.sum()), float(said.sum())
    ranks = np.argsort(np.argsort(score, kind="stable"), kind="stable") + 1.0
    area = (ranks[y == 1].sum() - positives * (positives + 1) / 2) / max(positives * (n - positives), 1.0)
    safe = np.clip(score, 1e-15, 1 - 1e-15)
    return {
        "precision": hits / selected if selected else math.nan,
        "recall": hits / positives if positives else math.nan,
        "f1": 2 * hits / (selected + positives) if selected + positives else math.nan,
        "roc_auc": area if 0 < positives < n else math.nan,
        "log_loss": float(-np.where(y == 1, np.log(safe), np.log1p(-safe)).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=300)
    windows = parser.parse_args().windows
    print("| positives | baseline | rows a window | " + " | ".join(f"`estimated_{m}`" for m in METRICS) + " |")
    print("| ---: | ---: | ---: |" + " ---: |" * len(METRICS))
    for share in SHARES:
        for rows in BASELINES:
            for n in WINDOWS:
                print(
                    f"| {100 * share:g} % | {rows:,} | {n:,} | " + " | ".join(cells(share, rows, n, windows)) + " |",
                    flush=True,
                )


def cells(share: float, rows: int, n: int, windows: int) -> list[str]:
    verdicts, held, seen = (dict.fromkeys(METRICS, 0) for _ in range(3))
    for seed in range(windows):
        rng = np.random.default_rng([seed, rows, n, int(1e4 * share)])
        slope = 1.0 + seed % 2
        labelled = tile_of(*drawn(rng, rows, share, slope))
        curve = calibrate.fit(labelled.labelled[0, :, 2:].sum(axis=1), labelled.labelled[0, :, :2].sum(axis=1))
        score, y = drawn(rng, n, share, slope)
        if curve is None:
            continue
        tile, truth = tile_of(score, y), truth_of(score, y)
        expected = Expected.of(tile.rows[0], curve, tile.tails)
        for name in METRICS:
            if math.isnan(truth[name]):
                continue
            one = cbpe.estimate(name, expected)
            seen[name] += 1
            if one.status is Status.OK and one.low is not None and one.high is not None:
                verdicts[name] += 1
                held[name] += one.low <= truth[name] <= one.high
    told = []
    for name in METRICS:
        share_of = f"{100 * held[name] / verdicts[name]:.0f} %" if verdicts[name] else "–"
        told.append(f"{share_of} of {verdicts[name]}/{seen[name]}")
    return told


if __name__ == "__main__":
    main()
