"""The compiled loops over labelled rows: what a binary model's outcome and its groups count, in one pass each."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from monitor.tiles.compiled import compiled

Bools = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


@compiled
def count_scores(
    score: Float64, labelled: Bools, positive: Bools, smallest: float, positives: Int64, negatives: Int64
) -> tuple[int, float, float, float]:
    """Add the scored rows to their cells; returns their number and the sums of log loss, its square, and the Brier score.

    Cell i holds i / cells <= s < (i + 1) / cells, the last one closed; a NaN is no score. Scores are clipped to
    [smallest, 1 - smallest] in the log loss. Sums are taken in the order of the rows.
    """
    cells = positives.size
    scored = 0
    losses = squares = briers = 0.0
    for i in range(score.size):
        s = score[i]
        if not labelled[i] or s != s:  # noqa: PLR0124  NaN
            continue
        # A product may round over an edge: each row is held against the edges of the cell that it names.
        cell = min(int(s * cells), cells - 1)
        if s < cell / cells:
            cell -= 1
        elif cell < cells - 1 and s >= (cell + 1) / cells:
            cell += 1
        clipped = min(max(s, smallest), 1.0 - smallest)
        if positive[i]:
            positives[cell] += 1
            loss = -math.log(clipped)
            away = s - 1.0
        else:
            negatives[cell] += 1
            loss = -math.log(1.0 - clipped)
            away = s
        scored += 1
        losses += loss
        squares += loss * loss
        briers += away * away
    return scored, losses, squares, briers


@compiled
def count_groups(
    codes: Int64, decided: Bools, selected: Bools, labelled: Bools, positive: Bools, counts: Int64
) -> tuple[int, int]:
    """Add rows to `counts[group]`: rows, selected, and by label true and false positives, true and false negatives.

    Returns the rows of groups beyond the known ones, and those without a group or a decision.
    """
    groups = counts.shape[0]
    unseen = missing = 0
    for i in range(codes.size):
        group = codes[i]
        if group < 0 or not decided[i]:
            missing += 1
            continue
        if group >= groups:
            unseen += 1
            continue
        counts[group, 0] += 1
        if selected[i]:
            counts[group, 1] += 1
        if labelled[i]:
            hit = positive[i]
            counts[group, (2 if hit else 3) if selected[i] else (5 if hit else 4)] += 1
    return unseen, missing
