"""Windows wait for rows of the past that come in many batches, as long as their sender is heard of."""

from __future__ import annotations

import pytest

from monitor.errors import InvalidInput
from monitor.jobs.awaited import AWAITED_NS_MAX, SENDERS_MAX, SILENT_NS_MAX, Awaited

SECOND = 10**9


def test_windows_wait_until_the_sender_says_that_all_has_come() -> None:
    """Those of its model and version, and no others."""
    awaited = Awaited()
    awaited.expect("a", "m", "1", 0)
    assert awaited.holds("m", "1", SECOND)
    assert not awaited.holds("m", "2", SECOND) and not awaited.holds("other", "1", SECOND)
    awaited.done("a")
    awaited.done("never heard of")
    assert not awaited.holds("m", "1", SECOND)


def test_two_senders_of_one_version_are_both_waited_for() -> None:
    """The end of one is not the end of the other."""
    awaited = Awaited()
    awaited.expect("a", "m", "1", 0)
    awaited.expect("b", "m", "1", 0)
    awaited.done("a")
    assert awaited.holds("m", "1", SECOND)


def test_a_sender_that_falls_silent_is_forgotten() -> None:
    """Each renewal counts; then windows close with what is there."""
    awaited = Awaited()
    awaited.expect("a", "m", "1", 0)
    awaited.expect("a", "m", "1", SILENT_NS_MAX - 1)
    assert awaited.holds("m", "1", 2 * SILENT_NS_MAX - 2)
    assert not awaited.holds("m", "1", 2 * SILENT_NS_MAX - 1)


def test_nobody_is_waited_for_longer_than_an_hour() -> None:
    """A sender that goes on is told so, and what it brings later is late."""
    awaited = Awaited()
    now_ns = 0
    while now_ns <= AWAITED_NS_MAX - SILENT_NS_MAX:
        awaited.expect("a", "m", "1", now_ns)
        now_ns += SILENT_NS_MAX - 1
    with pytest.raises(InvalidInput, match="awaited for an hour"):
        awaited.expect("a", "m", "1", AWAITED_NS_MAX - SECOND)
    assert not awaited.holds("m", "1", AWAITED_NS_MAX)


def test_senders_are_few_and_have_names() -> None:
    """Foreign names are bounded in length and number."""
    awaited = Awaited()
    for number in range(SENDERS_MAX):
        awaited.expect(str(number), "m", "1", 0)
    with pytest.raises(InvalidInput, match="senders at once"):
        awaited.expect("one more", "m", "1", 0)
    awaited.expect("one more", "m", "1", SILENT_NS_MAX)
    with pytest.raises(InvalidInput, match="128 characters"):
        awaited.expect("x" * 129, "m", "1", SILENT_NS_MAX)
