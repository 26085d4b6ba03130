"""Heads of messages: the fields that are needed, and nothing secret."""

import pytest

from collectors.protocols.heads import MalformedHead, RepeatedHeads, request_head, response_head


def test_a_request_head_names_method_target_and_headers() -> None:
    """Header names are lower case, values as sent."""
    head = request_head(b"POST /a?b HTTP/1.1\r\nX-Request-ID: Abc\r\nContent-Length: 3\r\n\r\n")
    assert (head.method, head.target, head.headers) == ("POST", "/a?b", {"x-request-id": "Abc", "content-length": "3"})


def test_secrets_are_never_taken_in() -> None:
    """Credentials, cookies and any header nobody needs stay outside."""
    head = request_head(b"GET / HTTP/1.1\r\nAuthorization: Bearer s\r\nCookie: s\r\nX-Api-Key: s\r\nX-Other: s\r\n\r\n")
    assert head.headers == {}


def test_a_header_sent_twice_is_joined() -> None:
    """As RFC 9110, section 5.3 has it."""
    assert request_head(b"GET / HTTP/1.1\r\nce-id: a\r\nCe-Id: b\r\n\r\n").headers == {"ce-id": "a, b"}


@pytest.mark.parametrize("extra", [b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b""])
def test_an_upgrade_is_told(extra: bytes) -> None:
    """A request that asks for another protocol says so."""
    assert request_head(b"GET / HTTP/1.1\r\n" + extra + b"\r\n").upgrades is bool(extra)


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x01\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
def test_a_malformed_request_head_is_refused(head: bytes) -> None:
    """Among them those with which requests are smuggled."""
    with pytest.raises(MalformedHead):
        request_head(head)


@pytest.mark.parametrize(
    "head", [b"HTTP/9.9 abc\r\n\r\n", b"ICE/1.0 200 OK\r\n\r\n", b"\r\n\r\n", b"HTTP/1.1 OK\r\n\r\n"]
)
def test_a_malformed_response_head_is_refused(head: bytes) -> None:
    """Only HTTP answers HTTP."""
    with pytest.raises(MalformedHead):
        response_head(head)


def test_a_response_head_names_its_status() -> None:
    """Reason phrases are optional."""
    assert response_head(b"HTTP/1.1 404\r\n\r\n").status == 404


def test_white_space_around_a_value_is_not_part_of_it() -> None:
    """RFC 9112, section 5: a length with a space behind it is a length."""
    assert request_head(b"POST / HTTP/1.1\r\nContent-Length:\t5 \t\r\n\r\n").headers == {"content-length": "5"}


def test_repeated_heads_mean_the_same() -> None:
    """Each as it would by itself, in any order; long ones too."""
    plain = b"POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\n"
    other = b"POST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\n"
    long = b"POST /c HTTP/1.1\r\nX-Long: " + b"x" * 5000 + b"\r\n\r\n"
    heads = RepeatedHeads(request_head)
    for data in (plain, plain, other, plain, long, long, other, other):
        assert heads.read(data) == request_head(data)
