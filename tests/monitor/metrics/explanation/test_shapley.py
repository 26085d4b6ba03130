"""Shapley values against closed forms, their exact sum, and their independence of the batch."""

import itertools
import math

import numpy as np
import pytest

from monitor.metrics.explanation.shapley import shapley, top_features


def wide(n: int, features: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, features))


@pytest.mark.parametrize("features", [1, 2, 4, 12])
def test_a_linear_model_is_exact(features: int) -> None:
    """phi_i = w_i (x_i - mean z_i), sampled or not, with no standard error."""
    w = np.random.default_rng(1).normal(size=features)
    rows, background = wide(7, features, 2), wide(30, features, 3)
    found = shapley(lambda x: x @ w + 5, rows, background, permutations=4)
    np.testing.assert_allclose(found.phi, w * (rows - background.mean(axis=0)), atol=1e-12)
    assert found.standard_error is not None and found.standard_error.max() < 1e-12


def test_an_additive_model_is_exact() -> None:
    """phi_i = g_i(x_i) - mean g_i(z_i)."""
    rows, background = wide(5, 10, 4), wide(20, 10, 5)
    found = shapley(lambda x: np.sin(x).sum(axis=1), rows, background, permutations=2)
    np.testing.assert_allclose(found.phi, np.sin(rows) - np.sin(background).mean(axis=0), atol=1e-12)


@pytest.mark.parametrize(("game", "value"), [(np.all, 1.0), (np.any, 1.0)])
def test_symmetric_games_share_equally(game: object, value: float) -> None:
    """AND and OR of 8 players against absent ones: 1/8 each."""
    found = shapley(
        lambda x: game(x > 0.5, axis=1).astype(float),  # type: ignore[operator]
        np.ones((1, 8)),
        np.zeros((1, 8)),
        permutations=200,
    )
    error = found.standard_error
    assert error is not None
    assert np.abs(found.phi - value / 8).max() <= 5 * error.max()


@pytest.mark.parametrize("features", [2, 3, 5])
def test_xor_is_shared_equally(features: int) -> None:
    """Parity is symmetric: every player gets the same, 1/m where m is odd and 0 where it is even."""
    found = shapley(lambda x: x.sum(axis=1) % 2, np.ones((1, features)), np.zeros((1, features)))
    np.testing.assert_allclose(found.phi, (features % 2) / features, atol=1e-12)
    assert found.exact


def by_definition(f: object, x: np.ndarray, background: np.ndarray) -> np.ndarray:
    m = len(x)

    def v(s: tuple[int, ...]) -> float:
        mixed = background.copy()
        mixed[:, list(s)] = x[list(s)]
        return float(np.mean(f(mixed)))  # type: ignore[operator]

    phi = np.zeros(m)
    for i in range(m):
        others = [j for j in range(m) if j != i]
        for size in range(m):
            weight = math.factorial(size) * math.factorial(m - size - 1) / math.factorial(m)
            for s in itertools.combinations(others, size):
                phi[i] += weight * (v((*s, i)) - v(s))
    return phi


def interacting(x: np.ndarray) -> np.ndarray:
    """A model with products, a step and an even interaction."""
    return x[:, 0] * x[:, 1] + (x[:, 2] > 0) * x[:, 3] + np.tanh(x[:, 0] * x[:, 2] * x[:, -1])


def test_few_features_are_exact_by_the_definition() -> None:
    """All coalitions of five features are evaluated: phi is the definition's."""
    rows, background = wide(3, 5, 6), wide(15, 5, 7)
    found = shapley(interacting, rows, background)
    assert found.exact
    np.testing.assert_allclose(found.phi, [by_definition(interacting, x, background) for x in rows], atol=1e-12)


def test_sampled_values_lie_within_their_standard_errors() -> None:
    """Sampled phi of 8 features differ from the definition's by what the standard error says."""
    rows, background = wide(20, 8, 8), wide(100, 8, 9)
    found = shapley(interacting, rows, background, permutations=2)
    exact = np.array([by_definition(interacting, x, background) for x in rows])
    assert not found.exact and found.standard_error is not None
    moving = found.standard_error > 1e-9
    z = ((found.phi - exact) / np.where(moving, found.standard_error, 1))[moving]
    assert 0.7 < np.sqrt(np.mean(z**2)) < 1.4
    np.testing.assert_allclose(found.phi[~moving], exact[~moving], atol=1e-9)


@pytest.mark.parametrize("features", [3, 9])
def test_the_sum_is_exact(features: int) -> None:
    """phi adds up to f(x) - mean f(background), whatever was sampled."""
    rows, background = wide(6, features, 10), wide(8, features, 11)
    found = shapley(lambda x: np.exp(x.sum(axis=1)), rows, background, permutations=3)
    scale = np.abs(found.prediction).max()
    assert np.abs(found.residual).max() <= 1e-12 * scale
    np.testing.assert_allclose(found.phi.sum(axis=1) + found.base, found.prediction, rtol=1e-12)


def test_a_rows_attributions_do_not_depend_on_its_batch() -> None:
    """The orders are drawn from the row's own content."""
    rows, background = wide(9, 10, 12), wide(5, 10, 13)
    together = shapley(interacting, rows, background, permutations=3)
    alone = shapley(interacting, rows[4:5], background, permutations=3)
    assert together.phi[4].tolist() == alone.phi[0].tolist()


@pytest.mark.parametrize("call_bytes", [1, 5_000, 10**9])
def test_the_size_of_a_call_changes_nothing(call_bytes: int) -> None:
    """Coalitions may be evaluated one or all at a time."""
    rows, background = wide(4, 9, 14), wide(6, 9, 15)
    whole = shapley(interacting, rows, background, permutations=2)
    found = shapley(interacting, rows, background, permutations=2, call_bytes_max=call_bytes)
    np.testing.assert_allclose(found.phi, whole.phi, atol=1e-12)


def test_calls_stay_within_their_bytes() -> None:
    """No call of the model holds more than was allowed, once a single coalition fits."""
    seen: list[int] = []

    def model(x: np.ndarray) -> np.ndarray:
        seen.append(x.nbytes)
        return x.sum(axis=1)

    shapley(model, wide(5, 10, 16), wide(10, 10, 17), permutations=5, call_bytes_max=20_000)
    assert max(seen) <= 20_000


def test_a_feature_the_model_ignores_gets_nothing() -> None:
    """The dummy player."""
    found = shapley(lambda x: x[:, 0] * x[:, 1], wide(5, 9, 18), wide(5, 9, 19))
    assert np.abs(found.phi[:, 2:]).max() < 1e-15


def test_one_order_a_background_row_has_no_standard_error() -> None:
    """One draw says nothing about its spread."""
    assert shapley(interacting, wide(2, 12, 20), wide(3, 12, 21), permutations=1).standard_error is None


def test_a_model_that_wavers_shows_in_the_residual() -> None:
    """A score that changes between calls cannot be explained exactly, and the residual says by how much."""
    rng = np.random.default_rng(22)
    found = shapley(lambda x: x.sum(axis=1) + rng.normal(size=len(x)), wide(1, 3, 23), wide(50, 3, 24))
    assert np.isfinite(found.residual).all()
    assert found.phi.sum() + found.base + found.residual[0] == pytest.approx(found.prediction[0])


@pytest.mark.parametrize(("background", "permutations"), [(np.zeros((0, 3)), 9), (np.zeros((4, 3)), 0)])
def test_nothing_to_compare_with_is_refused(background: np.ndarray, permutations: int) -> None:
    """No background or no walk: ValueError, not NaN."""
    with pytest.raises(ValueError, match="at least one"):
        shapley(interacting, wide(1, 3, 25), background, permutations=permutations)


def test_no_rows_have_no_attributions() -> None:
    """The empty window is answered."""
    assert shapley(lambda x: x.sum(axis=1), np.zeros((0, 3)), np.zeros((2, 3))).phi.shape == (0, 3)


def test_top_features_are_the_largest_by_size_first_of_equals_first() -> None:
    """Sign does not count."""
    assert top_features(np.array([0.1, -3.0, 2.0, 3.0]), 3).tolist() == [1, 3, 2]
