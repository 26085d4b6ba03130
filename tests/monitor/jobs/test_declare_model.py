"""A declaration is taken whole or not at all."""

import pytest

from monitor.errors import InvalidInput
from tests.monitor.jobs.house import MODEL, House


def test_unknown_metrics_are_refused_and_nothing_changes(house: House) -> None:
    """With the place of the name and the names there are."""
    with pytest.raises(InvalidInput) as caught:
        house.declare(metrics=["energy"])
    (fault,) = caught.value.faults
    assert fault.where == "metrics[0]" and "energy_distance" in fault.expected
    entry = house.catalog.model(MODEL)
    assert entry is None or entry.declaration.metrics == ()


def test_metrics_asked_for_are_declared(house: House) -> None:
    """And come back from the catalog."""
    house.declare(metrics=["energy_distance", "mcc"])
    entry = house.catalog.model(MODEL)
    assert entry is not None and entry.declaration.metrics == ("energy_distance", "mcc")
