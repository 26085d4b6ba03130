"""Explains a window's sampled predictions: one record each, and the tile of their attributions."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from monitor.definitions import Explain
from monitor.metrics.explanation.shapley import Attributions, shapley, top_features
from monitor.tiles.attribution import AttributionTile
from monitor.tiles.plain import plain
from monitor.tiles.rows import Rows
from monitor.tiles.sample import sample

TOP_FEATURES = 10
"""Features written with an explained prediction, the largest |phi| first; the rest is one sum."""


class Scorer(Protocol):
    """The model's own function, as explanation needs it (`monitor.ports.Predictor` is one)."""

    @property
    def features(self) -> tuple[str, ...]: ...
    def matrix(self, rows: Rows) -> npt.NDArray[np.float64]: ...
    def predict(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...


def explain(
    rows: Rows, scorer: Scorer, background: Rows, settings: Explain, *, served: str | None = None
) -> tuple[list[dict[str, Any]], AttributionTile]:
    """Explain a deterministic sample of `rows` against a deterministic sample of the baseline's rows.

    Rows that the scorer cannot score have no record and are not in the tile. One mapping each: `prediction_id`,
    `time_ns`, `prediction` (the scorer's), `served` (the column `served` of the row: what the server answered), `base`,
    `residual`, `method`, `features` (`feature`, `phi`, `standard_error`, `value`) and `rest`, the sum of the other phi.
    """
    chosen, against = sample(rows, settings.sample), sample(background, settings.background)
    inputs, reference = scorer.matrix(chosen), scorer.matrix(against)
    usable = _scored(scorer, inputs)
    reference = reference[_scored(scorer, reference)]
    chosen, inputs = chosen.take(usable), inputs[usable]
    if not len(chosen) or not len(reference):
        return [], _tile(scorer.features, np.zeros((0, len(scorer.features))))
    found = shapley(scorer.predict, inputs, reference, permutations=settings.permutations)
    kept = np.nonzero(np.isfinite(found.phi).all(axis=1))[0]
    records = _records(chosen.take(kept), scorer.features, found, kept, served)
    return records, _tile(scorer.features, found.phi[kept])


def _scored(scorer: Scorer, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.isfinite(scorer.predict(matrix))) if len(matrix) else np.zeros(0, np.bool_)


def _tile(features: tuple[str, ...], phi: npt.NDArray[np.float64]) -> AttributionTile:
    return AttributionTile(features, len(phi), phi.sum(axis=0), np.abs(phi).sum(axis=0), np.square(phi).sum(axis=0))


def _records(
    rows: Rows,
    features: tuple[str, ...],
    found: Attributions,
    index: npt.NDArray[np.int64],
    served: str | None,
) -> list[dict[str, Any]]:
    answer = rows.columns.get(served) if served else None
    return [
        {
            "prediction_id": prediction_id,
            "time_ns": int(rows.time_ns[row]),
            "prediction": float(found.prediction[i]),
            "served": None if answer is None else plain(answer, row),
            "base": found.base,
            "residual": float(found.residual[i]),
            "method": "exact" if found.exact else "permutation",
            **_ranked(rows, row, features, found, i),
        }
        for row, (prediction_id, i) in enumerate(zip(rows.prediction_ids(), index.tolist(), strict=True))
    ]


def _ranked(rows: Rows, row: int, features: tuple[str, ...], found: Attributions, i: int) -> dict[str, Any]:
    phi = found.phi[i]
    top = top_features(phi, TOP_FEATURES).tolist()
    error = found.standard_error
    return {
        "features": [
            {
                "feature": features[j],
                "phi": float(phi[j]),
                "standard_error": None if error is None else float(error[i, j]),
                "value": plain(rows.columns[features[j]], row) if features[j] in rows.columns else None,
            }
            for j in top
        ],
        "rest": float(np.delete(phi, top).sum()),
    }
