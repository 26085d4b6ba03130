"""One POST to a receiver, and what its answer means for the delivery."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from monitor.errors import Fault, InvalidInput, Unavailable

TIMEOUT_SECONDS = 10.0
"""A receiver that takes longer is asked again; its silence must not hold up the others."""
ANSWER_BYTES_MAX = 2_048
"""How much of an answer is read: enough for an error message."""
TRY_AGAIN = (408, 425, 429)


def client() -> httpx.Client:
    """A client that follows no redirect: the address of a receiver is what the user declared."""
    return httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False)


def post(http: httpx.Client, kind: str, url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Raises Unavailable where trying again can help, InvalidInput where it cannot."""
    try:
        with http.stream("POST", url, content=body, headers=dict(headers)) as response:
            status, text = response.status_code, _beginning(response) if not response.is_success else ""
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise InvalidInput(Fault(f"receiver {kind}", "a URL that cannot be called", "an http or https URL")) from error
    except httpx.HTTPError as error:
        raise Unavailable(kind, f"{type(error).__name__}: {error}") from error
    if status in TRY_AGAIN or status >= 500:
        raise Unavailable(kind, f"HTTP {status} {text}".strip())
    if not 200 <= status < 300:
        raise InvalidInput(Fault(f"receiver {kind}", f"HTTP {status} {text}".strip(), "a 2xx answer"))


def _beginning(response: httpx.Response) -> str:
    text = b""
    for chunk in response.iter_bytes(ANSWER_BYTES_MAX):
        text += chunk
        if len(text) >= ANSWER_BYTES_MAX:
            break
    return text[:ANSWER_BYTES_MAX].decode("utf-8", "replace")
