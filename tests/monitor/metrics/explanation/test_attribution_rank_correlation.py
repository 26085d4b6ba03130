"""The rank correlation against SciPy, its interval and its statuses."""

import numpy as np
import pytest
from scipy import stats

from monitor.findings import AlertKind, Status
from monitor.metrics.explanation.attribution_rank_correlation import (
    ATTRIBUTION_RANK_CORRELATION,
    attribution_rank_correlation,
    spearman,
)
from monitor.tiles.attribution import AttributionTile
from monitor.tiles.tileset import TileSet


def tile_of(phi: np.ndarray, names: tuple[str, ...] | None = None) -> AttributionTile:
    names = names or tuple(f"f{i}" for i in range(phi.shape[1]))
    return AttributionTile(names, len(phi), phi.sum(0), np.abs(phi).sum(0), (phi**2).sum(0))


def drawn(weights: np.ndarray, n: int, seed: int) -> AttributionTile:
    return tile_of(np.random.default_rng(seed).standard_normal((n, len(weights))) * weights)


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_it_is_scipys_spearman(decimals: int) -> None:
    """With and without ties, at every prefix."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=30).round(decimals), rng.normal(size=30).round(decimals)
    for n in range(3, 31):
        if np.ptp(a[:n]) and np.ptp(b[:n]):
            assert spearman(a[:n], b[:n]) == pytest.approx(stats.spearmanr(a[:n], b[:n]).statistic)


def test_the_same_tile_agrees_fully() -> None:
    """Identity gives one."""
    tile = drawn(np.arange(1.0, 9.0), 200, 2)
    found = attribution_rank_correlation(tile, tile)
    assert found.value == 1.0


def test_it_is_measured_of_the_whole_model_where_predictions_are_explained() -> None:
    """One measurement of kind attribution; none for a model without explanations."""
    tile = drawn(np.arange(1.0, 9.0), 200, 2)
    (found,) = ATTRIBUTION_RANK_CORRELATION.of(TileSet(200, attribution=tile), TileSet(200, attribution=tile))
    assert (found.kind, found.feature, found.slice) == (AlertKind.ATTRIBUTION, None, None)
    assert list(ATTRIBUTION_RANK_CORRELATION.of(TileSet(200), TileSet(200))) == []


def test_reversed_importance_is_minus_one() -> None:
    """What mattered most matters least."""
    found = attribution_rank_correlation(drawn(np.arange(1.0, 9.0), 5_000, 3), drawn(np.arange(8.0, 0, -1), 5_000, 4))
    assert found.value == -1.0


def test_the_interval_holds_the_true_agreement() -> None:
    """In at least nine of ten windows of 100 predictions the interval holds the agreement of the populations."""
    before, after = np.arange(1.0, 11.0), np.array([2.0, 1, 4, 3, 5, 6, 8, 7, 10, 9])
    truth = stats.spearmanr(before, after).statistic
    held = 0
    for seed in range(40):
        value = attribution_rank_correlation(drawn(before, 400, 2 * seed), drawn(after, 100, 2 * seed + 1))
        assert value.low is not None and value.high is not None
        held += value.low <= truth <= value.high
    assert held >= 36


def test_features_are_matched_by_name() -> None:
    """A window's tile may list them in another order."""
    phi = np.random.default_rng(5).standard_normal((100, 4)) * [1, 2, 3, 4]
    turned = tile_of(phi[:, ::-1], ("f3", "f2", "f1", "f0"))
    assert attribution_rank_correlation(tile_of(phi), turned).value == 1.0


ONE = drawn(np.arange(1.0, 5.0), 50, 6)


@pytest.mark.parametrize(
    ("baseline", "window", "status"),
    [
        (None, ONE, Status.UNDEFINED),
        (tile_of(np.zeros((0, 4))), ONE, Status.UNDEFINED),
        (ONE, None, Status.NO_DATA),
        (ONE, tile_of(np.zeros((0, 4))), Status.NO_DATA),
        (ONE, tile_of(np.ones((5, 4))), Status.UNDEFINED),
        (tile_of(np.eye(2)), tile_of(np.eye(2)), Status.UNDEFINED),
    ],
)
def test_what_cannot_be_computed_has_a_status_and_a_reason(
    baseline: AttributionTile | None, window: AttributionTile | None, status: Status
) -> None:
    """No baseline, nothing explained, no ranking, too few features."""
    found = attribution_rank_correlation(baseline, window)
    assert found.value is None and found.status is status and found.reason
