"""Names that foreign text cannot steer, and files that appear whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.segments.paths import PART_CHARS_MAX, inside, path_part, segment_path, write_whole


@given(st.text(max_size=300))
def test_a_part_is_one_plain_name(text: str) -> None:
    """Whatever the text: no separator, no dots alone, nothing hidden, bounded, ASCII."""
    part = path_part(text)
    assert 0 < len(part) <= PART_CHARS_MAX
    assert part.isascii()
    assert part.isprintable()
    assert not set(part) & set('/\\:*?"<>|[] ')
    assert not part.startswith(".")


@given(st.lists(st.text(max_size=200), unique=True, max_size=20))
def test_different_texts_have_different_parts(texts: list[str]) -> None:
    """Two versions never share a folder."""
    assert len({path_part(text) for text in texts}) == len(texts)


def test_long_texts_that_begin_alike_have_different_parts() -> None:
    """The end of the part is a digest of the whole."""
    assert path_part("/" * 500 + "a") != path_part("/" * 500 + "b")
    assert path_part("a" * 500) != path_part("a" * 501)


def test_a_lone_surrogate_is_encoded() -> None:
    """JSON can carry one."""
    assert path_part("\ud800") == "~%ED%A0%80"


@pytest.mark.parametrize("start_ns", [0, -1, 2**63 - 1, -(2**63)])
def test_every_time_has_a_day(start_ns: int) -> None:
    """Also those that only a broken clock tells."""
    assert len(segment_path("predictions", "m", "1", start_ns, ".parquet").split("/")) == 5


def test_a_path_stays_inside(tmp_path: Path) -> None:
    """Relative, without a way up."""
    assert inside(tmp_path, "a/b.parquet") == tmp_path / "a" / "b.parquet"
    for path in ("", "/etc/passwd", "../x", "a/../../x"):
        with pytest.raises(ValueError, match="not a path inside"):
            inside(tmp_path, path)


def test_a_file_that_fails_half_way_does_not_appear(tmp_path: Path) -> None:
    """Neither under its name nor under another."""

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_whole(tmp_path / "a" / "b", fail)
    assert list((tmp_path / "a").iterdir()) == []


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """A second writing takes the place of the first."""
    for content in (b"one", b"two"):
        write_whole(tmp_path / "b", lambda path, content=content: path.write_bytes(content) and None)  # type: ignore[misc]
    assert (tmp_path / "b").read_bytes() == b"two"
    assert [p.name for p in tmp_path.iterdir()] == ["b"]
