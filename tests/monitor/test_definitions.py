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


@pytest.mark.parametrize(
    ("document", "where", "expected"),
    [
        ({"featurs": ["a"]}, "featurs", "features, perhaps"),
        ({"windows": [{"evry": "5m"}]}, "windows[0].evry", "every, perhaps"),
        ({"checks": {"drft": False}}, "checks.drft", "drift, perhaps"),
        ({"task": "binry"}, "task", "binary, perhaps"),
    ],
)
def test_a_mistyped_key_is_told_what_it_may_have_meant(document: dict[str, object], where: str, expected: str) -> None:
    """Wherever it stands; so is a word out of a closed list."""
    with pytest.raises(InvalidInput) as caught:
        MonitoredModel.from_document({"model": "m", **document})
    fault = next(fault for fault in caught.value.faults if fault.where == where)
    assert fault.expected == expected


def test_a_key_that_resembles_none_is_told_all() -> None:
    """Rather than guessed at."""
    with pytest.raises(InvalidInput) as caught:
        MonitoredModel.from_document({"model": "m", "colour": "red"})
    assert "features, " in caught.value.faults[0].expected
