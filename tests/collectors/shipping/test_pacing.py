"""Pauses grow with jitter up to a cap; after failures in a row the circuit opens, and one success closes it."""

from random import Random

import pytest

from collectors.shipping.pacing import GROWTH, Pacing
from collectors.shipping.settings import ShippingSettings

SETTINGS = ShippingSettings(backoff_base_s=0.5, backoff_cap_s=20, failures_to_open=4, open_s=3, retry_after_cap_s=60)


class Highest(Random):
    """Dice that always show the most."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_pauses_grow_to_the_cap() -> None:
    """At most three times the last one, never more than the cap."""
    pacing = Pacing(SETTINGS, Highest())
    assert [pacing.failed() for _ in range(5)] == [1.5, 4.5, 13.5, 20, 20]
    assert GROWTH == 3


def test_pauses_are_jittered_within_their_bounds() -> None:
    """Two sidecars that failed together do not come back together."""
    pauses = []
    for seed in range(200):
        pacing = Pacing(SETTINGS, Random(seed))
        pauses.append([pacing.failed() for _ in range(3)])
    assert len({tuple(each) for each in pauses}) == 200
    assert all(0.5 <= pause <= 13.5 for each in pauses for pause in each)


def test_the_circuit_opens_and_one_success_closes_it() -> None:
    """While it is open each pause is at least the probe's."""
    pacing = Pacing(SETTINGS, Random(1))
    states = []
    for _ in range(6):
        pause = pacing.failed()
        states.append(pacing.circuit)
        assert pacing.circuit == "closed" or pause >= 3
    assert states == ["closed"] * 3 + ["open"] * 3
    pacing.succeeded()
    assert pacing.circuit == "closed"
    assert pacing.failed() <= 1.5


@pytest.mark.parametrize(("wish", "least", "most"), [(10.0, 10.0, 10.0), (0.0, 0.5, 1.5), (9e9, 60.0, 60.0)])
def test_the_servers_wish_is_honoured_within_a_bound(wish: float, least: float, most: float) -> None:
    """Where it is longer than our own pause."""
    assert least <= Pacing(SETTINGS, Random(1)).failed(wish) <= most


@pytest.mark.parametrize("name", list(vars(ShippingSettings())))
def test_settings_are_positive(name: str) -> None:
    """A pause or a limit of zero would spin."""
    with pytest.raises(ValueError, match=f"{name}: found 0, expected a positive number"):
        ShippingSettings(**{name: 0})
