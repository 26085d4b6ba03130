"""The compiled counts of labelled rows against NumPy's."""

import numpy as np
import pytest

from monitor.tiles.joined import PROBABILITY_MIN, score_cells
from monitor.tiles.numeric import SCORE_CELLS
from monitor.tiles.outcome_kernels import count_groups, count_scores


@pytest.mark.parametrize("n", [0, 1, 5_000])
def test_scores_are_counted_and_summed_row_by_row(n: int) -> None:
    """On edges of cells and just beside them too, at 0 and 1, and with rows that have no score or no label."""
    rng = np.random.default_rng(n)
    score = rng.random(n)
    edge = rng.integers(0, SCORE_CELLS + 1, n) / SCORE_CELLS
    near = np.nextafter(edge, rng.choice([-1.0, 2.0], n)).clip(0.0, 1.0)
    score = np.choose(rng.integers(0, 4, n), [score, edge, near, np.full(n, np.nan)])
    labelled, positive = rng.random(n) < 0.9, rng.random(n) < 0.4
    positives, negatives = np.zeros(SCORE_CELLS, np.int64), np.zeros(SCORE_CELLS, np.int64)
    scored, losses, squares, briers = count_scores(score, labelled, positive, PROBABILITY_MIN, positives, negatives)
    known = labelled & ~np.isnan(score)
    s, y = score[known], positive[known]
    loss = -np.log(np.where(y, s.clip(PROBABILITY_MIN), 1 - s.clip(None, 1 - PROBABILITY_MIN)))
    assert scored == len(s)
    np.testing.assert_array_equal(positives, np.bincount(score_cells(s[y]), minlength=SCORE_CELLS))
    np.testing.assert_array_equal(negatives, np.bincount(score_cells(s[~y]), minlength=SCORE_CELLS))
    np.testing.assert_allclose(
        (losses, squares, briers), (loss.sum(), np.square(loss).sum(), np.square(s - y).sum()), rtol=1e-9
    )


def test_groups_are_counted_by_what_was_said_and_what_was_true() -> None:
    """Every combination, with rows of other groups, without a group, without a decision and without a label."""
    rng = np.random.default_rng(2)
    codes = rng.integers(-1, 5, 3_000)
    decided, selected, labelled, positive = rng.random((4, 3_000)) < 0.7
    counts = np.zeros((3, 6), np.int64)
    unseen, missing = count_groups(codes, decided, selected, labelled, positive, counts)
    for group in range(3):
        own = (codes == group) & decided
        cells = [selected & positive, selected & ~positive, ~selected & ~positive, ~selected & positive]
        expected = [own.sum(), (own & selected).sum(), *((own & labelled & cell).sum() for cell in cells)]
        assert counts[group].tolist() == [int(e) for e in expected]
    assert missing == int(((codes < 0) | ~decided).sum())
    assert unseen == int(((codes >= 3) & decided).sum())
