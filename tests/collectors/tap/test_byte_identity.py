"""Whatever passes, and whatever becomes of its copy: each side receives exactly what the other sent."""

import json
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from collectors.decoders.identity import DEFAULT_IDS
from collectors.pipeline import Pipeline
from collectors.protocols import Direction
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from collectors.spool import Spool
from collectors.tap import segment as at
from collectors.tap.segment import UNCOPIED, Segment
from collectors.tap.worker import CaptureWorker
from tests.collectors.protocols.pcap import conversations
from tests.collectors.tap.conftest import SECONDS, Tap
from tests.fuzz.corpus import read_corpus
from tests.fuzz.harnesses import HARNESSES
from tests.fuzz.mutator import mutated
from tests.fuzz.seeds import CUT, FROM_CLIENT, FROM_SERVER

Said = tuple[bytes, bytes]
"""What the client sends and what the server sends."""

FUZZED = 150
"""Streams of each harness; a connection each takes about a millisecond."""


def fuzzed() -> Iterator[Said]:
    for name in ("http1", "http2", "pipeline"):
        corpus = [*HARNESSES[name].seeds, *read_corpus(name)]
        for data in mutated(f"identity {name}", corpus, FUZZED):
            pieces = [(each[0] % 5, each[1:]) for each in data.split(CUT) if each]
            sides = [b"".join(piece for kind, piece in pieces if kind == side) for side in (FROM_CLIENT, FROM_SERVER)]
            yield sides[0], sides[1]


def captured(shared_data: Path, folder: Path) -> Iterator[Said]:
    with tarfile.open(shared_data / "http_pcaps" / "zeek_http_pcaps.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or not any(end in path.name for end in (".pcap", ".trace")):
            continue
        for facts in conversations(path):
            passed = [(way, data) for way, data in facts if isinstance(data, bytes)]
            sides = [b"".join(data for way, data in passed if way is side) for side in Direction]
            yield sides[0], sides[1]


def vectors(shared_data: Path) -> Iterator[Said]:
    for name in ("http2_frames", "hpack_stories"):
        with tarfile.open(shared_data / "http2_vectors" / f"{name}.tar.gz") as archive:
            for member in archive:
                content = archive.extractfile(member)
                found = json.loads(content.read()) if content is not None else {}
                wires = (
                    [found["wire"]] if "wire" in found else [case.get("wire", "") for case in found.get("cases", ())]
                )
                whole = bytes.fromhex("".join(wires))
                yield whole, whole[::-1]


class Peers:
    """Says what is to be said over a tap, and compares."""

    def __init__(self, tap: Callable[..., Tap]) -> None:
        self.said: Said = b"", b""
        self.heard = b""
        self.ended = threading.Event()
        self.tap = tap(self.serve)

    def serve(self, connection: socket.socket) -> None:
        sender = threading.Thread(target=say, args=(connection, self.said[1]))
        sender.start()
        self.heard = hear(connection)
        sender.join(SECONDS)
        self.ended.set()

    def passes(self, said: Said) -> None:
        self.said, self.heard = said, b""
        self.ended.clear()
        with self.tap.connect() as client:
            sender = threading.Thread(target=say, args=(client, said[0]))
            sender.start()
            told = hear(client)
            sender.join(SECONDS)
        assert self.ended.wait(SECONDS)
        assert (self.heard, told) == said


def say(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def hear(sock: socket.socket) -> bytes:
    heard = bytearray()
    while part := sock.recv(1 << 20):
        heard += part
    return bytes(heard)


@contextmanager
def capture(state: str, segment: Segment, wake: int, folder: Path) -> Iterator[None]:
    """A capture worker beside the forwarder: at work, absent, stalled, or dying again and again in the midst of it."""
    segment.words[at.WORKER_UP] = int(state != "off")
    stop = threading.Event()

    def work() -> None:
        spool = Spool.open(folder, free_space_floor_bytes=0)
        with spool:
            while not stop.is_set():
                pipeline = Pipeline(spool.sidecar, RedactionPolicy(), SamplingPolicy(), DEFAULT_IDS)
                worker = CaptureWorker(segment, wake, pipeline, spool, observe_sink=lambda status: None)
                while not stop.is_set():
                    worker._turn()
                    worker._flush()
                    stop.wait(0.002)
                    if state == "crashing":
                        with suppress(StopIteration):
                            next(iter(worker._ring.read(1)))  # read, and not given back
                        break

    thread = threading.Thread(target=work)
    if state in ("on", "crashing"):
        thread.start()
    yield
    stop.set()
    if thread.ident is not None:
        thread.join(SECONDS)
        assert not thread.is_alive()


@pytest.mark.parametrize("state", ["on", "off", "stalled", "crashing"])
@pytest.mark.data
def test_every_stream_passes_unchanged(tap: Callable[..., Tap], state: str, tmp_path: Path, shared_data: Path) -> None:
    """Recorded traffic, the vectors of HTTP/2, and streams with faults."""
    peers = Peers(tap)
    passed = 0
    with capture(state, peers.tap.segment, peers.tap.wake, tmp_path / "spool"):
        for streams in (captured(shared_data, tmp_path / "pcaps"), vectors(shared_data), fuzzed()):
            for said in streams:
                peers.passes(said)
                passed += len(said[0]) + len(said[1])
    peers.tap.stop()
    words = peers.tap.segment.words
    assert words[at.BYTES_TO_SERVER] + words[at.BYTES_TO_CLIENT] == passed
    assert words[at.BYTES_COPIED] + sum(words[at.BYTES_UNCOPIED + i] for i in range(len(UNCOPIED))) == passed
    assert passed > 1_000_000
