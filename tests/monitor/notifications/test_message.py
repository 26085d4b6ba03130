"""Words shared by all notifications."""

from __future__ import annotations

from monitor.findings import ALERT_NAMES, SEVERITIES, AlertKind, AlertStatus
from monitor.notifications.message import Message
from tests.results import transition


def test_every_kind_has_its_name_and_severity() -> None:
    """A new kind of alert cannot be forgotten."""
    assert set(ALERT_NAMES) == set(SEVERITIES) == set(AlertKind)


def test_labels_do_not_move_while_an_alert_lives() -> None:
    """Value, window, features and state inform; they are not part of the identity."""
    first = Message.of_transition(transition(), "http://a").labels()
    later = transition(AlertStatus.RESOLVED, index=9, value=0.1, features=(), summary="over")
    assert Message.of_transition(later, "http://b").labels() == first


def test_a_model_without_versions_has_no_version_label() -> None:
    """Alertmanager drops empty labels; so do we, that both agree."""
    assert "model_version" not in Message.of_transition(transition(version=None), "l").labels()


def test_an_escalation_is_in_the_title() -> None:
    """An open alert that speaks again says why."""
    title = Message.of_transition(transition(escalated=True), "l").title
    assert title == "[FIRING (twice as bad)] drift of income 1"
