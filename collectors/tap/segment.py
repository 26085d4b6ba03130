"""The shared memory of the sidecar's processes: words of 64 bits, two status slots, the ring's bytes.

    offset 0        512 words; each has one writer, named below
    offset 4096     two slots of STATUS_BYTES_MAX for the worker's status, used in turn
    offset RING_AT  the ring

A word is written and read with one aligned machine store or load, so no reader sees half of one; related words may
be one step apart, which the arithmetic on them allows for. The segment is anonymous (memfd): it goes when the last of
the processes goes, and needs no name, no cleaning up and no permissions.
"""

import mmap
import os
from enum import StrEnum

PAGE = 4096
STATUS_BYTES_MAX = 60 * 1024
"""A worker's status is a few kilobytes; the bound leaves room for a hundred times as many reasons as there are."""
RING_AT = 32 * PAGE
RING_BYTES_MIN = 4 * 1024 * 1024
"""A ring must hold the control reserve and a few of the largest receives."""

# Written by the forwarder, or by the watcher of a passive sidecar.
HEAD = 0
NEXT_CONNECTION = 1
CONNECTIONS = 2
CONNECTIONS_COPIED = 3
CONNECTIONS_REFUSED = 4
BYTES_TO_SERVER = 5
BYTES_TO_CLIENT = 6
BYTES_COPIED = 7
TAP_ALIVE_NS = 8
BASE = 9
CONNECTIONS_MIDWAY = 10
PACKETS = 11
PACKETS_DROPPED = 12
PACKET_BLOCKS = 13
BYTES_UNCOPIED = 16
CONNECTIONS_UNCOPIED = 32
TLS_RELOADS = 49
TLS_RELOADS_FAILED = 50
TLS_REFUSED = 52
# Written by the capture worker; on another cache line than those.
TAIL = 64
WORKER_SLEEPS = 65
WORKER_ALIVE_NS = 66
STATUS_TURN = 67
IN_FLIGHT_SINCE_NS = 68
IN_FLIGHT_CONNECTIONS = 69
IN_FLIGHT_BYTES = 70
IN_FLIGHT_EXCHANGES = 71
STARTS_AT_TAIL = 72
IN_FLIGHT_UNSPOOLED = 73
SPOOLING_AS = 74
SPOOLING_TURN = 75
# Written by the supervisor.
WORKER_UP = 128
WORKER_RESTARTS = 129
TAP_RESTARTS = 130


class Uncopied(StrEnum):
    """Why bytes that passed were not copied. The order is that of the words."""

    QUEUE_FULL = "queue_full"
    CONNECTION_BUDGET = "connection_budget"
    WORKER_DOWN = "worker_down"
    FORWARDER_KILLED = "forwarder_killed"
    WATCHER_KILLED = "watcher_killed"
    PACKETS_MISSED = "packets_missed"
    PACKETS_TRUNCATED = "packets_truncated"
    CONNECTIONS_MAX = "connections_max"
    TLS = "tls"


UNCOPIED = tuple(Uncopied)
"""The reasons by their position in the words."""


class TlsRefusal(StrEnum):
    """Why a connection to a listener with a certificate ended before its first plain byte. The order is that of the words."""

    NO_HELLO = "no_hello"
    CLIENT_HANDSHAKE = "client_handshake"
    SERVER_HANDSHAKE = "server_handshake"
    DEADLINE = "deadline"
    GREETINGS_MAX = "greetings_max"


TLS_REFUSALS = tuple(TlsRefusal)


class Segment:
    """A mapping of the shared memory; every process of the sidecar has its own on the same pages."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._map = mmap.mmap(descriptor, 0)
        self._view = memoryview(self._map)
        self.words = self._view[:PAGE].cast("Q")
        self.ring = self._view[RING_AT:]

    @classmethod
    def create(cls, ring_bytes: int) -> "Segment":
        """A new segment with an empty ring; the descriptor can be handed to children."""
        if ring_bytes < RING_BYTES_MIN or ring_bytes % PAGE:
            raise ValueError(f"ring of {ring_bytes} bytes, expected at least {RING_BYTES_MIN} in whole pages of {PAGE}")
        descriptor = os.memfd_create("outrider-tap")
        os.ftruncate(descriptor, RING_AT + ring_bytes)
        return cls(descriptor)

    def write_status(self, status: bytes) -> None:
        """Put the worker's status into the slot that nobody reads, then make it the current one."""
        self.words[STATUS_TURN] = self._put_status(status)

    def prepare_status(self, status: bytes, spooled_as: int) -> None:
        """Put there what will be so once the spool has a batch of this number, or of a higher one."""
        self.words[SPOOLING_TURN] = self._put_status(status)
        self.words[SPOOLING_AS] = spooled_as

    def settle_status(self, last_spooled: int) -> bool:
        """Make what was prepared the current one if the spool has it, and forget it otherwise; whether the spool has it.

        Whoever dies on the way leaves the same to a successor.
        """
        has = 0 < self.words[SPOOLING_AS] <= last_spooled
        if has:
            self.words[STATUS_TURN] = self.words[SPOOLING_TURN]
        self.words[SPOOLING_AS] = 0
        return has

    def _put_status(self, status: bytes) -> int:
        """Into the slot that nobody reads; returns its turn."""
        if len(status) > STATUS_BYTES_MAX:
            raise ValueError(f"status of {len(status)} bytes, expected at most {STATUS_BYTES_MAX}")
        turn = self.words[STATUS_TURN] + 1
        at = PAGE + (turn & 1) * (STATUS_BYTES_MAX + 8)
        self._view[at : at + 8] = len(status).to_bytes(8, "little")
        self._view[at + 8 : at + 8 + len(status)] = status
        return turn

    def read_status(self) -> bytes:
        """The worker's latest status; empty before the first."""
        while True:
            before = self.words[STATUS_TURN]
            at = PAGE + (before & 1) * (STATUS_BYTES_MAX + 8)
            length = int.from_bytes(self._view[at : at + 8], "little")
            status = bytes(self._view[at + 8 : at + 8 + min(length, STATUS_BYTES_MAX)])
            if self.words[STATUS_TURN] == before:  # a writer that went round twice meanwhile would have moved it
                return status

    def close(self) -> None:
        self.ring.release()
        self.words.release()
        self._view.release()
        self._map.close()
        os.close(self.descriptor)
