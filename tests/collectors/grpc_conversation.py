"""A small language for HTTP/2 and gRPC: frames by hyperframe, header blocks by hpack, messages from generated code.

All three are second sources: the sidecar reads with its own code, but for hpack's decoder.
"""

import struct
import zlib
from collections.abc import Sequence

import hpack
from hyperframe.frame import DataFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame

from tests.collectors.conversation import Step, client, server

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
UNARY = "/inference.GRPCInferenceService/ModelInfer"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"

Headers = Sequence[tuple[str, str]]
GRPC_ANSWER: Headers = [(":status", "200"), ("content-type", "application/grpc")]
OK: Headers = [("grpc-status", "0")]


def message(payload: bytes, compression: str = "") -> bytes:
    """A gRPC message with its prefix."""
    if compression:
        window = {"gzip": 31, "deflate": 15}[compression]
        compressor = zlib.compressobj(wbits=window)
        payload = compressor.compress(payload) + compressor.flush()
    return struct.pack(">BI", bool(compression), len(payload)) + payload


class Peers:
    """Both ends of one HTTP/2 connection, each with the table of its own encoder."""

    def __init__(self) -> None:
        self.encoders = (hpack.Encoder(), hpack.Encoder())
        self.stream = -1

    def hello(self) -> list[Step]:
        """Preface and settings of both."""
        settings = SettingsFrame(0, settings={SettingsFrame.MAX_CONCURRENT_STREAMS: 100}).serialize()
        ack = SettingsFrame(0, flags=["ACK"]).serialize()
        return [client(PREFACE + settings), server(settings + ack), client(ack)]

    def block(self, direction: int, headers: Headers) -> bytes:
        return self.encoders[direction].encode(headers)

    def request(
        self, target: str, body: bytes | None = b"", *, ends: bool = True, method: str = "POST", **headers: str
    ) -> Step:
        """A request on the next stream; underscores in header names stand for hyphens."""
        self.stream += 2
        pseudo = [(":method", method), (":scheme", "http"), (":path", target), (":authority", "x")]
        fields = [*pseudo, *((name.replace("_", "-"), text) for name, text in headers.items())]
        frames = self.headers(0, self.stream, fields, ends=ends and body is None)
        if body is not None:
            frames += self.data(self.stream, body, ends=ends)
        return client(frames)

    def call(self, target: str, *messages: bytes, ends: bool = True, **headers: str) -> Step:
        """A gRPC call with these messages."""
        body = b"".join(messages)
        return self.request(
            target, body if messages else None, ends=ends, te="trailers", content_type="application/grpc", **headers
        )

    def headers(self, direction: int, stream: int, headers: Headers, *, ends: bool = False) -> bytes:
        flags = ["END_HEADERS", *(["END_STREAM"] if ends else [])]
        return HeadersFrame(stream, self.block(direction, headers), flags=flags).serialize()

    def data(self, stream: int, body: bytes, *, ends: bool = False, frame_bytes: int = 16_384) -> bytes:
        pieces = [body[at : at + frame_bytes] for at in range(0, len(body), frame_bytes)] or [b""]
        flags = [[]] * (len(pieces) - 1) + [["END_STREAM"] if ends else []]
        return b"".join(DataFrame(stream, each, flags=f).serialize() for each, f in zip(pieces, flags, strict=True))

    def more(self, *messages: bytes, stream: int | None = None, ends: bool = False) -> Step:
        """More messages of the client on a stream."""
        return client(self.data(stream or self.stream, b"".join(messages), ends=ends))

    def response(
        self, body: bytes = b"", *, stream: int | None = None, headers: Headers = ((":status", "200"),)
    ) -> Step:
        """A response without trailers."""
        number = stream or self.stream
        return server(self.headers(1, number, headers) + self.data(number, body, ends=True))

    def says(self, *messages: bytes, stream: int | None = None, first: bool = True, encoding: str = "") -> Step:
        """Messages of the server, with its headers where they are the first."""
        number = stream or self.stream
        headers = [*GRPC_ANSWER, *([("grpc-encoding", encoding)] if encoding else [])]
        return server((self.headers(1, number, headers) if first else b"") + self.data(number, b"".join(messages)))

    def trailers(self, headers: Headers = OK, *, stream: int | None = None) -> Step:
        return server(self.headers(1, stream or self.stream, headers, ends=True))

    def answer(self, *messages: bytes, stream: int | None = None, encoding: str = "") -> Step:
        """A whole gRPC answer."""
        said, ended = self.says(*messages, stream=stream, encoding=encoding), self.trailers(stream=stream)
        return server(said[1] + ended[1])

    def refusal(self, status: int, words: str = "", *, stream: int | None = None) -> Step:
        """Trailers only."""
        return self.trailers([*GRPC_ANSWER, ("grpc-status", str(status)), ("grpc-message", words)], stream=stream)


def reset(stream: int) -> bytes:
    return RstStreamFrame(stream, error_code=8).serialize()


def chatter() -> bytes:
    """Frames that mean nothing to an observer, one of them of no known kind."""
    unknown = b"\x00\x00\x03\xbe\x00\x00\x00\x00\x00abc"
    return PingFrame(0, b"12345678").serialize() + WindowUpdateFrame(0, window_increment=9).serialize() + unknown
