"""JSON bodies as servers and clients really write them, and the words in which a server refuses.

NaN and the infinities are no JSON, but Python clients and servers write them: a body that is not JSON is read once more
with those tokens as texts, which the readers of numbers know.
"""

import re
from typing import Any

import msgspec

from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import Reason, Undecodable
from collectors.protocols.exchange import Exchange

ERROR_CHARS_MAX = 1024
"""How much of a server's error text is kept."""

_NONFINITE_JSON_BYTES_MAX = 8 * 1024 * 1024
"""Bodies with NaN tokens are rewritten before they are read, token by token; larger ones would keep us too long."""

_NONFINITE_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|-?(?:NaN|Infinity)', re.DOTALL)
_PLACE = re.compile(r" - at `\$([^`]*)`")


class _Refusal(msgspec.Struct):
    error: object = None
    detail: object = None
    message: object = None


_REFUSAL = msgspec.json.Decoder(_Refusal)


def read_json(decoder: msgspec.json.Decoder[Any], data: bytes | bytearray, where: str) -> Any:
    """What the decoder makes of a body. Raises Undecodable."""
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _not_protocol(error, where) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if len(data) > _NONFINITE_JSON_BYTES_MAX or (b"NaN" not in data and b"Infinity" not in data):
            raise not_json(where, str(error)) from error
    try:
        return decoder.decode(_NONFINITE_TOKEN.sub(_quoted, data))
    except msgspec.ValidationError as error:
        raise _not_protocol(error, where) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(where, str(error)) from error


def not_json(where: str, detail: str) -> Undecodable:
    """The body is no JSON."""
    reason: Reason = "request_not_json" if where.startswith("request") else "response_not_json"
    return Undecodable(reason, where, detail[:200])


def not_protocol(where: str, detail: str = "") -> Undecodable:
    """The body is of another form than its API says."""
    reason: Reason = "request_not_protocol" if where.startswith("request") else "response_not_protocol"
    return Undecodable(reason, where, detail[:200])


def refusal_words(exchange: Exchange) -> str | None:
    """A server's words: `{"error": …}`, `{"error": {"message": …}}`, `{"detail": …}` of FastAPI, `{"message": …}`, or a text."""
    try:
        body = plain_body(exchange.response_body, exchange.response_headers.get("content-encoding", ""), "response")
    except Undecodable:
        return None
    try:
        refusal = _REFUSAL.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _first_line(body)
    return next((words for each in (refusal.error, refusal.detail, refusal.message) if (words := words_of(each))), None)


def _first_line(body: bytes | bytearray) -> str | None:
    """Of a refusal in plain text, which a traceback may follow; a page of a proxy and anything binary say nothing."""
    line = bytes(body[: 4 * ERROR_CHARS_MAX]).lstrip().partition(b"\n")[0].strip()
    if line[:1] in (b"<", b"{", b"["):
        return None
    words = line.decode("utf-8", "replace")[:ERROR_CHARS_MAX]
    return words if words.isprintable() and "\N{REPLACEMENT CHARACTER}" not in words and words else None


def words_of(error: object) -> str | None:
    """What an error says: itself a text, or an object with a `message`."""
    words = error.get("message") if isinstance(error, dict) else error
    return words[:ERROR_CHARS_MAX] if isinstance(words, str) and words else None


def _not_protocol(error: msgspec.ValidationError, where: str) -> Undecodable:
    place = _PLACE.search(str(error))
    return not_protocol(where + (place[1] if place else ""), _PLACE.sub("", str(error)))


def _quoted(token: re.Match[bytes]) -> bytes:
    text = token[0]
    return text if text[0] == ord('"') else b'"' + text + b'"'
