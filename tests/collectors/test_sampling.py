"""What is kept, and with what probability."""

import pytest

from collectors.sampling import SamplingPolicy, keeps


@pytest.mark.parametrize(
    ("policy", "status", "duration_ns", "inclusion"),
    [
        (SamplingPolicy(), 200, 0, 1.0),
        (SamplingPolicy(rate=0.1), 200, 0, 0.1),
        (SamplingPolicy(rate=0.1), 500, 0, 1.0),
        (SamplingPolicy(rate=0.1, keep_errors=False), 500, 0, 0.1),
        (SamplingPolicy(rate=0.1, slow_ns=100), 200, 100, 1.0),
        (SamplingPolicy(rate=0.1, slow_ns=100), 200, 99, 0.1),
    ],
)
def test_errors_and_slow_exchanges_are_always_kept(
    policy: SamplingPolicy, status: int, duration_ns: int, inclusion: float
) -> None:
    """The others with the rate."""
    assert policy.inclusion(status=status, duration_ns=duration_ns) == inclusion


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.5, 0.99, 1.0])
def test_the_share_kept_is_the_probability(rate: float) -> None:
    """Within four standard deviations."""
    kept = sum(keeps(rate, f"id-{i}") for i in range(20_000)) / 20_000
    assert abs(kept - rate) <= 4 * (rate * (1 - rate) / 20_000) ** 0.5


def test_the_same_key_gives_the_same_answer() -> None:
    """And what is kept at a low rate is kept at every higher one."""
    low = {i for i in range(1000) if keeps(0.2, str(i))}
    assert low == {i for i in range(1000) if keeps(0.2, str(i))}
    assert low <= {i for i in range(1000) if keeps(0.6, str(i))}


@pytest.mark.parametrize("broken", [{"rate": 1.5}, {"rate": -0.1}, {"rate": float("nan")}, {"slow_ns": -1}])
def test_a_policy_that_cannot_hold_is_refused(broken: dict[str, float]) -> None:
    """At once, with what was found."""
    with pytest.raises(ValueError, match="expected"):
        SamplingPolicy(**broken)  # type: ignore[arg-type]
