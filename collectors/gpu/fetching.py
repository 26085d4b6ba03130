"""Fetches a metrics page within a time and a size."""

import http.client
import time
from urllib.parse import urlsplit

PAGE_BYTES_MAX = 8 * 1024 * 1024
"""vLLM with every histogram and ten models has less than one."""

FETCH_SECONDS = 2.0
"""In all; a page is made from counters, and who takes longer is not asked again before the next look."""

_PIECE_BYTES = 64 * 1024


class NoPage(Exception):
    """No page, and why."""


def fetch_page(url: str, *, seconds: float = FETCH_SECONDS, bytes_max: int = PAGE_BYTES_MAX) -> str:
    """The page's text. Raises NoPage."""
    parts = urlsplit(url)
    deadline = time.monotonic() + seconds
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=seconds)
        try:
            path = (parts.path or "/metrics") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers={"Accept": "text/plain;version=0.0.4"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise NoPage(f"answered {answer.status}")
            return _read(answer, deadline, bytes_max).decode("utf-8", "replace")
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoPage(str(error) or type(error).__name__) from error


def _read(answer: http.client.HTTPResponse, deadline: float, bytes_max: int) -> bytes:
    body = bytearray()
    while piece := answer.read1(_PIECE_BYTES):
        body += piece
        if len(body) > bytes_max:
            raise NoPage(f"more than {bytes_max} bytes")
        if time.monotonic() > deadline:
            raise NoPage("took too long")
    return bytes(body)
