"""`outrider intake tables DIR`: tables of predictions that are dropped into a folder (CSV, JSON lines, Parquet), to records.

A file is taken when it has not changed between two looks, so it may be written in place; files whose name begins with a
dot are left alone. Each row is named from the file's content and its number: the same rows are taken once, whatever the
file is called and however often it is dropped.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from collectors.decoders.decoder import Call, Decoded, Undecodable
from collectors.errors import InvalidSettings, SettingsFault
from collectors.intake.filling import append_waiting
from collectors.intake.gathering import Outlet
from collectors.intake.given import Given, decoded_of, weight_of
from collectors.pipeline import Provenance
from collectors.protocols.exchange import Exchange
from collectors.telemetry import log_to_stderr
from outrider.commands.intake_outlet import WATCH_SECONDS, outlet_of, stopped_by_signals, taken_in
from outrider.recorder import by_row

SHIP_SECONDS = 300.0
"""With --once: how long the end waits for the monitor."""
ROWS_TOGETHER = 1_000
"""Rows of one batch: a few hundred kilobytes."""
ENDINGS = (".csv", ".csv.gz", ".jsonl", ".ndjson", ".json", ".parquet")
_LOG = logging.getLogger(__name__)
_DONE = msgspec.json.Decoder(dict[str, tuple[int, int]])


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns are what."""

    model: str
    version: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...] | None
    id: str | None
    time: str | None
    renamed: Mapping[str, str]


def tables(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help=f"Files ({', '.join(ENDINGS)}), at any depth.")],
    model: Annotated[str, typer.Option(help="The model's name.")],
    outputs: Annotated[str, typer.Option(metavar="COLUMN,…", help="Columns that the model answered.")],
    inputs: Annotated[str | None, typer.Option(metavar="COLUMN,…", help="Its inputs; by default all others.")] = None,
    id: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column with each prediction's id.")] = None,
    time_column: Annotated[
        str | None, typer.Option("--time", metavar="COLUMN", help="Its event time; by default the file's.")
    ] = None,
    rename: Annotated[list[str] | None, typer.Option(metavar="OLD=NEW", help="Another name for a column.")] = None,
    version: Annotated[str, typer.Option(help="The model's version.")] = "",
    monitor: Annotated[str | None, typer.Option(metavar="URL", help="The monitor that records are shipped to.")] = None,
    spool: Annotated[Path | None, typer.Option(metavar="DIR", help="Where records wait for the monitor.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End when everything there is has been shipped.")] = False,
) -> int:
    """Read tables of predictions as they are dropped into a folder; each row is taken once."""
    log_to_stderr()
    if not directory.is_dir():
        raise InvalidSettings([SettingsFault("DIR", str(directory), "a directory")])
    wrong = [each for each in rename or [] if "=" not in each]
    if wrong:
        raise InvalidSettings([SettingsFault("--rename", repr(wrong[0]), "OLD=NEW")])
    mapping = Columns(
        model=model,
        version=version,
        outputs=tuple(outputs.split(",")),
        inputs=None if inputs is None else tuple(inputs.split(",")),
        id=id,
        time=time_column,
        renamed=dict(each.split("=", 1) for each in rename or []),
    )
    outlet = outlet_of(monitor, spool, "tables")
    stopping = stopped_by_signals()
    drops = Drops(directory, outlet.spool.directory.with_suffix(".tables"))
    taken = refused = 0

    def take() -> None:
        nonlocal taken, refused
        for path in drops.ready(at_once=once):
            rows = _take(path, mapping, outlet, stopping)
            if stopping.is_set():
                break
            taken, refused = taken + (rows or 0), refused + (rows is None)
            drops.keep(path)

    delivered = taken_in(take, outlet, stopping, once=once, ship_seconds=SHIP_SECONDS)
    print(f"{taken} rows taken, {refused} files refused", file=sys.stderr)
    return 0 if delivered and not refused else 1


class Drops:
    """The files of a folder, and which of them are done with as they are now."""

    def __init__(self, directory: Path, state: Path) -> None:
        self._directory = directory
        self._state = state
        self._seen: dict[str, tuple[int, int]] = {}
        self._done: dict[str, tuple[int, int]] = {}
        try:
            self._done = _DONE.decode(state.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError) as error:
            _LOG.warning("state_unreadable", extra={"path": str(state), "error": str(error)})

    def ready(self, *, at_once: bool) -> Iterator[Path]:
        """New files that have not changed since the last look."""
        before, self._seen = self._seen, {}
        for path in sorted(self._directory.rglob("*")):
            if not path.name.endswith(ENDINGS) or path.name.startswith(".") or not path.is_file():
                continue
            try:
                name, now = self._name(path), _state_of(path)
            except OSError:
                continue  # it was taken away just now
            self._seen[name] = now
            if self._done.get(name) != now and (at_once or before.get(name) == now):
                yield path
        # Of files that are gone nothing is kept: whoever drops one again gives it rows that are known.
        self._done = {name: state for name, state in self._done.items() if name in self._seen}

    def keep(self, path: Path) -> None:
        """This file is done with, as it was when it was found: what has changed since is looked at again."""
        self._done[self._name(path)] = self._seen[self._name(path)]
        unfinished = self._state.with_suffix(".tmp")
        unfinished.write_bytes(msgspec.json.encode(self._done))
        unfinished.replace(self._state)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._directory))


def _state_of(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _take(path: Path, mapping: Columns, outlet: Outlet, stopping: threading.Event) -> int | None:
    """Put the rows of a file into the spool; how many, or None where the file is of no use."""
    from monitor.errors import InvalidInput  # noqa: PLC0415 (what reads tables needs the extra `monitor`)
    from monitor.segments.files import read_rows  # noqa: PLC0415  (the same)

    try:
        rows = read_rows(path, time=mapping.time, id=mapping.id)
        content = blake2b(path.read_bytes(), digest_size=16).digest()
        at_ns = _state_of(path)[1]
        columns = {mapping.renamed.get(name, name): _values(column) for name, column in rows.columns.items()}
        absent = [name for name in (*mapping.outputs, *(mapping.inputs or ())) if name not in columns]
        if absent:
            raise Undecodable("request_not_protocol", str(path), f"it has no column {absent[0]!r}")
        times = [int(t) for t in rows.time_ns] if mapping.time else [at_ns + n for n in range(len(rows))]
        for start in range(0, len(rows), ROWS_TOGETHER):
            part = slice(start, start + ROWS_TOGETHER)
            ids = (
                [str(i) for i in rows.id[part]] if mapping.id else [f"{path.stem}/{n}" for n in range(len(rows))[part]]
            )
            _observe(
                mapping, {n: values[part] for n, values in columns.items()}, ids, times[part], content, start, outlet
            )
            records, _ = outlet.pipeline.take()
            if not append_waiting(outlet.spool, records, lambda: stopping.wait(WATCH_SECONDS)):
                return None
    except (InvalidInput, Undecodable, OSError) as error:
        _LOG.warning("file_refused", extra={"path": str(path), "why": str(error)})
        return None
    return len(rows)


def _observe(
    mapping: Columns,
    columns: Mapping[str, list[Any]],
    ids: Sequence[str],
    times: Sequence[int],
    content: bytes,
    start: int,
    outlet: Outlet,
) -> None:
    chosen = mapping.inputs or tuple(name for name in columns if name not in mapping.outputs)
    decoded = decoded_of(
        mapping.model,
        mapping.version,
        None,
        {name: columns[name] for name in chosen},
        {name: columns[name] for name in mapping.outputs},
        None,
    )
    for number, (row, time_ns) in enumerate(zip(by_row(decoded, ids), times, strict=True), start):
        digest = blake2b(content + number.to_bytes(8, "big"), digest_size=8).digest()
        name = f"file-{int.from_bytes(digest, 'big') >> 1:016x}"
        exchange = _exchange(row, time_ns)
        found = (Given(row), Call(mapping.model, mapping.version))
        outlet.pipeline.observed(exchange, found, Provenance(captured_by="file", name=name))


def _exchange(row: Decoded, time_ns: int) -> Exchange:
    return Exchange(
        method="FILE",
        target=row.model,
        request_headers={},
        response_headers={},
        request_body=b"",
        response_body=b"",
        status=200,
        start_ns=time_ns,
        end_ns=time_ns,
        wire_bytes=weight_of(row),
    )


def _values(column: Any) -> list[Any]:
    """Plain values, None where they are missing."""
    values = column.values.tolist()
    if column.missing is None:
        return list(values)
    return [None if gone else value for value, gone in zip(values, column.missing.tolist(), strict=True)]
