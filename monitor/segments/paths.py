"""Names of files that no foreign text can steer, and files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from monitor.definitions import MODEL_NAME

PART_CHARS_MAX = 120
"""Longest part of a path: file systems take 255 bytes, and the parts must stay readable in a listing."""


def path_part(text: str) -> str:
    """A foreign text as one part of a path: itself where it is a plain name, else `~` and its percent-encoding.

    Different texts have different parts; no part is empty, `.`, `..`, hidden, or holds a separator.

    >>> path_part("v1.2"), path_part(""), path_part("../../etc")
    ('v1.2', '~', '~..%2F..%2Fetc')
    """
    if MODEL_NAME.fullmatch(text) and len(text) <= PART_CHARS_MAX:
        return text
    data = text.encode("utf-8", "surrogatepass")
    part = "~" + quote(data, safe="")
    if len(part) <= PART_CHARS_MAX:
        return part
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return f"{part[: PART_CHARS_MAX - len(digest) - 1]}~{digest}"


def segment_path(kind: str, model: str, version: str, start_ns: int, suffix: str) -> str:
    """A new path, relative to the store: `KIND/MODEL/VERSION/DAY/START-TOKEN.parquet`."""
    day = datetime.fromtimestamp(start_ns // 10**9, UTC).strftime("%Y-%m-%d")
    return f"{kind}/{path_part(model)}/{path_part(version)}/{day}/{start_ns}-{secrets.token_hex(8)}{suffix}"


def inside(root: Path, relative: str) -> Path:
    """The file at a stored path. Raises ValueError where it would lie outside the store."""
    path = Path(relative)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{relative!r} is not a path inside the store")
    return root / path


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` make a file beside `path`, then put it in place, durably: after a crash it is there whole or not at all."""
    _make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
