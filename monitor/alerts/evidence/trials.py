"""The values between a family and the judging: a look in, tests out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from monitor.alerts.effects import Effect
from monitor.tiles.tileset import Baseline, TileSet

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a test is about: a feature (or pair, or output), or a slice, or the whole model (both None)."""

    feature: str | None = None
    slice: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One window or trailing merge to be tested; `effect` is the design effect at its size."""

    window: TileSet
    baseline: Baseline
    effect: float = 1.0
    base_groups: Mapping[str, str] = field(default_factory=dict)
    expected_anomalies: float = 0.001


@dataclass(frozen=True, slots=True)
class Trials:
    """Trials of one metric at one look, one per subject.

    `weight` is the share of the family's budget that these tests split evenly. `enough` marks subjects with the rows
    for a verdict; the others are not tested. `gauge(i)` computes the effect of subject i, only where it is wanted.
    """

    metric: str
    subjects: tuple[Subject, ...]
    log_p: Floats
    enough: npt.NDArray[np.bool_]
    reference: Floats
    """The metric's value in the baseline (0 for a distance)."""
    gauge: Callable[[int], Effect]
    weight: float = 1.0
