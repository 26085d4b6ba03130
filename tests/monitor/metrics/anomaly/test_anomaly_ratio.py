"""The ratio, its interval against SciPy's, and its statuses."""

import numpy as np
import pytest
from scipy import stats

from monitor.findings import AlertKind, Status
from monitor.metrics.anomaly.anomaly_ratio import ANOMALY_RATIO, anomaly_ratio
from monitor.tiles.anomaly import AnomalyTile
from monitor.tiles.tileset import TileSet


def tile(scored: int, anomalous: int) -> AnomalyTile:
    return AnomalyTile(scored, anomalous, 0, np.zeros(64, np.int64))


BASELINE = tile(10_000, 10)


@pytest.mark.parametrize(("anomalous", "scored"), [(0, 1), (1, 1), (0, 500), (3, 500), (499, 500), (500, 500)])
def test_the_interval_is_wilsons(anomalous: int, scored: int) -> None:
    """As SciPy computes it."""
    found = anomaly_ratio(BASELINE, tile(scored, anomalous))
    expected = stats.binomtest(anomalous, scored).proportion_ci(0.95, method="wilson")
    assert found.value == anomalous / scored
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_it_is_an_anomaly_of_the_whole_model() -> None:
    """Kind and place of the measurement."""
    (found,) = ANOMALY_RATIO.of(TileSet(100, anomaly=BASELINE), TileSet(100, anomaly=tile(100, 1)))
    assert (found.metric, found.kind, found.feature) == ("anomaly_ratio", AlertKind.ANOMALY, None)
    assert (found.value.n_baseline, found.value.n_window) == (10_000, 100)


def test_a_merge_of_windows_has_the_ratio_of_all_rows() -> None:
    """Metric of merged tiles equals metric of the whole."""
    merged = anomaly_ratio(BASELINE, tile(100, 7).merge(tile(300, 1)))
    assert merged == anomaly_ratio(BASELINE, tile(400, 8))


@pytest.mark.parametrize(
    ("baseline", "window", "status"),
    [
        (None, tile(10, 1), Status.UNDEFINED),
        (BASELINE, None, Status.NO_DATA),
        (BASELINE, tile(0, 0), Status.NO_DATA),
    ],
)
def test_what_cannot_be_computed_has_a_status_and_a_reason(
    baseline: AnomalyTile | None, window: AnomalyTile | None, status: Status
) -> None:
    """No number stands for a missing one."""
    found = anomaly_ratio(baseline, window)
    assert found.value is None and found.status is status and found.reason
