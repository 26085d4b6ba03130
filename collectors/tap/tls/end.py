"""One side of a link as a machine between ciphertext and plain bytes. It owns no socket and waits for nothing."""

import contextlib
import ssl
from typing import cast


class TlsEnd:
    """Our end of one TLS connection."""

    __slots__ = ("_fault", "_incoming", "_machine", "_outgoing", "ended", "holds_more", "told_end", "truncated")

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._machine = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_name
        )
        self.holds_more = False
        """Whether plain bytes may wait in here: then no event of the socket will tell of them."""
        self.ended = False
        self._fault: ssl.SSLError | None = None
        """What ended the peer's bytes, once those before it are handed on."""
        self.truncated = False
        """Whether the peer's bytes ended without its saying so."""
        self.told_end = False

    @property
    def protocol(self) -> str | None:
        """What was agreed to be spoken."""
        return self._machine.selected_alpn_protocol()

    def feed(self, ciphertext: bytes | memoryview) -> None:
        """Take in what the socket received; nothing means its end."""
        if len(ciphertext):
            self._incoming.write(ciphertext)
        else:
            self._incoming.write_eof()

    def output(self) -> bytes:
        """The ciphertext that is to be sent."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def shake(self) -> bool:
        """Go on with the handshake; whether it is done. Raises ssl.SSLError."""
        try:
            self._machine.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.holds_more = self._incoming.pending > 0
        return True

    def read_into(self, place: memoryview, count_max: int) -> int | None:
        """Put plain bytes into the place; 0 at their end, None where more ciphertext is needed. Raises ssl.SSLError, after what came before it."""
        count = 0
        while count < count_max and not self.ended and self._fault is None:
            try:
                got = cast("int", self._machine.read(count_max - count, place[count:count_max]))
            except ssl.SSLWantReadError:
                self.holds_more = False
                return count or None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError) as end:
                self.truncated = isinstance(end, ssl.SSLEOFError)
                self.ended = True
            except ssl.SSLError as fault:
                self._fault = fault  # OpenSSL tells it once
            else:
                if got == 0:
                    self.ended = True
                count += got
        if self._fault is not None and not count:
            raise self._fault
        self.holds_more = count > 0  # the place is full, or the end is still to be told
        return count

    def encrypt(self, plain: memoryview) -> bytes:
        """The ciphertext of these bytes. Raises ssl.SSLError."""
        while plain:
            plain = plain[self._machine.write(plain) :]
        return self._outgoing.read()

    def farewell(self) -> bytes:
        """Say that no more bytes follow; the other direction stays open. To be called while nothing is held here."""
        self.told_end = True
        with contextlib.suppress(ssl.SSLError):  # the other side's farewell has not come yet: none of our concern
            self._machine.unwrap()
        return self.output()
