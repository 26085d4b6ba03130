"""Messages of gRPC out of the bodies of an exchange, and the words in which a server refuses a call."""

from typing import Literal

from collectors.decoders.decoder import Undecodable
from collectors.decoders.json_bodies import ERROR_CHARS_MAX, not_protocol
from collectors.protocols import grpc
from collectors.protocols.exchange import Exchange

Side = Literal["request", "response"]


def messages(exchange: Exchange, side: Side) -> list[bytes]:
    """Every message that one side sent, inflated. Raises Undecodable."""
    is_request = side == "request"
    body = exchange.request_body if is_request else exchange.response_body
    headers = exchange.request_headers if is_request else exchange.response_headers
    try:
        return grpc.payloads(body, headers.get("grpc-encoding", ""))
    except grpc.MalformedMessage as error:
        if error.too_large:
            raise Undecodable("inflated_too_large", side, str(error)) from error
        if error.encoding:
            raise Undecodable("content_encoding", side, str(error)) from error
        raise not_protocol(side, str(error)) from error


def one_message(exchange: Exchange, side: Side) -> bytes:
    """The message of a call that has one. Raises Undecodable."""
    found = messages(exchange, side)
    if len(found) != 1:
        raise not_protocol(side, f"found {len(found)} messages, expected one")
    return found[0]


def status_words(exchange: Exchange) -> str | None:
    """What the server said with its status."""
    return (grpc.status_message(exchange.response_headers, exchange.trailers) or "")[:ERROR_CHARS_MAX] or None
