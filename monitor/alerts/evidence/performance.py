"""Performance on labelled rows against the baseline's, one-sided: only worse is tested.

Effects are drops (roc_auc, accuracy, f1: absolute) or relative increases (log_loss, rmse, mae), so that larger is worse.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.alerts.effects import Effect, Z, newcombe
from monitor.alerts.evidence.rivals import performance_against, with_rival
from monitor.alerts.evidence.trials import Look, Subject, Trials
from monitor.alerts.tails import bernstein_log_p, proportion_log_p, student_log_p
from monitor.metrics.estimation.completeness import corrected
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, RegressionOutcome

LABELLED_MIN = 50
"""Labelled rows for a verdict."""
CLASS_MIN = 10
"""Rows of each class for a verdict on ROC AUC and F1."""


@dataclass(frozen=True, slots=True)
class _Test:
    metric: str
    log_p: float
    reference: float
    effect: Effect


def performance_tests(look: Look) -> Sequence[Trials]:
    """Against the baseline, and of a candidate against the champion too."""
    return with_rival(_tests(look), performance_against(look, _tests))


def _tests(look: Look) -> Sequence[Trials]:
    here, there = look.window.outcome, look.baseline.tiles.outcome
    found: Sequence[_Test | str]
    if isinstance(here, BinaryOutcome) and isinstance(there, BinaryOutcome):
        found = _binary(corrected(here, look.window.delays), there, look.effect)
    elif isinstance(here, MulticlassOutcome) and isinstance(there, MulticlassOutcome):
        found = [_multiclass(here, there, look.effect)] if there.labelled else []
    elif isinstance(here, RegressionOutcome) and isinstance(there, RegressionOutcome):
        found = _regression(here, there, look.effect) if there.labelled else []
    else:
        return ()
    return [_trials(test, 1 / len(found)) for test in found]


def _trials(test: _Test | str, weight: float) -> Trials:
    """A bare name stands for a metric without the rows for a verdict."""
    if isinstance(test, str):
        nothing = np.zeros(1)
        return Trials(test, (Subject(),), nothing, np.zeros(1, bool), np.full(1, np.nan), _no_effect, weight)
    effect = test.effect
    log_p, reference = np.array([test.log_p]), np.array([test.reference])
    return Trials(test.metric, (Subject(),), log_p, np.ones(1, bool), reference, lambda _: effect, weight)


def _no_effect(_: int) -> Effect:
    return Effect(0.0, 0.0, 0.0, 0.0, "")


def _binary(here: BinaryOutcome, there: BinaryOutcome, effect: float) -> list[_Test | str]:
    tests: list[_Test | str] = []
    if there.scored:
        classes = (here.positives.sum(), here.negatives.sum(), there.positives.sum(), there.negatives.sum())
        enough = min(classes) >= CLASS_MIN and min(here.scored, there.scored) >= LABELLED_MIN
        tests.append(_auc(here, there, effect) if enough else "roc_auc")
        enough = min(here.scored, there.scored) >= LABELLED_MIN
        sums = (here.log_loss_sum, here.log_loss_square_sum, here.scored)
        own = (there.log_loss_sum, there.log_loss_square_sum, there.scored)
        tests.append(_mean("log_loss", sums, own, effect) if enough else "log_loss")
    if there.labelled:
        enough = min(here.labelled, there.labelled) >= LABELLED_MIN
        right, right_there = _right(here), _right(there)
        tests.append(_accuracy(right, here.labelled, right_there, there.labelled, effect) if enough else "accuracy")
        enough = enough and min(_f1_size(here), _f1_size(there)) >= CLASS_MIN
        tests.append(_f1(here, there, effect) if enough else "f1")
    return tests


def _right(tile: BinaryOutcome) -> int:
    return tile.true_positives + tile.true_negatives


def _multiclass(here: MulticlassOutcome, there: MulticlassOutcome, effect: float) -> _Test | str:
    if min(here.labelled, there.labelled) < LABELLED_MIN:
        return "accuracy"
    # The last row and column hold every other class: not known to be right.
    right, right_there = (int(np.trace(t.confusion[:-1, :-1])) for t in (here, there))
    return _accuracy(right, here.labelled, right_there, there.labelled, effect)


def _regression(here: RegressionOutcome, there: RegressionOutcome, effect: float) -> list[_Test | str]:
    if min(here.labelled, there.labelled) < LABELLED_MIN:
        return ["rmse", "mae"]
    squares = _mean(
        "rmse",
        (here.square_sum, here.fourth_sum, here.labelled),
        (there.square_sum, there.fourth_sum, there.labelled),
        effect,
        show=math.sqrt,
    )
    absolutes = _mean(
        "mae",
        (here.absolute_sum, here.square_sum, here.labelled),
        (there.absolute_sum, there.square_sum, there.labelled),
        effect,
    )
    return [squares, absolutes]


def _accuracy(right: int, n: int, right_there: int, m: int, effect: float) -> _Test:
    k, j = n - right, m - right_there
    up, _ = proportion_log_p(k, n, j, m, effect, sides=1)
    value, low, high = newcombe(k, n, j, m, effect)
    share, own = right / n, right_there / m
    return _Test("accuracy", float(up), own, Effect(value, low, high, share, f"{share:.3f} against {own:.3f}"))


def _auc(here: BinaryOutcome, there: BinaryOutcome, effect: float) -> _Test:
    """DeLong's variance from the cells, with Bernstein's tail (one row weighs at most 1 over its class)."""
    area, variance = _auc_of(here.positives, here.negatives)
    area_there, variance_there = _auc_of(there.positives, there.negatives)
    # At a perfect score DeLong's variance is nought; the baseline's, at the window's size, stands in.
    scaled = variance_there * max(1.0, there.scored / here.scored)
    spread = effect * (max(variance, scaled) + variance_there)
    weight = effect / min(here.positives.sum(), here.negatives.sum())
    drop = area_there - area
    half = Z * math.sqrt(spread)
    log_p = float(bernstein_log_p(np.float64(drop), spread, weight, sides=1))
    detail = f"{area:.3f} against {area_there:.3f}"
    return _Test("roc_auc", log_p, area_there, Effect(drop, drop - half, drop + half, area, detail))


def _auc_of(positives: npt.NDArray[np.int64], negatives: npt.NDArray[np.int64]) -> tuple[float, float]:
    p, n = float(positives.sum()), float(negatives.sum())
    above = (np.cumsum(negatives) - negatives / 2) / n
    beneath = 1 - (np.cumsum(positives) - positives / 2) / p
    area = float((positives * above).sum() / p)
    of_positives = float((positives * (above - area) ** 2).sum() / p) / max(p - 1, 1)
    of_negatives = float((negatives * (beneath - area) ** 2).sum() / n) / max(n - 1, 1)
    return area, of_positives + of_negatives


def _f1_size(tile: BinaryOutcome) -> int:
    return 2 * tile.true_positives + tile.false_positives + tile.false_negatives


def _f1(here: BinaryOutcome, there: BinaryOutcome, effect: float) -> _Test:
    """Against the F1 that the baseline's hit and false-alarm rates give at the window's share of positives.

    F1 falls with that share alone, which is label drift and not the model's fault. Delta method: a row moves F1 by its
    own terms over 2 TP + FP + FN.
    """
    value, variance, weight = _f1_of(here)
    _, own_variance, _ = _f1_of(there)
    own = _f1_at(there, (here.true_positives + here.false_negatives) / here.labelled)
    spread = effect * (max(variance, own_variance * there.labelled / here.labelled) + own_variance)
    drop, half = own - value, Z * math.sqrt(spread)
    log_p = float(bernstein_log_p(np.float64(drop), spread, effect * weight, sides=1))
    detail = f"{value:.3f} against {own:.3f}"
    return _Test("f1", log_p, own, Effect(drop, drop - half, drop + half, value, detail))


def _f1_at(tile: BinaryOutcome, positives: float) -> float:
    found = tile.true_positives / max(1, tile.true_positives + tile.false_negatives)
    alarmed = tile.false_positives / max(1, tile.false_positives + tile.true_negatives)
    size = positives * (found + 1) + (1 - positives) * alarmed
    return 2 * positives * found / size if size > 0 else 0.0


def _f1_of(tile: BinaryOutcome) -> tuple[float, float, float]:
    size = _f1_size(tile)
    f1 = 2 * tile.true_positives / size
    wrong = tile.false_positives + tile.false_negatives
    variance = (tile.true_positives * (2 - 2 * f1) ** 2 + wrong * f1**2) / size**2
    return f1, variance, max(2 - 2 * f1, f1) / size


def _mean(
    metric: str,
    here: tuple[float, float, int],
    there: tuple[float, float, int],
    effect: float,
    show: Callable[[float], float] = float,
) -> _Test:
    """A mean loss: studentised with the larger of the two variances. `show` maps the mean to the metric's scale."""
    (total, squares, n), (total_there, squares_there, m) = here, there
    mean, mean_there = total / n, total_there / m
    variance, variance_there = squares / n - mean**2, squares_there / m - mean_there**2
    spread = effect * (max(variance, variance_there, 0.0) / n + max(variance_there, 0.0) / m)
    increase, error = mean - mean_there, math.sqrt(max(spread, 1e-300))
    low, high = (show(max(0.0, mean_there + increase + side * Z * error)) for side in (-1, 1))
    value, own = show(mean), show(mean_there)
    unit = own if own > 0 else 1.0
    detail = f"{value:.3g} against {own:.3g}"
    log_p = student_log_p(increase / error, min(n, m) / effect)
    change, least, most = ((at - own) / unit for at in (value, low, high))
    return _Test(metric, log_p, own, Effect(change, least, most, value, detail))
