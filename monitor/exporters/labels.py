"""Label values: what may stand in a label, and how long it may be."""

from __future__ import annotations

LABEL_BYTES_MAX = 128
"""Longest label value in UTF-8 bytes: enough for any sane name, too short to carry a payload."""
UNKNOWN = "unknown"
"""The `model` of every model that nobody declared: client-supplied names never become series."""


def cut(value: str, bytes_max: int = LABEL_BYTES_MAX) -> str:
    """`value` in at most `bytes_max` bytes of UTF-8, never in the middle of a character.

    >>> cut("aé" * 3, 5)
    'aéa'
    """
    if len(value) <= bytes_max and value.isascii():
        return value
    return value.encode("utf-8", "replace")[:bytes_max].decode("utf-8", "ignore")
