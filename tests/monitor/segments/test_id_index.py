"""The id index: bytes as documented, searched as a dictionary would be."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.segments import id_index


def test_the_bytes_are_those_of_the_page(tmp_path: Path) -> None:
    """Read with nothing but the format's description."""
    data = id_index.encode(["a", "b"], np.array([10, 20], np.int64))
    magic, version, n = struct.unpack_from("<4sIQ", data)
    assert (magic, version, n, len(data)) == (b"ORIX", 1, 2, 16 + 2 * 16)
    hashes = struct.unpack_from("<2Q", data, 16)
    times = struct.unpack_from("<2q", data, 32)
    known = {
        int.from_bytes(hashlib.blake2b(i, digest_size=8).digest(), "little"): t for i, t in ((b"a", 10), (b"b", 20))
    }
    assert list(hashes) == sorted(known)
    assert dict(zip(hashes, times, strict=True)) == known


@given(
    st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(0, 2**62)), max_size=30),
    st.lists(st.sampled_from("abcdefghijklm"), max_size=10),
)
def test_it_answers_as_a_dictionary_of_the_latest(
    tmp_path_factory: pytest.TempPathFactory, held: list[tuple[str, int]], wanted: list[str]
) -> None:
    """For any ids, held twice or not at all."""
    path = tmp_path_factory.getbasetemp() / "any.ids"
    path.write_bytes(id_index.encode([i for i, _ in held], np.array([t for _, t in held], np.int64)))
    latest: dict[str, int] = {}
    for name, time in held:
        latest[name] = max(time, latest.get(name, -1))
    assert id_index.find(path, id_index.hash_ids(wanted)).tolist() == [latest.get(name, -1) for name in wanted]


@pytest.mark.parametrize("data", [b"x", b"ORIX" + bytes(12) + b"x", b"NOPE" + bytes(12), b"ORIX\2" + bytes(11)])
def test_other_bytes_are_refused(tmp_path: Path, data: bytes) -> None:
    """Another magic, version or length."""
    path = tmp_path / "x.ids"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="id index"):
        id_index.find(path, id_index.hash_ids(["a"]))
