"""What the forwarder asks of the kernel about one socket."""

import contextlib
import errno
import fcntl
import socket
import struct
import sys
import termios

OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Why a connection may not be accepted that still waits."""

_LINGER_RESET = struct.pack("ii", 1, 0)


def reset(sock: socket.socket) -> None:
    """Close with a reset; what the kernel has not delivered is forgotten."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
    sock.close()


def undelivered(sock: socket.socket) -> int:
    """Bytes that the peer's kernel has not acknowledged yet."""
    try:
        answer = fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)
