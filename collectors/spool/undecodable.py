"""Exchanges that no decoder could read, kept as they came beside the journals: `undecodable/`, for a later release.

Only where the settings say so, because what cannot be read cannot be redacted. Bounded in files and bytes; what no longer
fits is counted as any other and not kept. Drawn in docs/formats/undecodable.md.
"""

from pathlib import Path
from typing import Self

import msgspec
import zstandard

from collectors.protocols.exchange import Arrivals, Exchange, Protocol
from collectors.spool.disk import DIRECTORY_MODE, FILE_MODE

UNDECODABLE = "undecodable"
SUFFIX = ".exchange"
MAGIC = b"ORX"
VERSION = 1

FOLDER_BYTES_MAX = 128 * 1024 * 1024
"""As of the other side folders: enough to see what is wrong, little beside the quota of the journals."""

FILES_MAX = 10_000
"""No loop, whatever its cause, fills a directory."""

INFLATED_BYTES_MAX = 128 * 1024 * 1024
"""Of one file: both of the largest bodies that an exchange may have, with room for the rest."""


_UNFINISHED = ".part"
"""Ends the name of a file that is being written; one found at the start was never finished."""


class NotAnExchange(ValueError):
    """A file that is none of ours; the message says what was expected."""


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange as it came, and why it could not be read. Its target has no query: credentials stand there."""

    reason: str
    where: str
    method: str
    target: str
    status: int
    protocol: Protocol
    start_ns: int
    end_ns: int
    request_headers: dict[str, str]
    response_headers: dict[str, str]
    trailers: dict[str, str]
    request_body: bytes
    response_body: bytes
    aborted: bool = False
    arrivals: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @classmethod
    def of(cls, exchange: Exchange, reason: str, where: str) -> Self:
        arrivals = exchange.arrivals
        return cls(
            reason=reason,
            where=where,
            method=exchange.method,
            target=exchange.target.partition("?")[0],
            status=exchange.status,
            protocol=exchange.protocol,
            start_ns=exchange.start_ns,
            end_ns=exchange.end_ns,
            request_headers=dict(exchange.request_headers),
            response_headers=dict(exchange.response_headers),
            trailers=dict(exchange.trailers),
            request_body=bytes(exchange.request_body),
            response_body=bytes(exchange.response_body),
            aborted=exchange.aborted,
            arrivals=(tuple(arrivals.counts), tuple(arrivals.times_ns)) if arrivals else None,
        )

    @property
    def exchange(self) -> Exchange:
        """As a decoder wants it."""
        arrivals = Arrivals(*self.arrivals) if self.arrivals else None
        return Exchange(
            method=self.method,
            target=self.target,
            request_headers=self.request_headers,
            response_headers=self.response_headers,
            request_body=self.request_body,
            response_body=self.response_body,
            status=self.status,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            wire_bytes=len(self.request_body) + len(self.response_body),
            arrivals=arrivals,
            aborted=self.aborted,
            protocol=self.protocol,
            trailers=self.trailers,
        )


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Unread)


def encode_unread(unread: Unread) -> bytes:
    return MAGIC + bytes([VERSION]) + zstandard.ZstdCompressor(level=1).compress(_ENCODER.encode(unread))


def decode_unread(data: bytes) -> Unread:
    """Raises NotAnExchange."""
    if data[:4] != MAGIC + bytes([VERSION]):
        raise NotAnExchange(f"bytes 0 to 4: found {data[:4].hex() or 'nothing'}, expected {MAGIC.hex()}{VERSION:02x}")
    try:
        if not 0 <= zstandard.frame_content_size(data[4:]) <= INFLATED_BYTES_MAX:
            raise NotAnExchange(f"byte 4: expected a frame of at most {INFLATED_BYTES_MAX} bytes")
        return _DECODER.decode(zstandard.ZstdDecompressor().decompress(data[4:], max_output_size=INFLATED_BYTES_MAX))
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAnExchange(f"byte 4: {error}") from error


class UndecodableFolder:
    """The folder of one spool, written by its capture worker."""

    def __init__(self, spool: Path) -> None:
        self._folder = spool / UNDECODABLE
        try:
            for unfinished in self._folder.glob("*" + _UNFINISHED):
                unfinished.unlink(missing_ok=True)
            sizes = [path.stat().st_size for path in unread_paths(spool)]
        except OSError:
            sizes = []
        self._files, self._bytes = len(sizes), sum(sizes)

    def keep(self, unread: Unread) -> bool:
        """Keep it; False where there is no room, or the disk refuses."""
        if self._files >= FILES_MAX:
            return False
        data = encode_unread(unread)
        if self._bytes + len(data) > FOLDER_BYTES_MAX:
            return False
        path = self._folder / f"{unread.start_ns:020}-{self._files:05}-{unread.reason}{SUFFIX}"
        part = path.with_suffix(_UNFINISHED)
        try:
            self._folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
            part.touch(FILE_MODE)
            part.write_bytes(data)
            part.rename(path)
        except OSError:
            return False
        self._files += 1
        self._bytes += len(data)
        return True


def unread_paths(spool: Path) -> list[Path]:
    """What is kept, oldest first. Raises OSError."""
    folder = spool / UNDECODABLE
    return sorted(folder.glob("*" + SUFFIX)) if folder.is_dir() else []
