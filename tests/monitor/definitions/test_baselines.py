"""The section `baseline` of a declaration."""

import pytest

from monitor.definitions import BaselineRule, MonitoredModel
from monitor.definitions.sections import UNIT_NS
from monitor.errors import InvalidInput


def model(baseline: object) -> MonitoredModel:
    return MonitoredModel.from_document({"model": "m", "baseline": baseline})


@pytest.mark.parametrize(
    ("section", "rule"),
    [
        ("fixed", BaselineRule()),
        ({"trailing": "7d"}, BaselineRule(trailing_ns=7 * UNIT_NS["d"])),
        ({"season": "hour_of_week"}, BaselineRule(season="hour_of_week", history_ns=8 * UNIT_NS["w"])),
        (
            {"season": "hour_of_day", "history": "4w", "zone": "Europe/Paris"},
            BaselineRule(season="hour_of_day", history_ns=4 * UNIT_NS["w"], zone="Europe/Paris"),
        ),
        ({"version": "v1"}, BaselineRule(version="v1")),
    ],
)
def test_every_form_is_read_and_written_back(section: object, rule: BaselineRule) -> None:
    """To the same value."""
    found = model(section)
    assert found.baseline == rule
    assert MonitoredModel.from_document(found.to_document()) == found


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ({}, "baseline: found 'nothing', expected `fixed`"),
        ({"trailing": "7d", "version": "v1"}, "found 'trailing and version'"),
        ({"trailing": "soon"}, "baseline.trailing: found 'soon'"),
        ({"trailing": "105w"}, "at most 104w"),
        ({"trailing": "7d", "history": "8w"}, "baseline.history: found 'with trailing'"),
        ({"season": "moon"}, "baseline.season: found 'moon'"),
        ({"season": "hour_of_week", "zone": "Mars"}, "baseline.zone: found 'Mars'"),
        ("moving", "baseline: found 'moving', expected a mapping"),
    ],
)
def test_faults_have_their_place(section: object, fault: str) -> None:
    """With what was found and what is expected."""
    with pytest.raises(InvalidInput, match=fault):
        model(section)
