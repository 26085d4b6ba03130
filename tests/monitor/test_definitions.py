"""Declarations: what a document says, read and written back, and every fault of a bad one."""

import pytest

from monitor.definitions import MonitoredModel
from monitor.errors import InvalidInput


@pytest.mark.parametrize(
    ("said", "read"), [(["mcc", "energy_distance"], ("mcc", "energy_distance")), ("all", "all"), ([], ()), (None, ())]
)
def test_metrics_are_names_or_all(said: object, read: object) -> None:
    """And written back as they were; none where none is asked for."""
    model = MonitoredModel.from_document({"model": "m", "metrics": said})
    assert model.metrics == read
    document = model.to_document()
    assert document.get("metrics") == (said or None)
    assert MonitoredModel.from_document(document) == model


@pytest.mark.parametrize("said", ["mcc", ["mcc", "mcc"], ["mcc", 7], {"mcc": True}, 7, ["m"] * 201])
def test_metrics_of_another_form_are_a_fault(said: object) -> None:
    """With the key; whether a name is known is not for the definitions to say."""
    with pytest.raises(InvalidInput) as caught:
        MonitoredModel.from_document({"model": "m", "metrics": said})
    assert all(fault.where.startswith("metrics") for fault in caught.value.faults)
