"""The ClientHello of TLS (RFC 8446, section 4.1.2): read for the protocols that a client offers (RFC 7301), else passed over."""

HELLO_BYTES_MAX = 32 * 1024
"""Hellos are below two kilobytes, with post-quantum keys below four; a longer one is refused."""

_HANDSHAKE, _CLIENT_HELLO, _ALPN = 22, 1, 16
_RECORD_HEADER, _MESSAGE_HEADER = 5, 4
_RANDOM_END = 2 + 32


class NotTls(Exception):
    """Bytes that are no ClientHello."""


def offered_protocols(start: bytes) -> tuple[bytes, ...] | None:
    """What the client offers to speak, in its order; None while its hello is not complete. Raises NotTls."""
    message = _message(start)
    if message is None:
        return None
    hello = _Reader(message)
    hello.skip(_RANDOM_END)
    hello.block(1)  # session
    hello.block(2)  # cipher suites
    hello.block(1)  # compression methods
    if hello.at_end:
        return ()
    extensions = _Reader(hello.block(2))
    while not extensions.at_end:
        kind, body = extensions.number(2), extensions.block(2)
        if kind == _ALPN:
            names = _Reader(_Reader(body).block(2))
            return tuple(names.names())
    return ()


def _message(start: bytes) -> bytes | None:
    """The body of the first handshake message, which may span records; None while it is not complete."""
    message, position = bytearray(), 0
    while True:
        record = start[position : position + _RECORD_HEADER]
        if (record and record[0] != _HANDSHAKE) or (len(record) > 1 and record[1] != 3):
            raise NotTls
        if len(record) < _RECORD_HEADER:
            break
        length = int.from_bytes(record[3:], "big")
        if not length:
            raise NotTls
        position += _RECORD_HEADER
        message += start[position : position + length]
        if message and message[0] != _CLIENT_HELLO:
            raise NotTls
        position += length
        if len(message) >= _MESSAGE_HEADER:
            need = _MESSAGE_HEADER + int.from_bytes(message[1:_MESSAGE_HEADER], "big")
            if need > HELLO_BYTES_MAX:
                raise NotTls
            if len(message) >= need:
                return bytes(message[_MESSAGE_HEADER:need])
        if position > len(start):
            break
    if len(start) > HELLO_BYTES_MAX:
        raise NotTls
    return None


class _Reader:
    """Reads numbers and length-prefixed blocks; what is missing is NotTls."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._data)

    def skip(self, count: int) -> bytes:
        begin, self._at = self._at, self._at + count
        if self._at > len(self._data):
            raise NotTls
        return self._data[begin : self._at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.skip(width), "big")

    def block(self, width: int) -> bytes:
        return self.skip(self.number(width))

    def names(self) -> list[bytes]:
        found = []
        while not self.at_end:
            found.append(self.block(1))
        return found
