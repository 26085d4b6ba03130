"""Rows kept with different probabilities become a sample in which each had the same chance."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from monitor.tiles.evened import evened
from monitor.tiles.rows import Rows
from tests.monitor.tiles.samples import rows


def kept_by_rule(n: int, *, rate: float, rare: float, seed: int) -> Rows:
    """What a sampler leaves of n rows: those with x = 1 (a share `rare`) with certainty, the others at a rate."""
    rng = np.random.default_rng(seed)
    x = (rng.random(n) < rare).astype(float)
    inclusion = np.where(x == 1, 1.0, rate)
    made = replace(rows({"x": x}), inclusion=inclusion)
    made.id[:] = [f"{seed}-{i}" for i in range(n)]
    return made.take(rng.random(n) < inclusion)


def share(made: Rows) -> float:
    return float(made.columns["x"].values.astype(float).mean())


def test_rows_of_one_inclusion_are_left_alone() -> None:
    """Sampling at a rate alone, and none at all, cost nothing."""
    plain = rows({"x": [1.0, 2.0]})
    assert evened(plain) is plain
    sampled = replace(plain, inclusion=np.array([0.25, 0.25]))
    assert evened(sampled) is sampled


def test_what_was_always_kept_no_longer_counts_for_more() -> None:
    """Twenty windows of 20,000 rows, a tenth of them always kept, the rest at a fifth: the mean share is within four of
    its standard errors of the truth (wrong once in 16,000 runs), where that of the rows as kept is 0.36."""
    windows = [kept_by_rule(20_000, rate=0.2, rare=0.1, seed=seed) for seed in range(20)]
    shares: npt.NDArray[np.float64] = np.array([share(evened(window)) for window in windows])
    assert abs(shares.mean() - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 4_000 / 20)
    assert np.mean([share(window) for window in windows]) > 0.3


def test_the_same_rows_give_the_same_sample_in_any_order() -> None:
    """The draw is the id's, not the moment's."""
    window = kept_by_rule(2_000, rate=0.1, rare=0.2, seed=4)
    turned = window.take(np.random.default_rng(1).permutation(len(window)))
    assert sorted(evened(window).id) == sorted(evened(turned).id)


def test_rows_of_one_exchange_stay_together() -> None:
    """They share an id, and with it the draw."""
    made = replace(
        rows({"x": np.arange(400.0)}),
        inclusion=np.where(np.arange(400) < 200, 1.0, 0.5),
        of=np.full(400, 2, np.int32),
        row=np.tile(np.array([0, 1], np.int32), 200),
    )
    made.id[:] = [f"e{i // 2}" for i in range(400)]
    left = evened(made)
    assert 200 < len(left) < 400
    assert all(count == 2 for count in np.unique(left.id.astype(str), return_counts=True)[1])


def test_an_inclusion_that_no_sampler_writes_is_taken_as_one() -> None:
    """A hostile sender empties no window with it."""
    made = replace(rows({"x": [1.0, 2.0, 3.0, 4.0]}), inclusion=np.array([np.nan, 0.0, -1.0, 7.0]))
    assert evened(made) is made
