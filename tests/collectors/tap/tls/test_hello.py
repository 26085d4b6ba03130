"""Hellos: real ones of every kind are read, cut ones are waited for, everything else is refused within bounds."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.tap.tls.hello import HELLO_BYTES_MAX, NotTls, offered_protocols


def hello_of(*protocols: str, oldest: bool = False) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if oldest:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if protocols:
        context.set_alpn_protocols(list(protocols))
    outgoing = ssl.MemoryBIO()
    machine = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a.example")
    with pytest.raises(ssl.SSLWantReadError):
        machine.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("oldest", [False, True])
@pytest.mark.parametrize("protocols", [(), ("h2",), ("http/1.1", "h2", "x" * 255)])
def test_what_is_offered_is_read(protocols, oldest):
    """In the client's order."""
    assert offered_protocols(hello_of(*protocols, oldest=oldest)) == tuple(each.encode() for each in protocols)


def test_every_beginning_is_waited_for():
    """A hello that is not whole is neither read nor refused."""
    hello = hello_of("h2")
    assert all(offered_protocols(hello[:cut]) is None for cut in range(len(hello)))


def test_a_hello_may_span_records():
    """As it does where keys are large and a middle box cuts."""
    hello = hello_of("h2")
    body = hello[5:]
    parts = [body[begin : begin + 50] for begin in range(0, len(body), 50)]
    records = b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)
    assert offered_protocols(records) == (b"h2",)


@given(st.binary(max_size=200), st.integers(0, 600), st.integers(0, 255))
def test_damage_is_refused_or_read_and_never_worse(tail, at, byte):
    """No other exception, whatever the bytes."""
    damaged = bytearray(HELLO)
    damaged[at % len(damaged)] = byte
    for start in (bytes(damaged), bytes(damaged[: at % len(damaged)]) + tail, b"\x16\x03\x01" + tail):
        try:
            found = offered_protocols(start)
        except NotTls:
            continue
        assert found is None or all(isinstance(each, bytes) for each in found)


def test_what_never_ends_is_refused():
    """However many records claim to belong to one hello."""
    record = b"\x16\x03\x01\x40\x00" + b"\x01\x00\x7f\xff" + bytes(16380)
    with pytest.raises(NotTls):
        offered_protocols((record + b"\x16\x03\x01\x00\x01\x00" * HELLO_BYTES_MAX)[: HELLO_BYTES_MAX + 1])


HELLO = hello_of("h2", "http/1.1")
