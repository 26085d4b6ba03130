"""`outrider intake …`: what came without the tap. SageMaker's capture files, as they grow; Kafka is in a file of its own."""

from __future__ import annotations

import logging
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from collectors.errors import InvalidSettings, SettingsFault
from collectors.intake.filling import append_waiting
from collectors.intake.folder import Chunk, Folder
from collectors.intake.gathering import Outlet
from collectors.intake.sagemaker import NotACapture, names_of, read_line
from collectors.telemetry import log_to_stderr
from outrider.commands.intake_journals import journals
from outrider.commands.intake_kafka import kafka
from outrider.commands.intake_outlet import WATCH_SECONDS, outlet_of, stopped_by_signals, taken_in
from outrider.commands.intake_tables import tables

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

SHIP_SECONDS = 60.0
"""With --once: how long the end waits for the monitor."""
_LOG = logging.getLogger(__name__)


@app.callback()
def intake() -> None:
    """Records that arrive without the tap."""


app.command()(kafka)
app.command()(journals)
app.command()(tables)


@app.command()
def sagemaker(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Capture files (.jsonl), at any depth.")],
    monitor: Annotated[str | None, typer.Option(metavar="URL", help="The monitor that records are shipped to.")] = None,
    model: Annotated[
        str | None, typer.Option(help="The model's name; by default the endpoint, as SageMaker lays its files out.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="The model's version; by default the variant.")] = None,
    spool: Annotated[Path | None, typer.Option(metavar="DIR", help="Where records wait for the monitor.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End when everything there is has been shipped.")] = False,
) -> int:
    """Read SageMaker data-capture files as they grow; how far is remembered beside the spool."""
    log_to_stderr()
    if not directory.is_dir():
        raise InvalidSettings([SettingsFault("DIR", str(directory), "a directory")])
    outlet = outlet_of(monitor, spool, "sagemaker")
    folder = Folder(directory, outlet.spool.directory.with_suffix(".offsets"))
    stopping = stopped_by_signals()
    taken = refused = 0

    def take() -> None:
        nonlocal taken, refused
        for chunk in folder.chunks(final=once):
            lines = _take(chunk, outlet, model, version, stopping)
            if lines is None:
                break
            taken, refused = taken + lines[0], refused + lines[1]
            folder.keep(chunk)

    delivered = taken_in(take, outlet, stopping, once=once, ship_seconds=SHIP_SECONDS)
    print(f"{taken} exchanges taken, {refused} lines refused", file=sys.stderr)
    return 0 if delivered else 1


def _take(
    chunk: Chunk, outlet: Outlet, model: str | None, version: str | None, stopping: threading.Event
) -> tuple[int, int] | None:
    """Put the exchanges of these lines into the spool; waits where it is full, and gives up (None) when told to end.

    How many were taken and refused.
    """
    named = names_of(chunk.path)
    name = model or (named[0] if named else chunk.path.stem)
    asked_version = version if version is not None else (named[1] if named else "")
    refused = chunk.left_out
    for number, line in enumerate(chunk.lines):
        try:
            captured = read_line(line, name, asked_version, time.time_ns())
        except NotACapture as error:
            refused += 1
            _LOG.warning("line_refused", extra={"path": str(chunk.path), "line_of_chunk": number, "why": str(error)})
            continue
        outlet.pipeline.observed(captured.exchange, captured.found, captured.provenance)
    records, counts = outlet.pipeline.take()
    for fault in counts.faults:
        _LOG.warning("exchange_undecodable", extra={"why": fault.reason, "where": fault.where})
    if not append_waiting(outlet.spool, records, lambda: stopping.wait(WATCH_SECONDS)):
        return None
    return len(chunk.lines) - (refused - chunk.left_out), refused
