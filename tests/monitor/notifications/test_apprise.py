"""Apprise, as far as it is ours."""

from __future__ import annotations

import pytest

from monitor.definitions import Receiver
from monitor.errors import InvalidInput
from monitor.notifications.apprise import AppriseNotifier, apprise_text
from monitor.notifications.message import Message
from tests.results import START, transition

# Apprise imports a module of the standard library that Python 3.13 no longer has, and copes without it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def test_a_url_it_does_not_know_is_bad_input_and_not_shown() -> None:
    """The URL of a chat room is a secret."""
    with pytest.raises(InvalidInput) as caught:
        AppriseNotifier().send(
            Receiver("apprise", "nosuch://token"), transition(), idempotency_key="k", link="http://m", now_ns=START
        )
    assert "token" not in str(caught.value)


def test_the_text_ends_with_the_link() -> None:
    """However long the rest is."""
    message = Message.of_transition(transition(summary="s" * 5_000, reason="r"), "http://m/1")
    assert apprise_text(message).endswith("\nhttp://m/1")
