"""Drift of the inputs: every feature's distribution, vectors, and the correlations of the numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from monitor.alerts.effects import Effect, Z, beyond_zero
from monitor.alerts.evidence.associations import association_tests
from monitor.alerts.evidence.distribution import distribution_tests
from monitor.alerts.evidence.trials import Look, Subject, Trials
from monitor.alerts.evidence.vectors import joint_tests, vector_tests
from monitor.alerts.tails import bernstein_log_p
from monitor.tiles.freeze import KINDS_OF_PRESENCE
from monitor.tiles.numeric import NumericTile
from monitor.tiles.pairs import PairsTile

Floats = npt.NDArray[np.float64]

PAIRS_WEIGHT = 0.2
"""Share of drift's budget for the correlations of numbers and the associations of categories, where there are pairs: half each."""
JOINT_WEIGHT = 0.2
"""Share for whole rows, where they are asked for."""
PAIR_ROWS_MIN = 100
"""Complete rows for a verdict on a correlation."""
_R_MAX = 0.999


def drift_tests(look: Look) -> Sequence[Trials]:
    both = look.window.tables is not None and look.baseline.tiles.tables is not None
    associated = (
        association_tests(look, PAIRS_WEIGHT / 2 if look.baseline.grids.pairs else PAIRS_WEIGHT) if both else ()
    )
    pairs = (*_pair_tests(look, PAIRS_WEIGHT / 2 if associated else PAIRS_WEIGHT), *associated)
    joint = joint_tests(look, JOINT_WEIGHT)
    weight = 1.0 - (PAIRS_WEIGHT if pairs else 0.0) - (JOINT_WEIGHT if joint else 0.0)
    tiles, grids = look.baseline.tiles, look.baseline.grids
    columns = {name: tile for name, tile in tiles.features.items() if grids.kinds.get(name) not in KINDS_OF_PRESENCE}
    columns |= tiles.described
    vectors = len(grids.vectors.keys() & tiles.vectors.keys())
    share = weight * vectors / max(1, len(columns) + vectors)
    here, cells = {**look.window.features, **look.window.described}, {**grids.features, **grids.described}
    alone = distribution_tests(here, columns, cells, look.effect, weight - share)
    return (*alone, *(vector_tests(look, share) if vectors else ()), *joint, *pairs)


def _pair_tests(look: Look, weight: float) -> Sequence[Trials]:
    """Fisher's z of two correlations of cell numbers, with Bernstein's tail: a rare value that meets another rare one
    moves a correlation by a leap, and the bound on one row's weight says how large."""
    here, there = look.window.pairs, look.baseline.tiles.pairs
    if here is None or there is None or here.features != there.features or len(there.features) < 2:
        return ()
    i, j = np.triu_indices(len(there.features), 1)
    n, m = here.n[i, j].astype(np.float64), there.n[i, j].astype(np.float64)
    r, known = _correlations(here, i, j)
    s, known_there = _correlations(there, i, j)
    enough = known & known_there & (np.minimum(n, m) >= PAIR_ROWS_MIN)
    largest, kurtosis = _shapes(look, there.features)
    tails = np.sqrt(kurtosis[i] * kurtosis[j])
    # Independent pairs have variance 1/n whatever their shape; dependent ones more, by their fourth moments.
    shape = 1.0 + np.maximum(r**2, s**2) * np.maximum(0.5, tails - 1.0)
    variance = look.effect * shape * (1 / np.maximum(n - 3, 1) + 1 / np.maximum(m - 3, 1))
    bound = look.effect * largest[i] * largest[j] / np.maximum(np.minimum(n, m), 1)
    log_p = bernstein_log_p(np.abs(np.arctanh(r) - np.arctanh(s)), variance, bound)
    names = there.features

    def gauge(at: int) -> Effect:
        half = Z * float(np.sqrt(variance[at])) * (1 - ((r[at] + s[at]) / 2) ** 2)
        value, low, high = beyond_zero(float(r[at] - s[at]), half)
        return Effect(value, low, min(2.0, high), value, f"correlation {r[at]:.2f} against {s[at]:.2f}")

    return (
        Trials(
            metric="correlation_distance",
            subjects=tuple(Subject(f"{names[a]}~{names[b]}") for a, b in zip(i, j, strict=True)),
            log_p=np.where(enough, log_p, 0.0),
            enough=enough,
            reference=np.zeros(len(i)),
            gauge=gauge,
            weight=weight,
        ),
    )


def _correlations(
    tile: PairsTile, i: npt.NDArray[np.intp], j: npt.NDArray[np.intp]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Pearson's r of cell numbers, and whether it is defined (both vary)."""
    n = np.maximum(tile.n[i, j], 1).astype(np.float64)
    x, y = tile.sums[i, j] / n, tile.sums[j, i] / n
    vx, vy = tile.squares[i, j] / n - x * x, tile.squares[j, i] / n - y * y
    known = (vx > 1e-9) & (vy > 1e-9) & (tile.n[i, j] > 3)
    scale = np.sqrt(np.where(known, vx * vy, 1.0))
    r = np.where(known, (tile.products[i, j] / n - x * y) / scale, 0.0)
    return np.clip(r, -_R_MAX, _R_MAX), known


def _shapes(look: Look, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Largest |z| and kurtosis of each feature's cell numbers in the baseline."""
    largest, kurtosis = np.full(len(names), 1.0), np.full(len(names), 3.0)
    for k, name in enumerate(names):
        tile = look.baseline.tiles.features.get(name)
        if not isinstance(tile, NumericTile) or tile.n == 0:
            continue
        used = np.flatnonzero(tile.counts)
        share = tile.counts[used] / tile.n
        away = used - (used * share).sum()
        variance = float((away**2 * share).sum())
        if variance > 0:
            largest[k] = float(np.abs(away).max()) / variance**0.5
            kurtosis[k] = float((away**4 * share).sum()) / variance**2
    return largest, kurtosis
