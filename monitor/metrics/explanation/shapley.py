"""Shapley values of a prediction by permutation sampling, exact in their sum.

The value of a coalition S of features is v(S) = mean over the background rows z of f(x on S, z elsewhere); phi_i is the
mean, over the orders in which features may join, of v(S with i) - v(S). Each sampled order is walked forwards and
backwards (an antithetic pair: what joins late in one joins early in the other), and every walk goes from the empty
coalition to the full one; so the sum of phi is f(x) - mean f(background) whatever was sampled. Where all coalitions are
no more than the walks would visit, all are evaluated and phi is exact.

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
Masks = npt.NDArray[np.bool_]

CALL_BYTES_MAX = 32 * 1024 * 1024
"""Inputs of one call of the scoring function: large enough that a call's own cost vanishes, small enough to stay resident."""


@dataclass(frozen=True, slots=True)
class Attributions:
    """`phi` of shape [n, features]; `standard_error` likewise: of the sampling of orders, zero where phi is exact.

    `prediction` is f(x), `base` the mean of f over the background, `residual` = prediction - base - sum of phi, which
    is rounding unless f gives one row different scores. `standard_error` is None for a single pair of walks.
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
    permutations: int = 9,
    call_bytes_max: int = CALL_BYTES_MAX,
) -> Attributions:
    """Attribute f(x) of each row to its features, against the background rows, with `permutations` antithetic pairs.

    >>> f = lambda x: 2 * x[:, 0] - x[:, 1]
    >>> found = shapley(f, np.array([[3.0, 1.0]]), np.array([[0.0, 0.0], [2.0, 4.0]]))
    >>> found.phi.tolist(), found.base
    ([[4.0, 1.0]], 0.0)
    """
    features = rows.shape[1]
    if not len(background) or not features or permutations < 1:
        raise ValueError("attributions need at least one feature, one background row and one permutation")
    base = float(np.mean(predict(background)))
    prediction = predict(rows) if len(rows) else np.zeros(0)
    walked = 2 * permutations * (features - 1)
    exact = features < 60 and 2**features - 2 <= walked
    phi = np.zeros((len(rows), features))
    pairs = np.zeros((len(rows), 1 if exact else permutations, features))
    coalition_rows = max(1, call_bytes_max // (8 * features * len(background)))
    group = max(1, coalition_rows // max(1, 2**features - 2 if exact else walked))
    for start in range(0, len(rows), group):
        part = rows[start : start + group]
        orders = None if exact else np.stack([_orders(row, permutations) for row in part])
        masks = _all_masks(features)[None].repeat(len(part), 0) if orders is None else _walk_masks(orders)
        inner = _values(predict, part, background, masks, coalition_rows)
        full = prediction[start : start + group]
        pairs[start : start + group] = (
            _weighted(inner, full, base, features)[:, None] if orders is None else _walked(inner, full, base, orders)
        )
    phi = pairs.mean(axis=1)
    error = _standard_error(pairs, exact)
    return Attributions(phi, error, prediction, base, prediction - base - phi.sum(axis=1), exact)


def top_features(phi: F64, k: int) -> npt.NDArray[np.int64]:
    """Indices of the k features with the largest |phi| of one row, the first of equals first."""
    return np.argsort(-np.abs(phi), kind="stable")[:k]


def _orders(row: F64, permutations: int) -> npt.NDArray[np.int64]:
    """[permutations, features], drawn from the row's content."""
    # Adding 0.0 makes the two zeros one: equal rows have equal bytes.
    seed = int.from_bytes(hashlib.blake2b((row + 0.0).tobytes(), digest_size=8).digest(), "big")
    generator = np.random.default_rng(seed)
    return generator.permuted(np.tile(np.arange(len(row)), (permutations, 1)), axis=1)


def _walk_masks(orders: npt.NDArray[np.int64]) -> Masks:
    """The inner coalitions [rows, permutations * 2 * (features - 1), features] of all walks, forward before backward."""
    rows, _, features = orders.shape
    position = np.argsort(orders, axis=2)
    sizes = np.arange(1, features)[:, None]
    forward = position[:, :, None, :] < sizes
    backward = position[:, :, None, :] >= features - sizes
    return np.stack([forward, backward], axis=2).reshape(rows, -1, features)


def _walked(inner: F64, full: F64, base: float, orders: npt.NDArray[np.int64]) -> F64:
    """Marginal contributions [rows, permutations, features], each the mean of its antithetic pair."""
    rows, permutations, features = orders.shape
    values = np.empty((rows, permutations, 2, features + 1))
    values[..., 0], values[..., -1] = base, full[:, None, None]
    values[..., 1:-1] = inner.reshape(rows, permutations, 2, features - 1)
    steps = np.diff(values, axis=3)
    found = np.empty((rows, permutations, 2, features))
    np.put_along_axis(found[:, :, 0], orders, steps[:, :, 0], axis=2)
    np.put_along_axis(found[:, :, 1], orders[:, :, ::-1], steps[:, :, 1], axis=2)
    return np.asarray(found.mean(axis=2))


def _all_masks(features: int) -> Masks:
    """Every coalition but the empty and the full one; bit i of number c + 1 says whether feature i is in coalition c."""
    numbers = np.arange(1, 2**features - 1)
    return np.asarray((numbers[:, None] >> np.arange(features)) & 1 == 1)


def _weighted(inner: F64, full: F64, base: float, features: int) -> F64:
    """phi [rows, features] from the values of all coalitions, by the weights |S|! (m - |S| - 1)! / m!."""
    values = np.column_stack([np.full(len(inner), base), inner, full])
    numbers = np.arange(2**features)
    sizes = np.bitwise_count(numbers)
    weight = np.array([1 / (features * math.comb(features - 1, s)) for s in range(features)])
    phi = np.empty((len(inner), features))
    for i in range(features):
        without = numbers[(numbers >> i) & 1 == 0]
        phi[:, i] = (values[:, without | (1 << i)] - values[:, without]) @ weight[sizes[without]]
    return phi


def _values(predict: Callable[[F64], F64], rows: F64, background: F64, masks: Masks, coalition_rows: int) -> F64:
    """v of each coalition [rows, coalitions], at most `coalition_rows` coalitions a call."""
    count = masks.shape[1]
    flat = masks.reshape(-1, rows.shape[1])
    owner = np.repeat(np.arange(len(rows)), count)
    values = np.empty(len(flat))
    for start in range(0, len(flat), coalition_rows):
        part = slice(start, start + coalition_rows)
        mixed = np.where(flat[part, None, :], rows[owner[part], None, :], background)
        scores = predict(mixed.reshape(-1, rows.shape[1]))
        values[part] = scores.reshape(-1, len(background)).mean(axis=1)
    return values.reshape(len(rows), count)


def _standard_error(pairs: F64, exact: bool) -> F64 | None:
    if exact:
        return np.zeros((pairs.shape[0], pairs.shape[2]))
    if pairs.shape[1] < 2:
        return None
    return np.asarray(pairs.std(axis=1, ddof=1) / math.sqrt(pairs.shape[1]))
