"""Shapley values of a prediction by permutation sampling, exact in their sum.

The value of a coalition S of features is v(S) = mean over the background rows z of f(x on S, z elsewhere); phi_i is the
mean, over the orders in which features may join, of v(S with i) - v(S). Every background row is walked from z to x, one
feature after the other, in an order of its own, forwards and backwards (an antithetic pair: what joins late in one joins
early in the other), and that as often as `permutations` says. Each walk's steps add up to f(x) - f(z), so the sum of phi
is f(x) - mean f(background) whatever was drawn; and as every background row takes part equally often, what features do
by themselves is exact: only interactions are sampled. Giving each background row its own orders makes a hundred orders
cost what one costs when every order is walked against the whole background. Where all coalitions are few, all are
evaluated and phi is exact.

The orders of a row are drawn from the row's own content: the same row has the same attributions in any batch.
References: Shapley 1953; Strumbelj & Kononenko 2014; Lundberg & Lee 2017 (arXiv 1705.07874).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

CALL_BYTES_MAX = 32 * 1024 * 1024
"""Inputs of one call of the scoring function: large enough that a call's own cost vanishes, small enough to stay resident."""
MASK_BITS = 60
"""Features whose coalitions can be numbered by an int64."""
EXACT_COALITIONS = 62
"""Coalitions that are all evaluated even where walks would visit fewer: those of six features."""


@dataclass(frozen=True, slots=True)
class Attributions:
    """`phi` of shape [n, features]; `standard_error` likewise: of the sampling of orders, zero where phi is exact.

    `prediction` is f(x), `base` the mean of f over the background, `residual` = prediction - base - sum of phi, which
    is rounding unless f gives one row different scores. `standard_error` is None where each background row was walked
    in one order only.
    """

    phi: F64
    standard_error: F64 | None
    prediction: F64
    base: float
    residual: F64
    exact: bool


def shapley(
    predict: Callable[[F64], F64],
    rows: F64,
    background: F64,
    *,
    permutations: int = 2,
    call_bytes_max: int = CALL_BYTES_MAX,
) -> Attributions:
    """Attribute f(x) of each row to its features, each background row walked in `permutations` orders, there and back.

    >>> f = lambda x: 2 * x[:, 0] - x[:, 1]
    >>> found = shapley(f, np.array([[3.0, 1.0]]), np.array([[0.0, 0.0], [2.0, 4.0]]))
    >>> found.phi.tolist(), found.base
    ([[4.0, 1.0]], 0.0)
    """
    features = rows.shape[1]
    if not len(background) or not features or permutations < 1:
        raise ValueError("attributions need at least one feature, one background row and one permutation")
    start = predict(background)
    base = float(np.mean(start))
    prediction = predict(rows) if len(rows) else np.zeros(0)
    call_rows = max(1, call_bytes_max // (8 * features))
    exact = features <= MASK_BITS and 2**features - 2 <= max(EXACT_COALITIONS, 2 * permutations * (features - 1))
    if exact:
        phi = _from_all_coalitions(predict, rows, background, prediction, base, call_rows)
        error: F64 | None = np.zeros_like(phi)
    else:
        phi, error = _from_walks(predict, rows, background, prediction, start, permutations, call_rows)
    return Attributions(phi, error, prediction, base, prediction - base - phi.sum(axis=1), exact)


def top_features(phi: F64, k: int) -> npt.NDArray[np.int64]:
    """Indices of the k features with the largest |phi| of one row, the first of equals first."""
    return np.argsort(-np.abs(phi), kind="stable")[:k]


def _from_walks(
    predict: Callable[[F64], F64],
    rows: F64,
    background: F64,
    prediction: F64,
    start: F64,
    permutations: int,
    call_rows: int,
) -> tuple[F64, F64 | None]:
    """phi and its standard error [rows, features]; `start` is f of each background row."""
    features, pairs = rows.shape[1], permutations * len(background)
    call_pairs = max(1, call_rows // (2 * (features - 1)))
    group = max(1, call_pairs // pairs)
    phi, error = np.zeros_like(rows), np.zeros_like(rows)
    for first in range(0, len(rows), group):
        part = slice(first, first + group)
        orders = np.concatenate([_orders(row, pairs) for row in rows[part]])
        owner = first + np.arange(len(orders)) // pairs
        against = np.arange(len(orders)) % len(background)
        steps = np.empty((len(orders), features))
        for begin in range(0, len(orders), call_pairs):
            some = slice(begin, begin + call_pairs)
            x, z = rows[owner[some]], background[against[some]]
            steps[some] = _walked(predict, x, z, orders[some], prediction[owner[some]], start[against[some]])
        walked = steps.reshape(-1, permutations, len(background), features)
        phi[part] = walked.mean(axis=(1, 2))
        if permutations > 1:
            # Each background row is a stratum; only the orders within it were drawn.
            error[part] = np.sqrt(walked.var(axis=1, ddof=1).sum(axis=1) / permutations) / len(background)
    return phi, error if permutations > 1 else None


def _orders(row: F64, count: int) -> npt.NDArray[np.int64]:
    """[count, features], drawn from the row's content."""
    # Adding 0.0 makes the two zeros one: equal rows have equal bytes.
    seed = int.from_bytes(hashlib.blake2b((row + 0.0).tobytes(), digest_size=8).digest(), "big")
    return np.random.default_rng(seed).permuted(np.tile(np.arange(len(row)), (count, 1)), axis=1)


def _walked(predict: Callable[[F64], F64], x: F64, z: F64, orders: npt.NDArray[np.int64], full: F64, start: F64) -> F64:
    """What each feature adds on the way from z to x [pairs, features], the mean of there and back."""
    pairs, features = orders.shape
    position, sizes = np.argsort(orders, axis=1)[:, None, :], np.arange(1, features)[:, None]
    joined = np.stack([position < sizes, position >= features - sizes], axis=1)
    between = np.where(joined, x[:, None, None, :], z[:, None, None, :])
    values = np.empty((pairs, 2, features + 1))
    values[..., 0], values[..., -1] = start[:, None], full[:, None]
    values[..., 1:-1] = predict(between.reshape(-1, features)).reshape(pairs, 2, features - 1)
    steps = np.diff(values, axis=2)
    found = np.empty((pairs, 2, features))
    np.put_along_axis(found[:, 0], orders, steps[:, 0], axis=1)
    np.put_along_axis(found[:, 1], orders[:, ::-1], steps[:, 1], axis=1)
    return np.asarray(found.mean(axis=1))


def _from_all_coalitions(
    predict: Callable[[F64], F64], rows: F64, background: F64, prediction: F64, base: float, call_rows: int
) -> F64:
    """phi [rows, features] from the value of every coalition, by the weights |S|! (m - |S| - 1)! / m!."""
    features = rows.shape[1]
    numbers = np.arange(2**features)
    masks = (numbers[1:-1, None] >> np.arange(features)) & 1 == 1
    values = np.empty((len(rows), len(numbers)))
    values[:, 0], values[:, -1] = base, prediction
    values[:, 1:-1] = _values(predict, rows, background, masks, call_rows)
    weight = np.array([1 / (features * math.comb(features - 1, size)) for size in range(features)])
    phi = np.empty_like(rows)
    for i in range(features):
        without = numbers[(numbers >> i) & 1 == 0]
        phi[:, i] = (values[:, without | (1 << i)] - values[:, without]) @ weight[np.bitwise_count(without)]
    return phi


def _values(
    predict: Callable[[F64], F64], rows: F64, background: F64, masks: npt.NDArray[np.bool_], call_rows: int
) -> F64:
    """v of each coalition [rows, coalitions], as many a call as its rows allow."""
    owner, coalition = (part.ravel() for part in np.indices((len(rows), len(masks))))
    values = np.empty(len(owner))
    count = max(1, call_rows // len(background))
    for begin in range(0, len(owner), count):
        some = slice(begin, begin + count)
        mixed = np.where(masks[coalition[some], None, :], rows[owner[some], None, :], background)
        values[some] = predict(mixed.reshape(-1, rows.shape[1])).reshape(-1, len(background)).mean(axis=1)
    return values.reshape(len(rows), len(masks))
