"""Children are started again when they die, and end when told or when nobody holds their leash."""

import fcntl
import os
import signal
import sys
import time
from dataclasses import replace

import pytest

from collectors.errors import StartFailed
from collectors.tap.supervisor import WORD_BYTES_MAX, Child, Order, seconds_to_end

ENDS_WITH_ITS_LEASH = """
import os, sys, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
from collectors.tap.supervisor import hear
for _ in range(int(sys.argv[3])):
    os.write(int(sys.argv[2]), hear(0))
os.read(int(sys.argv[1]), 64)
"""


def child_of(words: int = 1) -> tuple[Child, list[bool], int]:
    changes: list[bool] = []
    reading, writing = os.pipe()
    order = Order(
        "test",
        lambda leash: [sys.executable, "-c", ENDS_WITH_ITS_LEASH, str(leash), str(writing), str(words)],
        [writing],
        word=b"hello",
    )
    return Child(order, starts=changes.append), changes, reading


def wait_until(condition, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not come true"
        time.sleep(0.005)


def test_a_child_gets_its_input_and_ends_with_its_leash():
    """In order, and without being killed."""
    child, changes, reading = child_of()
    child.start()
    assert os.read(reading, 5) == b"hello"
    began = time.monotonic()
    child.end(5)
    assert time.monotonic() - began < 4
    assert changes == [True, False]
    assert not child.running


def test_a_killed_child_is_started_again_within_a_second():
    """Whoever killed it."""
    child, changes, reading = child_of()
    child.start()
    os.read(reading, 5)
    assert child._process is not None
    os.kill(child._process.pid, signal.SIGKILL)
    began = time.monotonic()

    def looked_after() -> bool:
        child.look_after()
        return changes == [True, False, True]

    wait_until(looked_after)
    assert time.monotonic() - began < 1
    assert os.read(reading, 5) == b"hello"
    child.end(5)


def test_a_child_that_does_not_end_is_killed():
    """No child outlives the sidecar."""
    order = Order("test", lambda leash: [sys.executable, "-c", "import time; time.sleep(60)"], [])
    child = Child(order, starts=lambda running: None)
    child.start()
    child.end(0.1)
    assert not child.running


def test_a_leash_says_how_long_there_is():
    """And the default holds where the supervisor died without a word."""
    for told, expected in ((b"2.5", 2.5), (b"", 7.0)):
        reading, writing = os.pipe()
        os.write(writing, told)
        os.close(writing)
        assert seconds_to_end(reading, 7.0) == expected
        os.close(reading)


def test_a_child_is_told_something_new_while_it_runs():
    """And one that is started after it hears the new word at once."""
    child, changes, reading = child_of(words=2)
    child.start()
    assert os.read(reading, 5) == b"hello"
    child.tell(b"other" * 60_000)
    heard = bytearray()
    while len(heard) < 300_000:
        heard += os.read(reading, 1 << 16)
    assert heard == b"other" * 60_000
    assert child._process is not None
    os.kill(child._process.pid, signal.SIGKILL)

    def looked_after() -> bool:
        child.look_after()
        return changes == [True, False, True]

    wait_until(looked_after)
    assert os.read(reading, 5) == b"other"
    child.end(5)


def test_a_word_that_is_too_long_is_refused_and_changes_nothing():
    """Whoever says it is told; the child and its successors keep the word before."""
    child, _, reading = child_of()
    with pytest.raises(StartFailed, match=f"settings: {WORD_BYTES_MAX + 1} bytes"):
        child.tell(bytes(WORD_BYTES_MAX + 1))
    child.start()
    assert os.read(reading, 5) == b"hello"
    child.end(5)


def test_a_child_that_cannot_be_told_its_first_word_does_not_wait_for_ever(monkeypatch):
    """As where the system allows no pipe of that size: it is ended and tried again."""

    def refused(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(fcntl, "fcntl", refused)
    child, changes, _ = child_of()
    child._order = replace(child._order, word=bytes(WORD_BYTES_MAX))
    child.start()

    def ended() -> bool:
        child.look_after()
        return changes == [True, False]

    wait_until(ended)


def test_a_child_that_has_stopped_listening_is_started_again():
    """Nothing waits for it."""
    child, changes, _ = child_of(words=1)
    child.start()
    for _ in range(20):
        child.tell(bytes(200_000))

    def looked_after() -> bool:
        child.look_after()
        return changes[:3] == [True, False, True]

    wait_until(looked_after)
    child.end(5)
