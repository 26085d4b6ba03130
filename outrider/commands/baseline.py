"""`outrider baseline MODEL [FILE]`: sets what windows are compared with, from a file or from what was captured."""

from __future__ import annotations

from pathlib import Path
from time import time_ns
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from monitor.definitions import parse_duration_ns
from monitor.errors import Fault, InvalidInput
from monitor.findings import rfc3339
from outrider.commands.api import LOCAL_MONITOR, MonitorApi, media_type_of, path_of
from outrider.commands.output import print_json, read_bytes

app = typer.Typer(add_completion=False)


@app.command()
def baseline(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    file: Annotated[
        Path | None, typer.Argument(help="CSV or Parquet: features, predictions and labels as served.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="Event-time column of FILE, where its rows have one.")] = None,
    last: Annotated[
        str | None, typer.Option(help="Instead of FILE: what was captured in the last 30m, 6h, 7d.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Instead of FILE: captured from here on (RFC 3339).")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="And before this (RFC 3339); default: now.")] = None,
    version: Annotated[str | None, typer.Option(help="Only what this version served.")] = None,
    monitor: Annotated[str, typer.Option(help="URL of the monitor.", envvar="OUTRIDER_MONITOR")] = LOCAL_MONITOR,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> int:
    """Set the baseline of MODEL from FILE, or from what was captured: every window closed from now on is compared with it."""
    span = _span(last, start, end)
    if (file is None) == (span is None) or (file is None and time) or (file is not None and version):
        expected = "FILE (with --time), or one of --last and --from (with --to, --version)"
        raise InvalidInput(Fault("baseline", "no source, or more than one", expected))
    api = MonitorApi(monitor)
    if file is not None:
        answer = api.put(_path(model, time=time), read_bytes(file), media_type_of(file.name))
    else:
        answer = api.put(_path(model, version=version, **(span or {})), b"", "application/octet-stream")
    _print(model, answer, json=json)
    return 0


def _span(last: str | None, start: str | None, end: str | None) -> dict[str, str] | None:
    """`from` and `to` of what was captured; None where it was not asked for."""
    if last is None and start is None:
        return None if end is None else {"to": end}
    if last is not None and (start is not None or end is not None):
        raise InvalidInput(Fault("--last", repr(last), "no --from and no --to beside it"))
    now = time_ns()
    if last is not None:
        start = rfc3339(max(0, now - parse_duration_ns(last)))
    return {"from": start or "", "to": end or rfc3339(now) or ""}


def _path(model: str, **query: str | None) -> str:
    asked = urlencode({key: value for key, value in query.items() if value is not None})
    return path_of(model, f"/baseline?{asked}" if asked else "/baseline")


def _print(model: str, answer: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(answer)
    else:
        print(f"baseline of {model}: {answer['rows']:,} rows ({answer['baseline']})")
