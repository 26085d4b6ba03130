"""The frozen detector against ECOD as PyOD computes it, on the classical sets of ADBench.

PyOD's decision_function ranks a test row among training and test rows together; the formula is written out here with
SciPy's ranks (its skewness term never changes the maximum). Detection must not suffer from freezing.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from monitor.definitions import Feature, MonitoredModel
from monitor.metrics.anomaly import ecod
from monitor.tiles.freeze import freeze
from monitor.tiles.rows import Column, Rows

SPLITS = 3

PYOD_2 = {
    "22_magic.gamma": 0.6341,
    "23_mammography": 0.8999,
    "24_mnist": 0.7406,
    "25_musk": 0.9574,
    "2_annthyroid": 0.7933,
    "30_satellite": 0.5861,
    "32_shuttle": 0.9928,
    "38_thyroid": 0.9723,
    "4_breastw": 0.9899,
    "5_campaign": 0.7721,
    "6_cardio": 0.9337,
}
"""ROC AUC of PyOD 2's ECOD on these sets, mean of the first three of these splits (computed once with the package)."""


def pyod_scores(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """ECOD as PyOD: tails among training and test rows together, the larger one, summed over the features."""
    both = np.concatenate([train, test])
    n = len(both)
    left = -np.log(stats.rankdata(both, "max", axis=0) / n)
    right = -np.log(stats.rankdata(-both, "max", axis=0) / n)
    return np.asarray(np.maximum(left, right).sum(axis=1)[len(train) :])


def rows_of(x: np.ndarray) -> Rows:
    n, k = x.shape
    columns = {f"x_{j}": Column(np.ascontiguousarray(x[:, j])) for j in range(k)}
    return Rows(
        np.arange(n), np.arange(n).astype(str).astype(object), np.zeros(n, np.int32), np.ones(n, np.int32), columns
    )


def frozen_scores(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    model = MonitoredModel("m", features=tuple(Feature(f"x_{j}", "numeric") for j in range(train.shape[1])))
    rows = rows_of(train)
    detector = ecod.fit(rows, freeze(rows, model), model)
    assert detector is not None
    return ecod.score(rows_of(test), detector).scores


def splits(path: Path) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Three 60/40 splits."""
    data = np.load(path)
    x, y = data["X"].astype(np.float64), data["y"]
    rng = np.random.default_rng(1)
    found = []
    for _ in range(SPLITS):
        order = rng.permutation(len(x))
        train, test = order[: int(0.6 * len(x))], order[int(0.6 * len(x)) :]
        found.append((x[train], x[test], y[test]))
    return found


@pytest.mark.data
@pytest.mark.parametrize("name", PYOD_2)
def test_freezing_costs_no_detection(name: str, shared_data: Path) -> None:
    """The ROC AUC is PyOD's within 0.01 on every set, though half the training rows only calibrate."""
    parts = splits(shared_data / "adbench_classical" / f"{name}.npz")
    ours = np.mean([roc_auc_score(y, frozen_scores(train, test)) for train, test, y in parts])
    theirs = np.mean([roc_auc_score(y, pyod_scores(train, test)) for train, test, y in parts])
    assert theirs == pytest.approx(PYOD_2[name], abs=5e-4)
    assert ours == pytest.approx(theirs, abs=0.01)


@pytest.mark.data
def test_rows_are_ranked_as_pyod_ranks_them(shared_data: Path) -> None:
    """On a set of ordinary size the two orders nearly coincide."""
    train, test, _ = splits(shared_data / "adbench_classical" / "23_mammography.npz")[0]
    assert stats.spearmanr(frozen_scores(train, test), pyod_scores(train, test)).statistic > 0.98


@pytest.mark.data
@pytest.mark.parametrize("name", ["38_thyroid", "6_cardio", "32_shuttle", "4_breastw"])
def test_planted_anomalies_are_discovered_at_their_rate(name: str, shared_data: Path) -> None:
    """Fitted on clean rows, at p <= 0.01 about one clean test row in a hundred is flagged, and many times more odd ones."""
    data = np.load(shared_data / "adbench_classical" / f"{name}.npz")
    x, y = data["X"].astype(np.float64), data["y"]
    clean = np.random.default_rng(2).permutation(np.flatnonzero(y == 0))
    train, test = clean[: len(clean) // 2], clean[len(clean) // 2 :]
    model = MonitoredModel("m", features=tuple(Feature(f"x_{j}", "numeric") for j in range(x.shape[1])))
    rows = rows_of(x[train])
    detector = ecod.fit(rows, freeze(rows, model), model)
    assert detector is not None
    level = detector.level(0.01)
    false = np.mean(ecod.score(rows_of(x[test]), detector).p <= level)
    true = np.mean(ecod.score(rows_of(x[y == 1]), detector).p <= level)
    assert stats.binom.sf(false * len(test) - 1, len(test), 2 * level) > 0.001
    assert true > 5 * level
