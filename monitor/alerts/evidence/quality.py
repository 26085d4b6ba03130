"""Quality of the data: missing values and categories the baseline has not, by column. One-sided: less is never worse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.alerts.effects import Effect, newcombe
from monitor.alerts.evidence.rivals import service_against, with_rival
from monitor.alerts.evidence.trials import Look, Subject, Trials
from monitor.alerts.evidence.unseen import expected_unseen
from monitor.alerts.tails import proportion_log_p
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.tileset import FeatureTile

QUALITY_ROWS_MIN = 20
"""Rows for a verdict on a share of missing values. A column that is missing as a whole needs none."""

_Case = tuple[str, int, int, int, int, bool]
"""Column, k of n in the window, j of m in the baseline, missing as a whole."""


def quality_tests(look: Look) -> Sequence[Trials]:
    """Of the columns against the baseline, and of a candidate's service against the champion's."""
    return with_rival(_tests(look), service_against(look))


def _tests(look: Look) -> Sequence[Trials]:
    columns = [
        (name, tile, window.get(name))
        for window, baseline in (
            (look.window.features, look.baseline.tiles.features),
            (look.window.prediction, look.baseline.tiles.prediction),
        )
        for name, tile in baseline.items()
    ]
    missing = [_missing(name, here, there, look.window.rows) for name, there, here in columns]
    unseen = [
        (name, here.unseen, here.n, expected_unseen(there, _grid(look, name)), there.n, False)
        for name, there, here in columns
        if isinstance(here, CategoricalTile) and isinstance(there, CategoricalTile)
    ]
    weight = 0.5 if missing and unseen else 1.0
    return [
        _trials(metric, cases, word, look.effect, weight)
        for metric, cases, word in (("missing_ratio", missing, "missing"), ("unseen_ratio", unseen, "new categories"))
        if cases
    ]


def _grid(look: Look, name: str) -> CategoricalGrid | None:
    grids = look.baseline.grids
    grid = grids.features.get(name) or grids.prediction.get(name)
    return grid if isinstance(grid, CategoricalGrid) else None


def _missing(name: str, here: FeatureTile | None, there: FeatureTile, rows: int) -> _Case:
    absent = there.n_missing
    own = there.n + absent
    if here is None:
        return name, rows, rows, absent, own, True
    # Windows of a merge that lack the column as a whole have no tile in it; their rows are missing too.
    present = here.n
    return name, rows - present, rows, absent, own, present == 0


def _trials(metric: str, cases: Sequence[_Case], word: str, effect: float, weight: float) -> Trials:
    k, n, j, m = (np.array([c[at] for c in cases], np.float64) for at in (1, 2, 3, 4))
    whole = np.array([c[5] for c in cases])
    enough = ((n >= QUALITY_ROWS_MIN) | (whole & (n > 0))) & (m > 0)
    up, _ = proportion_log_p(k, n, j, m, effect, sides=1)

    def gauge(i: int) -> Effect:
        value, low, high = newcombe(k[i], n[i], j[i], m[i], effect)
        detail = f"{100 * k[i] / n[i]:.1f} % {word} against {100 * j[i] / m[i]:.1f} %"
        return Effect(value, low, high, k[i] / n[i], "missing as a whole" if whole[i] else detail)

    return Trials(
        metric=metric,
        subjects=tuple(Subject(c[0]) for c in cases),
        log_p=np.where(enough, up, 0.0),
        enough=enough,
        reference=np.divide(j, m, out=np.zeros_like(j), where=m > 0),
        gauge=gauge,
        weight=weight,
    )
