"""Header blocks of one direction of an HTTP/2 connection, decompressed by hpack (RFC 7541): the headers worth knowing.

Every block must be read in order, whoever wants its headers, for each may change the table that later ones refer to.
Clients repeat themselves: a block that left the table as it was means the same when it comes again before the table
has changed, so what it meant is remembered.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import hpack

from collectors.protocols import grpc
from collectors.protocols.exchange import Protocol
from collectors.protocols.heads import HEAD_BYTES_MAX, KEPT_HEADERS, RequestHead, ResponseHead
from collectors.protocols.memory import Budget

TABLE_BYTES_MAX = 64 * 1024
"""Largest dynamic table an encoder may ask for; peers use 4 KiB, and whether they agreed on more is between them."""

REMEMBERED_MAX = 16
"""Blocks remembered: a client repeats one for each method it calls."""

_REMEMBERED_BYTES_MAX = 1024
"""Longest block remembered; those that repeat are a few bytes, for all their headers are in the table."""

_STATE_BYTES = 4096
"""About what a direction's table and remembered blocks weigh, charged when its first block comes."""


class MalformedBlock(ValueError):
    """A block that cannot be read; with it, the table is lost."""


class NoRoomForHeaders(Exception):
    """There is no memory for the table of another direction."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What a header block says; made once for a block that repeats."""

    request: RequestHead
    """As a request's; its method and target are empty where the block is none."""
    response: ResponseHead
    """As a response's; its status is 0 where the block is none."""
    protocol: Protocol


class HeaderBlocks:
    """Reads the blocks of one direction."""

    __slots__ = ("_budget", "_charged", "_decoder", "_remembered")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._charged = 0
        self._decoder = hpack.Decoder(max_header_list_size=HEAD_BYTES_MAX)
        self._decoder.max_allowed_table_size = TABLE_BYTES_MAX
        self._remembered: dict[bytes, Fields] = {}

    def read(self, block: bytes) -> Fields:
        """The fields of the next block. Raises MalformedBlock and NoRoomForHeaders."""
        known = self._remembered.get(block)
        if known is not None:
            return known
        table = self._decoder.header_table
        before = (table.dynamic_entries[0] if table.dynamic_entries else None, len(table.dynamic_entries))
        size_before = table.maxsize
        try:
            fields = _fields(self._decoder.decode(block, raw=True))
        except hpack.HPACKError as error:
            raise MalformedBlock(str(error)[:200]) from error
        after = (table.dynamic_entries[0] if table.dynamic_entries else None, len(table.dynamic_entries))
        if after[0] is not before[0] or after[1] != before[1] or table.maxsize != size_before:
            self._remembered.clear()
        elif len(block) <= _REMEMBERED_BYTES_MAX:
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[block] = fields
        self._charge(_STATE_BYTES + max(0, table.maxsize - _STATE_BYTES))
        return fields

    def forget(self) -> None:
        """Hold nothing more."""
        self._budget.release(self._charged)
        self._charged = 0
        self._remembered.clear()

    def _charge(self, weight: int) -> None:
        if weight > self._charged:
            if not self._budget.charge(weight - self._charged):
                raise NoRoomForHeaders
            self._charged = weight


def _fields(pairs: Iterable[tuple[bytes, bytes]]) -> Fields:
    method = target = status = ""
    headers: dict[str, str] = {}
    for name, value in pairs:
        key = KEPT_HEADERS.get(name)
        if key is not None:
            text = value.decode("latin-1").strip(" \t")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        elif name == b":path":
            target = value.decode("latin-1")
        elif name == b":method":
            method = value.decode("latin-1")
        elif name == b":status":
            status = value.decode("latin-1")
    number = int(status) if len(status) == 3 and status.isdecimal() and status.isascii() else 0
    return Fields(
        RequestHead(method, target, grpc.with_trace(headers), False),
        ResponseHead(number, headers),
        "grpc" if grpc.is_grpc(headers) else "http2",
    )
