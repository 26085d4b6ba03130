"""The published vectors of HTTP/2 frames and HPACK, read by our reader and by a second one."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hpack
import pytest
from hyperframe.frame import SettingsFrame

from collectors.protocols.heads import KEPT_HEADERS
from collectors.protocols.http2_frames import FrameReader, Kind, MalformedFrames
from collectors.protocols.http2_headers import HeaderBlocks
from collectors.protocols.memory import Budget

pytestmark = pytest.mark.data

BEYOND_AN_OBSERVER = {"data-frame-size.json", "window_update-frame-increment.json"}
"""Faults in what the peers agreed on or in flow control: the receiver's business, and harmless to whoever looks on."""


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> dict[str, Any]:
    found = {}
    for name in ("http2_frames", "hpack_stories"):
        with tarfile.open(shared_data / "http2_vectors" / f"{name}.tar.gz") as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None:
                    found[member.name.removeprefix("./")] = json.loads(content.read())
    return found


def reader(continues: int | None = None) -> FrameReader:
    """Of a connection that has begun; with a header block to be continued, where that is what comes."""
    begun = FrameReader(Budget())
    assert list(begun.feed(SettingsFrame(0).serialize())) == []
    if continues is not None:
        head = b"\x00\x00\x00\x01\x00" + continues.to_bytes(4, "big")
        assert list(begun.feed(head)) == []
    return begun


def test_sound_frames_are_read(vectors: dict[str, Any]) -> None:
    """With what they carry, without their padding, in any pieces."""
    sound = {name: each for name, each in vectors.items() if "frame" in each and not each["error"]}
    assert len(sound) == 12
    for vector in sound.values():
        wire, frame = bytes.fromhex(vector["wire"]), vector["frame"]
        kind = frame["type"]
        for size in (1, 5, 1000):
            begun = reader(frame["stream_identifier"] if kind == Kind.CONTINUATION else None)
            events = [event for at in range(0, len(wire), size) for event in begun.feed(wire[at : at + size])]
            said = b"".join(payload for _, _, payload, _ in events).decode()
            payload = frame["frame_payload"]
            expected = payload.get("data", payload.get("header_block_fragment", "")) if is_whole(frame) else ""
            assert said == expected, vector["description"]


def is_whole(frame: dict[str, Any]) -> bool:
    """Whether a frame that carries something carries all of it."""
    blocks = (Kind.HEADERS, Kind.PUSH_PROMISE, Kind.CONTINUATION)
    return frame["type"] == Kind.DATA or (frame["type"] in blocks and bool(frame["flags"] & 4))


def test_faulty_frames_are_refused(vectors: dict[str, Any]) -> None:
    """All that break the form of HTTP/2."""
    faulty = {name.partition("/")[2]: each for name, each in vectors.items() if name.startswith("error/")}
    assert len(faulty) == 22
    accepted = set()
    for name, vector in faulty.items():
        try:
            list(reader().feed(bytes.fromhex(vector["wire"])))
            accepted.add(name)
        except MalformedFrames:
            pass
    assert accepted == BEYOND_AN_OBSERVER


def blocks(vectors: dict[str, Any]) -> Iterator[list[tuple[bytes, dict[str, str]]]]:
    """Stories of header blocks on one connection, with the headers they mean."""
    for name, story in vectors.items():
        if name.startswith("nghttp2/"):
            plain = vectors[name.replace("nghttp2/", "raw-data/")]["cases"]
            yield [
                (bytes.fromhex(case["wire"]), dict(pair for each in meant["headers"] for pair in each.items()))
                for case, meant in zip(story["cases"], plain, strict=True)
            ]


def test_header_blocks_are_read(vectors: dict[str, Any]) -> None:
    """Ten connections whose tables grow and turn over."""
    read = 0
    for story in blocks(vectors):
        ours = HeaderBlocks(Budget())
        for wire, meant in story:
            fields = ours.read(wire)
            assert (fields.request.method, fields.request.target) == (meant[":method"], meant[":path"])
            kept = {name: meant[name] for name in meant if name.encode() in KEPT_HEADERS}
            assert fields.response.headers == kept
            read += 1
    assert read > 30


def test_remembered_blocks_mean_what_a_fresh_reader_says(vectors: dict[str, Any]) -> None:
    """Every block said three times over, against a decoder that remembers nothing but its table."""
    for story in blocks(vectors):
        encoder, fresh, ours = hpack.Encoder(), hpack.Decoder(), HeaderBlocks(Budget())
        for _, meant in story * 3:
            wire = encoder.encode(list(meant.items()))
            plain = dict(fresh.decode(wire))
            assert ours.read(wire).request.target == plain[":path"] == meant[":path"]
