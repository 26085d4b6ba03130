"""The section `schema` of a declaration."""

import pytest

from monitor.definitions import ColumnRule, MonitoredModel
from monitor.errors import InvalidInput

DOCUMENT = {
    "model": "m",
    "schema": {
        "age": {"type": "whole", "min": 0, "max": 120, "not_null": True},
        "sex": {"values": [1, "2", 1.0, True]},
        "free": {},
    },
}


def test_it_reads_and_writes_back() -> None:
    """Allowed values in their canonical form, each once."""
    model = MonitoredModel.from_document(DOCUMENT)
    assert model.schema["age"] == ColumnRule("whole", 0.0, 120.0, None, True)
    assert model.schema["sex"].values == ("1", "2", "true")
    assert MonitoredModel.from_document(model.to_document()) == model


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ([], "schema"),
        ({"age": 7}, "schema.age"),
        ({"age": {"regex": "x"}}, "schema.age.regex"),
        ({"age": {"min": 5, "max": 4}}, "schema.age"),
        ({"age": {"type": "float"}}, "schema.age.type"),
        ({"age": {"values": [None]}}, "schema.age.values[0]"),
        ({"age": {"values": "abc"}}, "schema.age.values"),
        ({"age": {"not_null": "yes"}}, "schema.age.not_null"),
        ({"age": {"min": float("nan")}}, "schema.age.min"),
    ],
)
def test_faults_have_their_place(schema: object, place: str) -> None:
    """As everywhere in a declaration."""
    with pytest.raises(InvalidInput) as caught:
        MonitoredModel.from_document({"model": "m", "schema": schema})
    assert place in [fault.where for fault in caught.value.faults]
