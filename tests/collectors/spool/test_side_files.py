"""Folders for what went wrong are bounded, and keep each thing once."""

from pathlib import Path

import pytest

from collectors.spool import side_files
from collectors.spool.side_files import Refused, keep_aside, quarantine_name, read_refused, refused_name, refused_parts


def test_the_same_thing_is_kept_once(tmp_path: Path) -> None:
    """The second time it is known."""
    folder = tmp_path / "quarantine"
    assert [keep_aside(folder, "a", (b"x", b"y")) for _ in range(2)] == ["kept", "known"]
    assert (folder / "a").read_bytes() == b"xy"


def test_bytes_beyond_the_bound_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty file says that there was something."""
    monkeypatch.setattr(side_files, "SIDE_BYTES_MAX", 10)
    assert [keep_aside(tmp_path / "q", name, (b"123456",)) for name in "ab"] == ["kept", "no_room"]
    assert (tmp_path / "q" / "b").read_bytes() == b""


def test_files_beyond_the_bound_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop does not fill the directory."""
    monkeypatch.setattr(side_files, "SIDE_FILES_MAX", 2)
    assert [keep_aside(tmp_path / "q", name, (b"1",)) for name in "abc"] == ["kept", "kept", "no_room"]


@pytest.mark.parametrize("line", [b"", b"[1]", b"{}", b'{"batch": "ab/x"}', b"[" * 100_000])
def test_a_refused_file_that_does_not_say_its_batch_is_damaged(tmp_path: Path, line: bytes) -> None:
    """It is listed as such rather than sent under a name that nobody gave it."""
    path = tmp_path / "x.refused"
    path.write_bytes(line + b"\nORB")
    assert read_refused(path) == Refused(path)


def test_names_tell_what_and_where() -> None:
    """The same bytes at the same place have the same name, others another."""
    assert quarantine_name("7", 32, b"x") == quarantine_name("7", 32, b"x") != quarantine_name("7", 32, b"y")
    assert refused_name("ab/12", "monitor") == "ab-00000000000000000012.monitor.refused"
    assert b"".join(refused_parts("ab/12", b"ORB", sink="monitor", status="http_400", detail="né", time_ns=5)) == (
        b'{"batch": "ab/12", "sink": "monitor", "status": "http_400", "detail": "n\\u00e9", "time_ns": 5}\nORB'
    )
