"""Real captures through the watcher's own reader: the same exchanges as an independent reader finds, and no wrong byte."""

import tarfile
from pathlib import Path

import pytest

from collectors.protocols import Direction
from collectors.tap.passive.connections import Connections
from collectors.tap.passive.packets import read_packet, receiver_port, sender_port
from tests.collectors.conversation import Watched
from tests.collectors.protocols.pcap import packets, segments
from tests.collectors.protocols.test_pcaps import WHOLE_EXCHANGES
from tests.collectors.tap.passive.wire import Heard

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def captures(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pcaps")
    with tarfile.open(shared_data / "http_pcaps" / "zeek_http_pcaps.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def hear(capture: Path) -> Heard:
    """All connections of a capture; a port is watched to which somebody sent first."""
    read = [(found, read_packet(memoryview(found), wire)) for found, wire in packets(capture)]
    clients: dict[frozenset[int], int] = {}
    for _, packet in read:
        if packet is not None:
            ends = frozenset((sender_port(packet.way), receiver_port(packet.way)))
            clients.setdefault(ends, receiver_port(packet.way))
    heard = Heard()
    connections = Connections(frozenset(clients.values()), heard)
    for time_ns, (_, packet) in enumerate(read, 1):
        if packet is not None:
            connections.packet(packet, time_ns)
    connections.close(len(read) + 1)
    return heard


def exchanges_of(heard: Heard) -> list[Watched]:
    found = []
    for events in heard.connections:
        one = Watched([], closes=False)
        for event in events:
            if isinstance(event, str):
                continue
            direction, fact = Direction(event[0]), event[1]
            one.lose(direction, fact) if isinstance(fact, int) else one.say([(direction, fact)])
        found.append(one.close())
    return found


def test_no_capture_breaks_it(captures: Path) -> None:
    """Every piece that is told was in a packet of its direction, and what was told is let go of."""
    for path in sorted(captures.glob("*.pcap*")):
        payloads = b"\0".join(segment.payload for segment in segments(path))
        heard = hear(path)
        for events in heard.connections:
            for event in events:
                if not isinstance(event, str) and isinstance(event[1], bytes):
                    assert event[1] in payloads, path.name
        assert all(one.budget.held == 0 for one in exchanges_of(heard)), path.name


@pytest.mark.parametrize("name", WHOLE_EXCHANGES)
def test_exchanges_of_a_capture_are_paired(captures: Path, name: str) -> None:
    """As many as the capture holds whole."""
    exchanges = [exchange for one in exchanges_of(hear(captures / name)) for exchange in one.exchanges]
    assert sum(exchange.damage is None for exchange in exchanges) == WHOLE_EXCHANGES[name]
