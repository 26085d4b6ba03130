"""Bytes of tile sets and baselines: what goes in comes out, and foreign bytes are refused in words."""

import contextlib
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.tiles.baseline import build_baseline
from monitor.tiles.encoding import (
    PLAIN_BYTES_MAX,
    VERSION,
    decode_baseline,
    decode_tileset,
    encode_baseline,
    encode_tileset,
)
from monitor.tiles.profile import profile
from monitor.tiles.tileset import DesignEffects, TileSet
from tests.monitor.tiles.samples import BINARY, mixed

BASELINE = build_baseline(mixed(np.random.default_rng(1), 600), BINARY, time_ordered=True)
TILES = profile(mixed(np.random.default_rng(2), 300), BASELINE.grids, BINARY)
DATA = encode_tileset(TILES)


def frame(document: object, magic: bytes = b"ORT") -> bytes:
    return magic + bytes([VERSION]) + zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(document))


def plain(data: bytes) -> list[object]:
    found: list[object] = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data[4:]))
    return found


def test_a_baseline_comes_back_whole() -> None:
    """With its grids, tiles, design effects and the opaque anomaly model."""
    given_ = replace(BASELINE, design_effects=DesignEffects((100, 200), (1.0, 1.5)), anomaly=b"model")
    data = encode_baseline(given_)
    found = decode_baseline(data)
    assert encode_baseline(found) == data
    assert (found.id, found.rows, found.design_effects, found.anomaly) == (
        BASELINE.id,
        600,
        given_.design_effects,
        b"model",
    )
    assert (found.time_ordered, found.start_ns, found.end_ns) == (True, 0, 599 * 10**9)
    assert found.grids.kinds == BASELINE.grids.kinds and found.grids.groups == BASELINE.grids.groups


def test_an_empty_tile_set_comes_back_empty() -> None:
    """A window without rows."""
    assert decode_tileset(encode_tileset(TileSet(0))) == TileSet(0)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "bytes 0 to 3"),
        (b"PAR1", "bytes 0 to 3"),
        (DATA[:3], "byte 3"),
        (DATA[:3] + b"\x63" + DATA[4:], "byte 3: found version 63"),
        (DATA[:4] + b"junk", "byte 4"),
        (DATA[:-5], "byte 4"),
        (encode_baseline(BASELINE), "bytes 0 to 3"),
        (frame({"rows": 1}), "tiles"),
        (frame([]), r"tiles\[0\]"),
        (frame([-1, {}, {}, {}, None, {}, None, None, None]), r"tiles\[0\]"),
        (frame([1, {"x": ["q", []]}, {}, {}, None, {}, None, None, None]), r"tiles\[1\].x\[0\]"),
        (frame([1, {"x": ["n", [b"123"]]}, {}, {}, None, {}, None, None, None]), r"tiles\[1\].x\[1\]\[0\]"),
        (frame([1, {}, {}, {}, ["b", [b"", b""]], {}, None, None, None]), r"tiles\[4\]\[1\]\[0\]"),
        (frame([1, {}, {}, {}, None, {"g": [["a"] * 65, b"", 0, 0]}, None, None, None]), r"tiles\[5\].g\[0\]"),
        (frame([*plain(DATA), "more"]), f"expected {len(plain(DATA))}"),
    ],
)
def test_foreign_bytes_are_refused_with_their_place(data: bytes, place: str) -> None:
    """A ValueError in words, whatever is wrong."""
    with pytest.raises(ValueError, match=place):
        decode_tileset(data)


def test_a_bomb_is_refused_before_it_inflates() -> None:
    """By the size its frame declares, or by the bound where it declares none."""
    bomb = zstandard.ZstdCompressor().compress(bytes(1))
    grown = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(PLAIN_BYTES_MAX // 64))
    for body in (bomb, grown):
        with pytest.raises(ValueError, match=r"byte 4|tiles"):
            decode_tileset(DATA[:4] + body)


def test_nesting_is_refused() -> None:
    """A thousand lists in one another."""
    deep: object = 1
    for _ in range(900):
        deep = [deep]
    with pytest.raises(ValueError, match="tiles"):
        decode_tileset(frame(deep))


def test_a_negative_count_is_refused() -> None:
    """It would merge into other windows."""
    document = plain(DATA)
    counts = np.full(len(TILES.features["x"].counts), -1, "<i8").tobytes()
    document[1]["x"][1][0] = counts  # type: ignore[index]
    with pytest.raises(ValueError, match="negative count"):
        decode_tileset(frame(document))


def test_not_a_number_is_refused() -> None:
    """Nothing becomes a quiet NaN."""
    document = plain(DATA)
    document[1]["x"][1][2] = float("nan")  # type: ignore[index]
    with pytest.raises(ValueError, match=r"tiles\[1\]\.x\[1\]\[2\]"):
        decode_tileset(frame(document))


def test_tiles_that_do_not_fit_their_grids_are_refused() -> None:
    """A window could not be laid beside them."""
    document = plain(encode_baseline(BASELINE))
    document[3][1]["x"] = document[3][1]["rooms"]  # type: ignore[index]
    with pytest.raises(ValueError, match=r"baseline\.tiles\.x"):
        decode_baseline(frame(document, b"ORS"))


def test_grids_out_of_order_are_refused() -> None:
    """Edges that do not ascend would count wrongly in silence."""
    document = plain(encode_baseline(BASELINE))
    edges = BASELINE.grids.features["x"].edges[::-1]  # type: ignore[union-attr]
    document[2][0]["x"][1][0] = edges.astype("<f8").tobytes()  # type: ignore[index]
    with pytest.raises(ValueError, match="ascending edges"):
        decode_baseline(frame(document, b"ORS"))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 4_000), st.binary(min_size=1, max_size=8))
def test_damaged_documents_never_raise_anything_else(position: int, patch: bytes) -> None:
    """The frame is sound, the MessagePack inside is not."""
    body = bytearray(msgspec.msgpack.encode(plain(DATA)))
    position %= len(body)
    body[position : position + len(patch)] = patch
    with contextlib.suppress(ValueError):
        decode_tileset(DATA[:4] + zstandard.ZstdCompressor().compress(bytes(body)))
