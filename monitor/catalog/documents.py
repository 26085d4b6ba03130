"""Values of the domain as blobs and texts of the catalog, and back. MessagePack, because JSON has no infinity and no NaN."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import zstandard

from monitor.definitions import MonitoredModel, Receiver
from monitor.errors import InvalidInput
from monitor.findings import Alert, Finding, Transition
from monitor.ports import WindowEntry

BLOB_BYTES_MAX = 1 << 30
"""Inflated size of one blob: the tiles of 5,000 features with 256 cells each are 40 MB; a gigabyte is damage."""

DECLARATIONS_KEPT = 1_000
"""Declarations and proposals that are kept as read: a few hundred models, each with both."""


class Reasons(msgspec.Struct, frozen=True):
    """Counts by reason of one ledger entry."""

    dropped: dict[str, int]
    undecodable: dict[str, int]


class Uncopied(msgspec.Struct, frozen=True):
    """Counts by reason of what passed at a tap and was not copied."""

    connections: dict[str, int]
    bytes: dict[str, int]


class PublicationBody(msgspec.Struct, frozen=True):
    """A publication without the sequence that the catalog gives it."""

    window: WindowEntry
    findings: tuple[Finding, ...]
    transitions: tuple[Transition, ...]


def _plain(value: object) -> object:
    """NumPy's scalars are plain numbers in every blob."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in the catalog")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)
_ALERT = msgspec.msgpack.Decoder(Alert)
_TRANSITION = msgspec.msgpack.Decoder(Transition)
_PUBLICATION = msgspec.msgpack.Decoder(PublicationBody)
_REASONS = msgspec.msgpack.Decoder(Reasons)
_UNCOPIED = msgspec.msgpack.Decoder(Uncopied)


def pack(value: Alert | Transition | Reasons | Uncopied) -> bytes:
    return _ENCODER.encode(value)


def unpack_alert(data: bytes) -> Alert:
    return _ALERT.decode(data)


def unpack_transition(data: bytes) -> Transition:
    return _TRANSITION.decode(data)


def unpack_uncopied(data: bytes) -> Uncopied:
    return _UNCOPIED.decode(data)


def unpack_reasons(data: bytes) -> Reasons:
    return _REASONS.decode(data)


def pack_publication(body: PublicationBody) -> bytes:
    return compress(_ENCODER.encode(body))


def unpack_publication(data: bytes) -> PublicationBody:
    return _PUBLICATION.decode(decompress(data))


def compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(data)


def decompress(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=BLOB_BYTES_MAX)


def write_model(model: MonitoredModel) -> str:
    return msgspec.json.encode(model.to_document(), enc_hook=str).decode()


@lru_cache(DECLARATIONS_KEPT)
def read_model(text: str) -> MonitoredModel:
    """The same value for the same text: every pass asks for every declaration."""
    return MonitoredModel.from_document(msgspec.json.decode(text))


@lru_cache(DECLARATIONS_KEPT)
def read_proposal(text: str) -> MonitoredModel | None:
    """What was learned from rows; None where this release refuses it: it is nobody's word, and stops no model."""
    try:
        return read_model(text)
    except InvalidInput:
        return None


def write_receiver(receiver: Receiver) -> str:
    """One text per receiver: equal receivers have equal texts."""
    return msgspec.json.encode([receiver.kind, receiver.url, receiver.secret_env]).decode()


def read_receiver(text: str) -> Receiver:
    parts: list[Any] = msgspec.json.decode(text)
    return Receiver(*parts)
