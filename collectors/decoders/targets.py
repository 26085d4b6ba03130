"""Request targets: the names of models and versions that they carry."""

import re
from collections.abc import Collection

from collectors.decoders.decoder import VERSION_CHARS_MAX, Call

TARGET_CHARS_MAX = 8 * VERSION_CHARS_MAX
"""A longer target is not looked at: two names, percent-encoded, are shorter."""

_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def matched(
    path: re.Pattern[str], method: str, target: str, methods: Collection[str] = ("POST",)
) -> re.Match[str] | None:
    """What `path` finds in a request line with one of these methods; nothing in a target longer than any that is read."""
    return path.match(target) if method in methods and len(target) <= TARGET_CHARS_MAX else None


def called(model: str, version: str = "") -> Call | None:
    """The call of these parts of a path, or None where one is too long to be a name."""
    model, version = _unquoted(model), _unquoted(version)
    if len(model) > VERSION_CHARS_MAX or len(version) > VERSION_CHARS_MAX:
        return None
    return Call(model, version)


def _unquoted(text: str) -> str:
    raw = _PERCENT.sub(lambda found: bytes([int(found[1], 16)]), text.encode("latin-1", "replace"))
    return raw.decode("utf-8", "replace")
