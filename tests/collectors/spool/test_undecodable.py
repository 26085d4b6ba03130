"""Exchanges kept as they came: back as they were, bounded, and refused where they are none of ours."""

import pytest

from collectors.protocols.exchange import Arrivals
from collectors.spool import undecodable
from collectors.spool.undecodable import (
    NotAnExchange,
    UndecodableFolder,
    Unread,
    decode_unread,
    encode_unread,
    unread_paths,
)
from tests.collectors.decoders.exchanges import exchange

CAME = exchange("/v2/models/m/infer", b"{broken", b"\xff\0", arrivals=Arrivals([1, 2], [5, 6]), aborted=True)
UNREAD = Unread.of(CAME, "request_not_json", "request")


def test_an_exchange_comes_back_as_it_was() -> None:
    """Heads, bodies, times."""
    again = decode_unread(encode_unread(UNREAD))
    assert again == UNREAD
    assert (again.exchange.request_body, again.exchange.aborted) == (b"{broken", True)
    assert again.exchange.arrivals is not None and again.exchange.arrivals.time_ns(2) == 6


def test_a_query_is_not_kept() -> None:
    """API keys stand there, and no decoder asks for it."""
    asked = exchange("/v2/models/m/infer?api_key=SECRET", b"{broken", b"")
    assert Unread.of(asked, "request_not_json", "request").target == "/v2/models/m/infer"


def test_what_is_kept_is_listed_in_its_order(tmp_path) -> None:
    """Of several workers too: the next goes on behind the files that are there."""
    for _ in range(2):
        assert UndecodableFolder(tmp_path).keep(UNREAD)
    paths = unread_paths(tmp_path)
    assert [decode_unread(path.read_bytes()) for path in paths] == [UNREAD, UNREAD]
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)


def test_the_folder_is_bounded(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In files and in bytes."""
    monkeypatch.setattr(undecodable, "FILES_MAX", 2)
    folder = UndecodableFolder(tmp_path)
    assert [folder.keep(UNREAD) for _ in range(3)] == [True, True, False]
    monkeypatch.setattr(undecodable, "FILES_MAX", 9)
    monkeypatch.setattr(undecodable, "FOLDER_BYTES_MAX", 3 * len(encode_unread(UNREAD)) - 1)
    assert not UndecodableFolder(tmp_path).keep(UNREAD)


def test_what_a_crash_left_unfinished_goes(tmp_path) -> None:
    """It counts for nothing, and nobody reads it."""
    (tmp_path / undecodable.UNDECODABLE).mkdir()
    half = tmp_path / undecodable.UNDECODABLE / "1-2-x.part"
    half.write_bytes(b"half")
    UndecodableFolder(tmp_path)
    assert not half.exists()


@pytest.mark.parametrize("data", [b"", b"ORX\x02", b"ORX\x01", b"ORX\x01abc", encode_unread(UNREAD)[:-3]])
def test_other_bytes_are_refused(data: bytes) -> None:
    """With what was expected."""
    with pytest.raises(NotAnExchange, match=r"expected|byte 4"):
        decode_unread(data)
