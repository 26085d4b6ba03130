"""Fairness: how the difference between a group and its base group has changed since the baseline.

Outcomes of groups are proportions; Bernstein's tail keeps small groups honest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.records.categories import canonical_category
from monitor.alerts.effects import Effect, Z, beyond_zero
from monitor.alerts.evidence.trials import Look, Subject, Trials
from monitor.alerts.tails import bernstein_log_p
from monitor.tiles.group import FALSE_NEGATIVES, ROWS, SELECTED, TRUE_POSITIVES, GroupTile

GROUP_ROWS_MIN = 50
"""Rows of a group (of its positives for equal opportunity) for a verdict, in the window and in the baseline."""

_Counts = Callable[[GroupTile, int], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Case:
    subject: Subject
    hits: npt.NDArray[np.float64]
    """Of: group and base group in the window, group and base group in the baseline."""
    rows: npt.NDArray[np.float64]


def fairness_tests(look: Look) -> Sequence[Trials]:
    cases = {
        "parity_difference": _cases(look, _selected),
        "equal_opportunity_difference": _cases(look, _found),
    }
    # Without labels in the baseline equal opportunity cannot be tested and takes nothing.
    cases = {metric: found for metric, found in cases.items() if any(c.rows[2:].min() > 0 for c in found)}
    return [_trials(metric, found, look.effect, 1 / len(cases)) for metric, found in cases.items()]


def _base_group(tile: GroupTile, declared: object) -> int | None:
    """Index of the base group: the declared one, else the baseline's largest (groups come in order of size)."""
    name = canonical_category(declared)
    if name is not None:
        return tile.groups.index(name) if name in tile.groups else None
    return 0 if tile.groups else None


def _selected(tile: GroupTile, group: int) -> tuple[float, float]:
    return float(tile.counts[group, SELECTED]), float(tile.counts[group, ROWS])


def _found(tile: GroupTile, group: int) -> tuple[float, float]:
    hits = float(tile.counts[group, TRUE_POSITIVES])
    return hits, hits + float(tile.counts[group, FALSE_NEGATIVES])


def _cases(look: Look, counts: _Counts) -> list[_Case]:
    cases = []
    for column, there in look.baseline.tiles.groups.items():
        here = look.window.groups.get(column)
        base = _base_group(there, look.base_groups.get(column))
        if here is None or base is None or here.groups != there.groups:
            continue
        for group, name in enumerate(there.groups):
            if group == base:
                continue
            four = [counts(here, group), counts(here, base), counts(there, group), counts(there, base)]
            hits, rows = np.array(four).T
            cases.append(_Case(Subject(slice=f"{column}={name}"), hits, rows))
    return cases


def _trials(metric: str, cases: Sequence[_Case], effect: float, weight: float) -> Trials:
    hits, rows = np.array([c.hits for c in cases]), np.array([c.rows for c in cases])
    enough = rows.min(1) >= GROUP_ROWS_MIN
    at_least = np.maximum(rows, 1.0)
    rates = hits / at_least
    change = (rates[:, 0] - rates[:, 1]) - (rates[:, 2] - rates[:, 3])
    # Under the null a group's rate is the same on both sides: pooled, with half a row of each outcome.
    pooled = (hits[:, :2] + hits[:, 2:] + 0.5) / (rows[:, :2] + rows[:, 2:] + 1.0)
    null = effect * (np.tile(pooled * (1 - pooled), 2) / at_least).sum(1)
    log_p = bernstein_log_p(np.abs(change), null, effect / at_least.min(1))
    own = (hits + 0.5) / (rows + 1.0)
    half = Z * np.sqrt(effect * (own * (1 - own) / at_least).sum(1))

    def gauge(i: int) -> Effect:
        value, low, high = beyond_zero(float(change[i]), float(half[i]))
        now, then = rates[i, 0] - rates[i, 1], rates[i, 2] - rates[i, 3]
        return Effect(value, low, high, float(now), f"{metric.replace('_', ' ')} {now:+.2f} against {then:+.2f}")

    return Trials(
        metric=metric,
        subjects=tuple(c.subject for c in cases),
        log_p=np.where(enough, log_p, 0.0),
        enough=enough,
        reference=rates[:, 2] - rates[:, 3],
        gauge=gauge,
        weight=weight,
    )
