"""What is kept, and with what probability."""

import pytest

from collectors.records.packing import pack
from collectors.records.types import Tensor
from collectors.sampling import SamplingPolicy, keeps, lowest_confidence


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


def tensor(shape: tuple[int, ...], *values: float, datatype: str = "FP32", name: str = "p") -> Tensor:
    return Tensor(name=name, shape=shape, datatype=datatype, data=pack(values, datatype))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("output", "confidence"),
    [
        (tensor((2,), 0.9, 0.4), 0.6),
        (tensor((3, 1), 0.99, 0.02, 0.75), 0.75),
        (tensor((2, 3), 0.2, 0.5, 0.3, 0.8, 0.1, 0.1), 0.5),
        (tensor((1, 3), 0.34, 0.33, 0.33, datatype="FP16"), 0.34),
        (tensor((2,), 1.5, 0.4), None),
        (tensor((1, 3), 0.9, 0.9, 0.9), None),
        (tensor((1, 3), float("nan"), 0.9, 0.1), None),
        (tensor((2,), 0, 1, datatype="INT64"), None),
        (tensor((1, 2, 2), 0.5, 0.5, 0.5, 0.5), None),
        (tensor((0,)), None),
    ],
)
def test_confidence_is_that_of_the_least_certain_row(output: Tensor, confidence: float | None) -> None:
    """Of what is no probability there is none."""
    found = lowest_confidence(output)
    assert found == (None if confidence is None else pytest.approx(confidence, abs=1e-3))


def test_the_output_that_is_named_decides() -> None:
    """Without a name the first that looks like probabilities does."""
    outputs = [tensor((1,), 12.0, name="score"), tensor((1,), 0.95, name="a"), tensor((1,), 0.5, name="b")]
    assert not SamplingPolicy(unsure_below=0.7).is_unsure(outputs)
    assert SamplingPolicy(unsure_below=0.7, unsure_output="b").is_unsure(outputs)
    assert not SamplingPolicy(unsure_below=0.7, unsure_output="none").is_unsure(outputs)
    assert not SamplingPolicy().is_unsure(outputs)
