"""`outrider monitor`: the service, embedded (SQLite, local Parquet, in-process jobs) or as a configuration file says."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.definitions import document_of
from monitor.errors import Fault, InvalidInput
from monitor.main import serve
from monitor.settings import MonitorSettings
from outrider.beacons import BeaconPipeline
from outrider.code_version import code_version
from outrider.commands.output import read_bytes
from outrider.events import CloudEventsReader
from outrider.main import installed_version

app = typer.Typer(add_completion=False)


@app.command()
def monitor(
    listen: Annotated[str | None, typer.Option(help="HOST:PORT of the API and the web UI.")] = None,
    data: Annotated[Path | None, typer.Option(help="Directory of the segments and the embedded catalog.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file with the settings of docs/monitor.md.")] = None,
) -> int:
    """Run the monitor until SIGTERM."""
    values: dict[str, Any] = _file(config) if config is not None else {}
    given = {"listen": listen, "data": str(data) if data is not None else None}
    settings = MonitorSettings.of(values | {k: v for k, v in given.items() if v is not None}, str(config or "options"))
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    print(f"monitor: {settings.url} (data in {settings.data})", file=sys.stderr)
    return serve(
        settings,
        version=installed_version(),
        code=code_version(),
        event_reader=CloudEventsReader(),
        beacon_reader=BeaconPipeline(),
    )


def _file(path: Path) -> dict[str, Any]:
    document = document_of(read_bytes(path), str(path))
    if not isinstance(document, dict):
        raise InvalidInput(Fault(str(path), type(document).__name__, "a mapping of settings"))
    return {str(k): v for k, v in document.items()}
