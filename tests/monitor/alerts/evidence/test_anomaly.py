"""A surge of anomalous rows."""

import numpy as np

from monitor.findings import AlertKind
from monitor.tiles.anomaly import P_CELLS, AnomalyTile
from monitor.tiles.tileset import Baseline, Grids, TileSet
from tests.monitor.alerts.evidence.looks import CALM, SURE, seen


def anomalies(scored, anomalous):
    return TileSet(scored, anomaly=AnomalyTile(scored, anomalous, 0, np.zeros(P_CELLS, np.int64)))


def test_a_surge_of_anomalies_is_measured_as_a_multiple_of_the_baselines_rate():
    """Five per cent where a thousandth is normal."""
    baseline = Baseline("b", 10_000, Grids(), anomalies(10_000, 10))
    trials = seen(AlertKind.ANOMALY, anomalies(500, 25), baseline)["anomaly_ratio"]
    assert trials.log_p[0] < SURE
    assert trials.gauge(0).low > 3
    calm = seen(AlertKind.ANOMALY, anomalies(500, 2), baseline)["anomaly_ratio"]
    assert calm.log_p[0] > CALM


def test_the_baselines_own_uncertainty_counts():
    """No anomaly among 100 baseline rows does not make three among 100 impossible."""
    baseline = Baseline("b", 100, Grids(), anomalies(100, 0))
    assert seen(AlertKind.ANOMALY, anomalies(100, 3), baseline)["anomaly_ratio"].log_p[0] > np.log(0.05)
