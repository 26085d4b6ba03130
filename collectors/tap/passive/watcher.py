"""The watcher process: packets of the kernel's ring in, the connections' bytes into the segment's ring.

It is in nobody's way: what it does not read in time the kernel drops, and counts. The socket is the supervisor's, so
packets wait there while a killed watcher is replaced; the successor knows no connection and meets them midway.
"""

import gc
import json
import os
import select
import socket
import sys
import time
from collections.abc import Sequence

from collectors.tap import segment as at
from collectors.tap.copier import Copied, Copier
from collectors.tap.passive.connections import Connections
from collectors.tap.passive.copying import Copying
from collectors.tap.passive.packet_ring import PacketRing
from collectors.tap.passive.packets import checksum_holds, read_packet
from collectors.tap.segment import Segment, Uncopied
from collectors.tap.supervisor import leave_signals_to_the_supervisor, seconds_to_end

TICK_SECONDS = 0.25
"""How often the loop looks beside the packets: at the clock, at the order to stop, at the kernel's count of drops."""
FINISH_SECONDS = 1.0
"""To end in when the supervisor died; otherwise it says how long."""
FINISH_SHARE = 0.2
"""Of that time: what waits in the kernel's ring is read."""
NICE = 4
"""After the inference server, and before the capture worker, which has the larger buffer."""


class Watcher:
    """Reads one packet ring until told to stop."""

    def __init__(
        self, segment: Segment, copier: Copier, ring: PacketRing, connections: Connections[Copied], *, stop: int
    ) -> None:
        self._words = segment.words
        self._copier = copier
        self._ring = ring
        self._connections = connections
        self._stop = stop
        self._looked_ns = segment.words[at.TAP_ALIVE_NS] or time.time_ns()
        self._unseen_since_ns: int | None = None

    def run(self, packets: int) -> None:
        """Watch until the stop descriptor is readable or at its end; `packets` is the socket's descriptor."""
        poll, stopping = select.poll(), select.poll()
        poll.register(packets, select.POLLIN)
        poll.register(self._stop, select.POLLIN)
        stopping.register(self._stop, select.POLLIN)
        while True:
            self._read(until=time.monotonic() + TICK_SECONDS)
            self._look()
            if stopping.poll(0):
                break
            if not self._ring.ready:
                self._ring.wait(poll, TICK_SECONDS)
        self._finish(poll)

    def _read(self, until: float) -> None:
        """The blocks that are ready, as far as the time goes."""
        ring, take = self._ring, self._connections.packet
        while ring.ready and time.monotonic() < until:
            for time_ns, packet, wire_bytes, vouched in ring.read():
                read = read_packet(packet, wire_bytes)
                if read is not None and (vouched or checksum_holds(packet, wire_bytes)):
                    take(read, time_ns)
            # Killed before the copy is published, this block is lost, and told by the successor; never is it read twice.
            self._words[at.PACKET_BLOCKS] = ring.done + 1
            self._copier.publish(time.time_ns())
            ring.give_back()

    def _look(self) -> None:
        """Everything that is due by the clock. While packets wait, nothing else is late."""
        now = time.time_ns()
        if not self._ring.ready:
            self._connections.tick(now)
        packets, drops = self._ring.statistics()
        self._words[at.PACKETS] += packets
        self._words[at.PACKETS_DROPPED] += drops
        if drops and self._unseen_since_ns is None:
            self._unseen_since_ns = self._looked_ns
        if self._unseen_since_ns is not None and self._copier.unseen(self._unseen_since_ns, now):
            self._unseen_since_ns = None
        self._looked_ns = now
        self._copier.publish(now)

    def _finish(self, poll: "select.poll") -> None:
        poll.unregister(self._stop)
        until = time.monotonic() + FINISH_SHARE * seconds_to_end(self._stop, FINISH_SECONDS)
        self._ring.wait(poll, 2 * TICK_SECONDS if not self._ring.ready else 0)  # the block being filled
        self._read(until)
        self._connections.close(time.time_ns())
        self._look()


def main(arguments: Sequence[str]) -> None:
    """Run a watcher as the supervisor asks for it: one JSON object that names descriptors and ports."""
    asked = json.loads(arguments[0])
    leave_signals_to_the_supervisor()
    os.nice(NICE)
    segment = Segment(asked["segment"])
    copier = Copier(segment, asked["wake"], asked["connection_copy_bytes"], killed=Uncopied.WATCHER_KILLED)
    packets = socket.socket(fileno=asked["packets"])
    ring = PacketRing(packets, asked["ring_bytes"], segment.words[at.PACKET_BLOCKS])
    connections = Connections(asked["ports"], Copying(copier))
    gc.freeze()
    Watcher(segment, copier, ring, connections, stop=asked["stop"]).run(packets.fileno())


if __name__ == "__main__":
    main(sys.argv[1:])
