"""What share of labels has come at an age, by what they say; and an outcome corrected for those still to come.

Fraud is reported within days, its absence is certain after months: a young window's labels are mostly fraud. From
windows that are old enough for all labels to be in, the distribution of the delay is known for each outcome. A label
that came at age a stands for 1 / F(a) rows of its kind. Kaplan and Meier's estimate is this share where, as here, the
windows it is learned from are watched to the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from monitor.tiles.delays import NEGATIVE, POSITIVE, SECOND_NS, DelayTile, delay_edges
from monitor.tiles.numeric import SCORE_CELLS
from monitor.tiles.outcome import BinaryOutcome

LEARNED_MIN = 50
"""Labels of each outcome, in windows that are complete, to learn a delay from."""
SHARE_MIN = 0.05
"""A label that stands for more than twenty others says too little of them."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """Share of the negatives' and of the positives' labels that has come, with standard errors."""

    shares: tuple[float, float]
    errors: tuple[float, float]


def completeness(learned: DelayTile, age_ns: float, complete_after_ns: int) -> Completeness | None:
    """The shares at an age; None where too little is known."""
    shares, errors = [], []
    for outcome in (NEGATIVE, POSITIVE):
        at_end = _came(learned.counts[outcome], complete_after_ns)
        came = min(_came(learned.counts[outcome], age_ns), at_end)
        if at_end < LEARNED_MIN or came < SHARE_MIN * at_end:
            return None
        share = came / at_end
        shares.append(share)
        errors.append(float(np.sqrt(share * (1.0 - share) / at_end)))
    return Completeness((shares[0], shares[1]), (errors[0], errors[1]))


def _came(counts: npt.NDArray[np.int64], age_ns: float) -> float:
    """Labels up to an age; within a cell they are taken to come evenly."""
    edges = np.concatenate([[0.0], delay_edges()])
    return float(np.interp(age_ns / SECOND_NS, edges, np.concatenate([[0.0], np.cumsum(counts[:-1])])))


def complete(tile: DelayTile) -> DelayTile:
    """A tile whose window expects no more labels than came."""
    return replace(tile, expected=tile.counts[:2].sum(axis=1).astype(np.float64), errors=np.zeros(2))


def awaiting(tile: DelayTile, known: Completeness) -> DelayTile:
    """A tile whose window expects more: each label that came stands for 1 / share."""
    came, shares, errors = tile.counts[:2].sum(axis=1), np.array(known.shares), np.array(known.errors)
    return replace(tile, expected=came / shares, errors=came * errors / shares**2)


def corrected(outcome: BinaryOutcome, delays: DelayTile | None) -> BinaryOutcome:
    """The outcome as all labels would give it, worth as many rows as its uncertainty allows; itself where none is to come.

    Weights make rows count unequally (Kish: (Σ w)² / Σ w² rows), and the shares they rest on are estimates themselves:
    both are taken off the number of rows, so every interval widens by the right amount.
    """
    if delays is None or not delays.corrected:
        return outcome
    came = delays.counts[:2].sum(axis=1).astype(np.float64)
    if came.min() <= 0.0 or delays.expected.min() <= 0.0:
        return outcome
    weight = delays.expected / came
    negatives = float(outcome.true_negatives + outcome.false_positives)
    positives = float(outcome.true_positives + outcome.false_negatives)
    rows = np.array([negatives, positives])
    total = float(rows @ weight)
    if total <= 0.0:
        return outcome
    share = positives * weight[1] / total
    relative = float(np.square(delays.errors / delays.expected).sum())
    worth = 1.0 / (float(rows @ weight**2) / total**2 + share * (1.0 - share) * relative)
    scale = weight * worth / total
    cells = np.arange(SCORE_CELLS)
    s = (cells + 0.5) / SCORE_CELLS
    losses = (-np.log(s), -np.log1p(-s))
    log_ratio = _ratio(outcome, scale, losses)
    square_ratio = _ratio(outcome, scale, (losses[0] ** 2, losses[1] ** 2))
    brier_ratio = _ratio(outcome, scale, ((1.0 - s) ** 2, s**2))
    scored = float(outcome.positives.sum() * scale[1] + outcome.negatives.sum() * scale[0])
    return replace(
        outcome,
        # Weighted rows are no whole numbers; what reads cells only adds and divides.
        positives=cast(Any, outcome.positives * scale[1]),
        negatives=cast(Any, outcome.negatives * scale[0]),
        log_loss_sum=outcome.log_loss_sum * log_ratio,
        log_loss_square_sum=outcome.log_loss_square_sum * square_ratio,
        brier_sum=outcome.brier_sum * brier_ratio,
        scored=round(scored),
        true_positives=round(outcome.true_positives * scale[1]),
        false_negatives=round(outcome.false_negatives * scale[1]),
        true_negatives=round(outcome.true_negatives * scale[0]),
        false_positives=round(outcome.false_positives * scale[0]),
    )


def _ratio(
    outcome: BinaryOutcome,
    scale: npt.NDArray[np.float64],
    losses: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> float:
    """How much a summed loss changes with the weights, as the cells tell."""
    of_positives, of_negatives = float(outcome.positives @ losses[0]), float(outcome.negatives @ losses[1])
    plain = of_positives + of_negatives
    return (of_positives * scale[1] + of_negatives * scale[0]) / plain if plain > 0.0 else 1.0
