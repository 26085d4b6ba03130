"""Request targets: the names of models and versions that they carry."""

import re
from collections.abc import Collection

from collectors.decoders.decoder import VERSION_CHARS_MAX, Call

PATH_CHARS_MAX = 8 * VERSION_CHARS_MAX
"""A longer path is not looked at: two names, percent-encoded, are shorter."""

_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def path_of(target: str) -> str | None:
    """A target without its query, in which no API has a name but clients have tokens; None where it is too long for any.

    >>> path_of("/v2/models/m/infer?token=abc"), path_of("/" * 10_000)
    ('/v2/models/m/infer', None)
    """
    path = target.partition("?")[0] if "?" in target else target
    return path if len(path) <= PATH_CHARS_MAX else None


def matched(
    path: re.Pattern[str], method: str, target: str, methods: Collection[str] = ("POST",)
) -> re.Match[str] | None:
    """What `path` finds in a request line with one of these methods."""
    return path.match(target) if method in methods else None


def called(model: str, version: str = "") -> Call | None:
    """The call of these parts of a path, or None where one is too long to be a name."""
    model, version = _unquoted(model), _unquoted(version)
    if len(model) > VERSION_CHARS_MAX or len(version) > VERSION_CHARS_MAX:
        return None
    return Call(model, version)


def _unquoted(text: str) -> str:
    raw = _PERCENT.sub(lambda found: bytes([int(found[1], 16)]), text.encode("latin-1", "replace"))
    return raw.decode("utf-8", "replace")
