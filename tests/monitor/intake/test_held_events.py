"""The note of what is held in memory: read once by the next process, whoever wrote it last and however it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.intake.held_events import MAGIC, HeldEventsFile
from monitor.ports import HeldEvents

HOLDING = """
import os, signal, sys
from pathlib import Path
from monitor.intake.held_events import HeldEventsFile

note = HeldEventsFile(Path(sys.argv[1]))
note.note(2, 100)
note.note(5, 200)
os.kill(os.getpid(), signal.SIGKILL)
"""


def left(path: Path) -> HeldEvents | None:
    note = HeldEventsFile(path)
    note.close()
    return note.left


def test_a_killed_process_leaves_what_it_held(tmp_path: Path) -> None:
    """With the span in which it came."""
    path = tmp_path / "held"
    done = subprocess.run(
        [sys.executable, "-c", HOLDING, path], check=False, timeout=120, cwd=Path(__file__).parents[3]
    )
    assert done.returncode == -signal.SIGKILL
    assert path.stat().st_size == 32 and os.access(path, os.R_OK)
    assert left(path) == HeldEvents(5, 100, 200)


def test_nothing_held_is_nothing_left(tmp_path: Path) -> None:
    """At first, and when everything has been kept."""
    path = tmp_path / "held"
    assert left(path) is None
    note = HeldEventsFile(path)
    note.note(3, 100)
    note.note(0, 200)
    note.note(0, 300)
    note.close()
    assert left(path) is None


def test_what_was_left_goes_with_the_next_word(tmp_path: Path) -> None:
    """So that it is told again only where nothing was said after it."""
    path = tmp_path / "held"
    note = HeldEventsFile(path)
    note.note(3, 100)
    note.close()
    again = HeldEventsFile(path)
    assert again.left == HeldEvents(3, 100, 100)
    again.note(0, 500)
    again.close()
    assert left(path) is None


@pytest.mark.parametrize(
    "content", [b"", b"x", b"ORHELD\x00\x02" + b"\1" * 24, MAGIC + b"\xff" * 24, MAGIC + b"\1" * 4]
)
def test_a_damaged_note_says_nothing(tmp_path: Path, content: bytes) -> None:
    """Another version, numbers that cannot be, a file of another length; it is written anew."""
    path = tmp_path / "held"
    path.write_bytes(content)
    note = HeldEventsFile(path)
    assert note.left is None
    note.note(1, 100)
    note.close()
    assert left(path) == HeldEvents(1, 100, 100)
