"""The slices' part of a family: the same tests on each slice, within the family's own share of the budget.

Where there are slices, the whole keeps half of what the family may spend and the slices split the other half evenly; so
the sum over all tests is what it was, however many slices are declared, and the whole loses a factor of two of its
level, which is little: a few per cent of a deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from monitor.alerts.effects import Effect
from monitor.alerts.evidence.trials import Look, Trials
from monitor.metrics.slices import baseline_of_slice

SLICES_WEIGHT = 0.5
"""Share of a family's budget that its slices split."""


def with_slices(tests: Callable[[Look], Sequence[Trials]], look: Look) -> Sequence[Trials]:
    """The tests of the whole and, one for each metric, those of all its slices."""
    whole = tests(look)
    names = [name for name in look.baseline.tiles.slices if name in look.window.slices]
    if not look.baseline.tiles.slices:
        return whole
    by_metric: dict[str, list[Trials]] = {}
    for name in names:
        part = replace(look, window=look.window.slices[name], baseline=baseline_of_slice(look.baseline, name))
        for trials in tests(part):
            subjects = tuple(replace(subject, slice=name) for subject in trials.subjects)
            by_metric.setdefault(trials.metric, []).append(replace(trials, subjects=subjects))
    declared = len(look.baseline.tiles.slices)
    return (
        *(replace(trials, weight=trials.weight * (1 - SLICES_WEIGHT)) for trials in whole),
        *(_together(parts, SLICES_WEIGHT / declared) for parts in by_metric.values()),
    )


def _together(parts: Sequence[Trials], weight: float) -> Trials:
    """One metric's tests of all slices as one, which splits its share evenly over slices and subjects."""
    owners = [(trials, i) for trials in parts for i in range(len(trials.subjects))]

    def gauge(at: int) -> Effect:
        trials, i = owners[at]
        return trials.gauge(i)

    return Trials(
        metric=parts[0].metric,
        subjects=tuple(subject for trials in parts for subject in trials.subjects),
        log_p=np.concatenate([trials.log_p for trials in parts]),
        enough=np.concatenate([trials.enough for trials in parts]),
        reference=np.concatenate([trials.reference for trials in parts]),
        gauge=gauge,
        weight=weight * sum(trials.weight for trials in parts),
    )
