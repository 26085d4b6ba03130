"""Found slices: the parts of the population in which a number moved more than in the rest, with family-wise control.

Every part of one column and every pair of parts of two columns is a candidate. Of each the number's change (window less
baseline) is compared with the change in all other rows; where the baseline does not know the number, the window's slice
with the window's rest. The p-value has Bernstein's tail (honest for few rows), and Holm's rule is applied over **all**
candidates, those that were left out by the beam included: so the chance that a stream in which nothing happened yields any slice
at all is at most FAMILY_LEVEL. The interval of the effect is simultaneous, at Bonferroni's level over the same number.

A shift of everyone is no slice: what is found is where the change is *concentrated*. Pairs are tried among the columns that
stand out most alone (a beam); a pair whose two columns show nothing by themselves is not found.

Reference: Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of Statistics 6 (1979);
Chung et al., *Slice Finder*, ICDE 2019, which searches the same lattice without a bound on false discoveries over a stream.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from monitor.alerts.causes.attributes import NOT_MEMBER, Attribute
from monitor.alerts.tails import bernstein_log_p, proportion_log_p
from monitor.findings import FoundSlice

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

FAMILY_LEVEL = 0.05
"""Chance of any false slice in one search."""
SUPPORT_MIN = 30
"""Rows of a slice in the window, and in the baseline where it knows the number; fewer are not candidates."""
BEAM = 10
"""Columns whose pairs are tried."""
SLICES_MAX = 10
OVERLAP_MAX = 0.5
"""Share of the smaller slice's rows that a better one may hold already."""


@dataclass(frozen=True, slots=True)
class Side:
    """Window or baseline: the parts of each attribute row by row, and the number, NaN where a row has none (None: nowhere)."""

    codes: Sequence[Codes]
    values: Floats | None


@dataclass(frozen=True, slots=True)
class _Candidates:
    """All parts of one attribute or pair, by code."""

    members: tuple[int, ...]
    codes: Codes
    log_p: Floats
    effect: Floats
    error: Floats
    window: Floats
    baseline: Floats
    rest: Floats
    n_window: Floats
    n_baseline: Floats


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found, best first, and how many candidates its level is shared by."""

    slices: tuple[FoundSlice, ...]
    candidates: int


def worst_slices(
    attributes: Sequence[Attribute], window: Side, baseline: Side, *, effect: float = 1.0, worse: int = 0
) -> Searched:
    """Slices in which the number moved more than elsewhere. `worse` 1 or -1: only upwards or downwards.

    `effect` is the design effect of dependent rows.
    """
    total = _size(attributes)
    if window.values is None or not attributes:
        return Searched((), total)
    known = baseline.values is not None

    def tried(members: tuple[int, ...]) -> _Candidates:
        return _compared(members, attributes, window, baseline, effect, worse=worse, known=known)

    return _found(attributes, tried, window, total)


def moved_slices(attributes: Sequence[Attribute], window: Side, baseline: Side, *, effect: float = 1.0) -> Searched:
    """Slices whose share of the population changed most: who came, and who stays away."""
    total = _size(attributes)

    def tried(members: tuple[int, ...]) -> _Candidates:
        return _shares(members, attributes, window, baseline, effect)

    return _found(attributes, tried, window, total)


def _size(attributes: Sequence[Attribute]) -> int:
    sizes = [len(one.conditions) for one in attributes]
    return sum(sizes) + sum(a * b for a, b in itertools.combinations(sizes, 2))


def _found(
    attributes: Sequence[Attribute], tried: Callable[[tuple[int, ...]], _Candidates], window: Side, total: int
) -> Searched:
    singles = [tried((i,)) for i in range(len(attributes))]
    best = sorted(range(len(attributes)), key=lambda i: float(singles[i].log_p.min(initial=0.0)))[:BEAM]
    pairs = [tried(pair) for pair in itertools.combinations(sorted(best), 2)]
    ranked = sorted(
        (
            (float(part.log_p[code]), number, code)
            for number, part in enumerate([*singles, *pairs])
            for code in np.flatnonzero(part.log_p < math.log(FAMILY_LEVEL / max(total, 1)) + _HOLM_ROOM)
        ),
    )
    parts = [*singles, *pairs]
    z = float(-special.ndtri(FAMILY_LEVEL / 2 / max(total, 1)))
    slices: list[FoundSlice] = []
    taken: list[npt.NDArray[np.bool_]] = []
    adjusted = 0.0
    for rank, (log_p, number, code) in enumerate(ranked):
        adjusted = max(adjusted, min(1.0, (total - rank) * math.exp(log_p)))
        if adjusted > FAMILY_LEVEL or len(slices) >= SLICES_MAX:
            break
        inside = parts[number].codes == code
        if any((inside & other).sum() > OVERLAP_MAX * min(inside.sum(), other.sum()) for other in taken):
            continue
        taken.append(inside)
        slices.append(_told(attributes, parts[number], int(code), adjusted, z))
    return Searched(tuple(slices), total)


_HOLM_ROOM = 1.0
"""In logarithms: Holm's level grows as candidates are found, never by more than a few of so many."""


def _told(attributes: Sequence[Attribute], part: _Candidates, code: int, p: float, z: float) -> FoundSlice:
    conditions = []
    rest = code
    for member in reversed(part.members):
        size = len(attributes[member].conditions)
        conditions.append(attributes[member].conditions[rest % size])
        rest //= size
    half = z * float(part.error[code])
    value = float(part.effect[code])
    return FoundSlice(
        where=" and ".join(reversed(conditions)),
        n_window=int(part.n_window[code]),
        n_baseline=int(part.n_baseline[code]),
        value=_maybe(part.window[code]),
        baseline=_maybe(part.baseline[code]),
        rest=_maybe(part.rest[code]),
        effect=value,
        low=value - half,
        high=value + half,
        p=p,
    )


def _maybe(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _joint(members: tuple[int, ...], attributes: Sequence[Attribute], side: Side) -> tuple[Codes, int]:
    """One code of a row's parts in all member attributes; NOT_MEMBER where it is in none of one."""
    codes = np.zeros(len(side.codes[members[0]]), np.int64)
    size = 1
    outside = np.zeros(len(codes), np.bool_)
    for member in members:
        own = side.codes[member]
        codes = codes * len(attributes[member].conditions) + own
        size *= len(attributes[member].conditions)
        outside |= own == NOT_MEMBER
    return np.where(outside, NOT_MEMBER, codes), size


def _sums(codes: Codes, values: Floats, size: int) -> tuple[Floats, Floats, Floats, tuple[float, float, float]]:
    """Rows, sum and sum of squares of each part, and of everything."""
    usable = np.isfinite(values)
    y = values[usable]
    own = codes[usable] + 1
    n = np.bincount(own, minlength=size + 1).astype(np.float64)[1:]
    s = np.bincount(own, weights=y, minlength=size + 1)[1:].astype(np.float64)
    q = np.bincount(own, weights=y * y, minlength=size + 1)[1:].astype(np.float64)
    return n, s, q, (float(len(y)), float(y.sum()), float((y * y).sum()))


def _compared(
    members: tuple[int, ...],
    attributes: Sequence[Attribute],
    window: Side,
    baseline: Side,
    effect: float,
    *,
    worse: int,
    known: bool,
) -> _Candidates:
    codes, size = _joint(members, attributes, window)
    assert window.values is not None  # noqa: S101  (asked by worst_slices)
    n, s, q, (all_n, all_s, all_q) = _sums(codes, window.values, size)
    rest_n, rest_s, rest_q = all_n - n, all_s - s, all_q - q
    own_codes, _ = _joint(members, attributes, baseline)
    with np.errstate(divide="ignore", invalid="ignore"):
        here, rest = s / n, rest_s / rest_n
        if known:
            assert baseline.values is not None  # noqa: S101  (asked by worst_slices)
            m, t, u, (all_m, all_t, all_u) = _sums(own_codes, baseline.values, size)
            rest_m, rest_t, rest_u = all_m - m, all_t - t, all_u - u
            before, rest_before = t / m, rest_t / rest_m
            change, rest_change = here - before, rest - rest_before
            value = change - rest_change
            spread = _variance(n + m, s + t, q + u) * (1 / n + 1 / m)
            spread += _variance(rest_n + rest_m, rest_s + rest_t, rest_q + rest_u) * (1 / rest_n + 1 / rest_m)
            smallest = np.minimum(np.minimum(n, m), np.minimum(rest_n, rest_m))
            # It is this slice that moved, and not the rest the other way.
            moved = (np.sign(change) == np.sign(value)) & (np.abs(change) > np.abs(rest_change))
        else:
            m = np.bincount(own_codes + 1, minlength=size + 1).astype(np.float64)[1:]
            before, rest_change = np.full(size, np.nan), rest
            value = here - rest
            spread = _variance(n, s, q) / n + _variance(rest_n, rest_s, rest_q) / rest_n
            smallest = np.minimum(n, rest_n)
            moved = np.ones(size, np.bool_)
        scale = max(float(np.ptp(window.values[np.isfinite(window.values)])), 1e-12) if all_n else 1.0
        # A slice all of one kind has no variance of its own: that of a row or two of the other kind stands in.
        spread = effect * np.maximum(spread, scale**2 / np.maximum(smallest, 1) ** 2)
        log_p = bernstein_log_p(np.abs(value), spread, effect * scale / np.maximum(smallest, 1))
    enough = (smallest >= SUPPORT_MIN) & moved & np.isfinite(value)
    if worse:
        enough &= np.sign(value) == worse
    return _Candidates(
        members, codes, np.where(enough, log_p, 0.0), value, np.sqrt(spread), here, before, rest_change, n, m
    )


def _variance(n: Floats, s: Floats, q: Floats) -> Floats:
    return np.asarray(np.maximum(q / n - (s / n) ** 2, 0.0))


def _shares(
    members: tuple[int, ...], attributes: Sequence[Attribute], window: Side, baseline: Side, effect: float
) -> _Candidates:
    codes, size = _joint(members, attributes, window)
    own_codes, _ = _joint(members, attributes, baseline)
    k = np.bincount(codes + 1, minlength=size + 1).astype(np.float64)[1:]
    j = np.bincount(own_codes + 1, minlength=size + 1).astype(np.float64)[1:]
    n, m = float(len(codes)), float(len(own_codes))
    if not n or not m:
        nothing = np.zeros(size)
        return _Candidates(members, codes, nothing, nothing, nothing, nothing, nothing, nothing, k, j)
    up, down = proportion_log_p(k, n, j, m, effect)
    pooled = (k + j) / (n + m)
    spread = effect * np.maximum(pooled * (1 - pooled), 1 / (n + m)) * (1 / n + 1 / m)
    enough = np.maximum(k, j * n / m) >= SUPPORT_MIN
    none = np.full(size, np.nan)
    log_p = np.where(enough, np.minimum(up, down), 0.0)
    return _Candidates(members, codes, log_p, k / n - j / m, np.sqrt(spread), k / n, j / m, none, k, j)
