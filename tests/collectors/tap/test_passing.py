"""What the tap has passed is told in intervals, whatever the clock does."""

from __future__ import annotations

from collectors.tap import segment as at
from collectors.tap.passing import TELL_NS, Passing

NOW_NS = 1_700_000_000 * 10**9
HOUR_NS = 3600 * 10**9


def passing(bytes_passed: int) -> Passing:
    words = memoryview(bytearray(at.PAGE)).cast("Q")
    words[at.BYTES_TO_SERVER] = words[at.BYTES_COPIED] = bytes_passed
    return Passing(words, (), now_ns=NOW_NS)


def test_it_is_told_once_an_interval() -> None:
    """Not before, and with what passed since."""
    tap = passing(7)
    assert tap.since_told(NOW_NS + TELL_NS - 1) is None
    told = tap.since_told(NOW_NS + TELL_NS)
    assert told is not None
    assert (told.start_ns, told.end_ns, told.bytes, told.bytes_copied) == (NOW_NS, NOW_NS + TELL_NS, 7, 7)
    tap.is_told()
    assert tap.since_told(NOW_NS + 2 * TELL_NS) is None


def test_a_clock_that_is_set_back_does_not_silence_it() -> None:
    """Or the monitor would know nothing of the tap until the clock has come to where it was."""
    told = passing(7).since_told(NOW_NS - HOUR_NS)
    assert told is not None
    assert (told.start_ns, told.end_ns, told.bytes) == (NOW_NS - HOUR_NS, NOW_NS, 7)
