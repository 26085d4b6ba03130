"""What a start asks of the machine, and what it says where that cannot be had."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from monitor.errors import InvalidInput
from monitor.starting import listening_sockets, writable_directory


def test_a_port_in_use_says_what_to_do() -> None:
    """Before the catalog is touched; nothing stays bound."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InvalidInput) as caught:
        listening_sockets("127.0.0.1", taken.getsockname()[1])
    (fault,) = caught.value.faults
    assert fault.where == "listen" and "already in use" in fault.found and "--listen HOST:PORT" in fault.expected


def test_a_free_port_is_bound_and_may_be_listened_on() -> None:
    """One socket for each address of the host."""
    (bound,) = listening_sockets("127.0.0.1", 0)
    with bound:
        bound.listen()
        assert bound.getsockname()[1] > 0


@pytest.mark.parametrize(
    ("host", "expected"), [("203.0.113.9", "an address of this machine"), ("no such host", "a name that has one")]
)
def test_an_address_of_nobody_here_says_what_to_do(host: str, expected: str) -> None:
    """A name that does not resolve, and an address of another machine."""
    with pytest.raises(InvalidInput) as caught:
        listening_sockets(host, 8090)
    assert expected in caught.value.faults[0].expected


def test_a_data_directory_is_made(tmp_path: Path) -> None:
    """With those above it; a second start finds it."""
    writable_directory(tmp_path / "a" / "b")
    writable_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_file_in_its_place_says_what_to_do(tmp_path: Path) -> None:
    """And which path it is."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput) as caught:
        writable_directory(tmp_path / "file")
    (fault,) = caught.value.faults
    assert str(tmp_path / "file") in fault.found and "--data DIR" in fault.expected


def test_a_directory_that_may_not_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for a user who is not its owner."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InvalidInput, match="may not write"):
        writable_directory(tmp_path)
