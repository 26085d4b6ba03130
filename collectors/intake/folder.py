"""A directory of line files that grow: reads whole lines, remembers how far, goes on there after a restart.

The place in each file is written when its lines are in the spool, not before: what a crash leaves between the two is
read again. A file that has become shorter is read from its beginning.
"""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

CHUNK_BYTES = 4 * 1024 * 1024
"""Read at once, unless one line alone is longer."""

LINE_BYTES_MAX = 64 * 1024 * 1024
"""A longer line is left out, and told."""

_LOG = logging.getLogger(__name__)
_OFFSETS = msgspec.json.Decoder(dict[str, int])


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of a file; `end` is the offset behind them. `left_out` lines were too long."""

    path: Path
    lines: tuple[bytes, ...]
    end: int
    left_out: int = 0


class Folder:
    """Files of one directory, and how far each was read."""

    def __init__(self, directory: Path, state: Path, *, endings: tuple[str, ...] = (".jsonl",)) -> None:
        self._directory = directory
        self._state = state
        self._endings = endings
        self._offsets: dict[str, int] = _read_offsets(state)

    def chunks(self, *, final: bool = False) -> Iterator[Chunk]:
        """What is new since what was last kept. `final`: a last line without an end is a line."""
        for path in sorted(self._directory.rglob("*")):
            if path.suffix in self._endings and path.is_file():
                yield from self._of(path, final=final)

    def keep(self, chunk: Chunk) -> None:
        """The lines of this chunk are safe."""
        self._offsets[self._name(chunk.path)] = chunk.end
        unfinished = self._state.with_suffix(".tmp")
        unfinished.write_bytes(msgspec.json.encode(self._offsets))
        unfinished.replace(self._state)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._directory))

    def _of(self, path: Path, *, final: bool) -> Iterator[Chunk]:
        offset = self._offsets.get(self._name(path), 0)
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < offset:
                    _LOG.warning("file_became_shorter", extra={"path": str(path), "was": offset, "now": size})
                    offset = 0
                while offset < size:
                    file.seek(offset)
                    chunk = _chunk(path, file.read(CHUNK_BYTES), offset, final=final and offset + CHUNK_BYTES >= size)
                    if chunk is None:
                        file.seek(offset)
                        chunk = _chunk(path, file.read(LINE_BYTES_MAX + 1), offset, final=final)
                    if chunk is None:
                        return
                    yield chunk
                    offset = chunk.end
        except OSError as error:
            _LOG.warning("file_unreadable", extra={"path": str(path), "error": error.strerror})


def _chunk(path: Path, data: bytes, offset: int, *, final: bool) -> Chunk | None:
    """The whole lines of what was read; None where there is none."""
    end = len(data) if final and len(data) <= LINE_BYTES_MAX else data.rfind(b"\n") + 1
    if end == 0:
        return Chunk(path, (), offset + len(data), left_out=1) if len(data) > LINE_BYTES_MAX else None
    return Chunk(path, tuple(line for line in data[:end].split(b"\n") if line.strip()), offset + end)


def _read_offsets(state: Path) -> dict[str, int]:
    try:
        return _OFFSETS.decode(state.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        _LOG.warning("offsets_unreadable", extra={"path": str(state), "error": str(error)})
        return {}
