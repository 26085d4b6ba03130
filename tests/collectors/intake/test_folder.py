"""Files that grow: whole lines, from where it was left."""

from pathlib import Path

import pytest

from collectors.intake import folder as folder_module
from collectors.intake.folder import Folder


def lines(folder: Folder, *, keep: bool = True, final: bool = False) -> list[bytes]:
    found: list[bytes] = []
    for chunk in folder.chunks(final=final):
        found += chunk.lines
        if keep:
            folder.keep(chunk)
    return found


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    return tmp_path / "in", tmp_path / "state.offsets"


def test_a_file_is_read_as_it_grows(place: tuple[Path, Path]) -> None:
    """Whole lines only, each once, over restarts."""
    directory, state = place
    file = directory / "deep" / "a.jsonl"
    file.write_bytes(b"1\n2\n3")
    assert lines(Folder(directory, state)) == [b"1", b"2"]
    with file.open("ab") as more:
        more.write(b"3\n4\n")
    assert lines(Folder(directory, state)) == [b"33", b"4"]
    assert lines(Folder(directory, state)) == []


def test_what_was_not_kept_comes_again(place: tuple[Path, Path]) -> None:
    """A crash before the spool had it."""
    directory, state = place
    (directory / "a.jsonl").write_bytes(b"1\n")
    assert lines(Folder(directory, state), keep=False) == [b"1"]
    assert lines(Folder(directory, state)) == [b"1"]


def test_the_last_line_counts_where_the_file_is_final(place: tuple[Path, Path]) -> None:
    """Without an end of line."""
    directory, state = place
    (directory / "a.jsonl").write_bytes(b"1\n2")
    assert lines(Folder(directory, state), final=True) == [b"1", b"2"]


def test_a_file_that_became_shorter_is_read_anew(place: tuple[Path, Path]) -> None:
    """It is another one under the same name."""
    directory, state = place
    file = directory / "a.jsonl"
    file.write_bytes(b"1\n2\n")
    lines(Folder(directory, state))
    file.write_bytes(b"9\n")
    assert lines(Folder(directory, state)) == [b"9"]


def test_long_lines_are_read_and_too_long_ones_left_out(
    place: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the bound of a line, whatever is read at once."""
    monkeypatch.setattr(folder_module, "CHUNK_BYTES", 4)
    monkeypatch.setattr(folder_module, "LINE_BYTES_MAX", 16)
    directory, state = place
    (directory / "a.jsonl").write_bytes(b"1234567890\n12\n")
    (directory / "b.jsonl").write_bytes(b"x" * 40 + b"\n7\n")
    folder = Folder(directory, state)
    assert lines(folder)[:2] == [b"1234567890", b"12"]
    assert sum(chunk.left_out for chunk in Folder(directory, state.with_suffix(".other")).chunks()) >= 1


def test_offsets_that_cannot_be_read_are_none(place: tuple[Path, Path]) -> None:
    """Lines come again rather than not at all."""
    directory, state = place
    (directory / "a.jsonl").write_bytes(b"1\n")
    state.write_bytes(b"nonsense")
    assert lines(Folder(directory, state)) == [b"1"]
