"""The anomalous rows of a window, written down: when, how rare, and which features made them so."""

from __future__ import annotations

from typing import Any

import numpy as np

from monitor.metrics.anomaly.ecod import AnomalyModel, AnomalyScores, contributions, score, tile
from monitor.metrics.anomaly.multiplicity import flagged
from monitor.tiles.anomaly import AnomalyTile
from monitor.tiles.plain import plain
from monitor.tiles.rows import Rows

RECORDS_MAX = 10_000
"""Anomalies written a window, the rarest first; the tile counts them all."""
FEATURES_TOP = 5
"""Contributing features written with an anomaly."""


def measure(
    rows: Rows, model: AnomalyModel, rate: float, *, most: int = RECORDS_MAX
) -> tuple[AnomalyTile, list[dict[str, Any]]]:
    """The tile and the anomalies of one window, scored once."""
    scores = score(rows, model)
    return tile(scores, model, rate), _written(rows, scores, model, rate, most)


def anomalies(rows: Rows, model: AnomalyModel, rate: float, *, most: int = RECORDS_MAX) -> list[dict[str, Any]]:
    """The rows at or under the anomaly level and those in the window's false discovery set, rarest first.

    One mapping each: `prediction_id`, `time_ns`, `p`, `score`, `discovery` (in the false discovery set), `features`
    (largest contribution first: `feature`, `contribution`, `value` as it came, null where missing).
    """
    return _written(rows, score(rows, model), model, rate, most)


def _written(rows: Rows, scores: AnomalyScores, model: AnomalyModel, rate: float, most: int) -> list[dict[str, Any]]:
    discovered = flagged(scores.p)
    chosen = np.nonzero(scores.anomalous(model, rate) | discovered)[0]
    chosen = chosen[np.argsort(-scores.scores[chosen], kind="stable")][:most]
    found = rows.take(chosen)
    parts = contributions(found, model)
    names = list(model.tails)
    largest = np.argsort(-parts, axis=1, kind="stable")[:, :FEATURES_TOP]
    return [
        {
            "prediction_id": prediction_id,
            "time_ns": int(found.time_ns[i]),
            "p": float(scores.p[chosen[i]]),
            "score": float(scores.scores[chosen[i]]),
            "discovery": bool(discovered[chosen[i]]),
            "features": [
                {
                    "feature": names[j],
                    "contribution": float(parts[i, j]),
                    "value": plain(found.columns[names[j]], i),
                }
                for j in largest[i].tolist()
                if parts[i, j] > 0
            ],
        }
        for i, prediction_id in enumerate(found.prediction_ids())
    ]
