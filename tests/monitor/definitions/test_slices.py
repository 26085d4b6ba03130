"""Slices of a declaration."""

import pytest

from monitor.definitions import MonitoredModel, Slice
from monitor.definitions.slices import SLICES_MAX
from monitor.errors import InvalidInput


def model(slices: object, **more: object) -> MonitoredModel:
    return MonitoredModel.from_document({"model": "m", "slices": slices, **more})


def test_both_forms_are_read_and_written_back() -> None:
    """`SEX=2` is a predicate of equality under its own name."""
    found = model(["SEX=2", {"name": "young", "where": "AGEP < 30 and SCHL >= 16"}])
    assert found.slices == (Slice("SEX=2", "`SEX` = '2'"), Slice("young", "AGEP < 30 and SCHL >= 16"))
    assert MonitoredModel.from_document(found.to_document()) == found


@pytest.mark.parametrize(
    ("slices", "place"),
    [
        (["SEX"], r"slices\[0\]: found 'SEX', expected `column=value`"),
        ([{"name": "young", "where": "AGEP < "}], r"slices\[0\].where, character 7: found the end"),
        ([{"name": "young"}], r"slices\[0\].where: found nothing"),
        ([{"where": "a = 1"}], r"slices\[0\].name: found nothing"),
        (["a=1", "a=1"], "'a=1' twice"),
        ([3], r"slices\[0\]: found 3"),
        (["a=1"] * (SLICES_MAX + 1), f"at most {SLICES_MAX}"),
        ([{"name": "x", "where": "y = 1"}], "the label 'y'"),
        ([{"name": "a\nb", "where": "z = 1"}], "printable"),
    ],
)
def test_faults_have_their_place(slices: object, place: str) -> None:
    """With the position inside a predicate."""
    with pytest.raises(InvalidInput, match=place):
        model(slices, label="y")
