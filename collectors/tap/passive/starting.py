"""What the supervisor does for the passive tap: open the socket, which takes a privilege, and say how a watcher starts."""

import json
import os
import socket
import sys
from collections.abc import Sequence

from collectors.errors import StartFailed
from collectors.tap.passive.packet_ring import open_socket
from collectors.tap.segment import Segment
from collectors.tap.supervisor import Order

WATCHER = "watcher"
"""The process of the passive tap."""


def open_packets(ports: Sequence[int], ring_bytes: int, interface: str | None = None) -> socket.socket:
    """The socket that sees the ports' packets. Raises StartFailed."""
    here = [name for _, name in socket.if_nameindex()]
    if interface is not None and interface not in here:
        raise StartFailed("passive", f"there is no interface {interface!r} here, only {', '.join(here)}")
    try:
        return open_socket(ports, ring_bytes, interface)
    except PermissionError as error:
        raise StartFailed(
            "passive",
            "seeing packets takes the capability CAP_NET_RAW: AmbientCapabilities=CAP_NET_RAW in a systemd unit, "
            "cap_add: [NET_RAW] for a container, or root",
        ) from error
    except (OSError, AttributeError) as error:  # no AF_PACKET at all
        cause = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise StartFailed("passive", f"this system gives no ring of packets of {ring_bytes} bytes: {cause}") from error


def watcher_order(
    packets: socket.socket,
    ports: Sequence[int],
    ring_bytes: int,
    segment: Segment,
    wake: int,
    connection_copy_bytes: int,
) -> Order:
    """How to start a watcher on that socket."""

    def command(leash: int) -> list[str]:
        asked = {
            "segment": segment.descriptor,
            "wake": wake,
            "stop": leash,
            "packets": packets.fileno(),
            "ports": list(ports),
            "ring_bytes": ring_bytes,
            "connection_copy_bytes": connection_copy_bytes,
        }
        return [sys.executable, "-m", "collectors.tap.passive.watcher", json.dumps(asked)]

    return Order(WATCHER, command, [segment.descriptor, wake, packets.fileno()])
