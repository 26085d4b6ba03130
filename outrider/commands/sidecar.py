"""`outrider sidecar`: ride in front of an inference server."""

from pathlib import Path
from typing import Annotated

import typer

from collectors.main import run_sidecar
from collectors.settings import read_file, read_settings
from collectors.telemetry import log_to_stderr

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def sidecar(
    listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Where clients connect.")] = None,
    upstream: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The inference server behind.")] = None,
    grpc_listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Where clients of gRPC connect.")] = None,
    grpc_upstream: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The server's port for gRPC.")] = None,
    monitor: Annotated[str | None, typer.Option(metavar="URL", help="The monitor that records are shipped to.")] = None,
    spool: Annotated[str | None, typer.Option(metavar="DIR", help="Where records wait for the monitor.")] = None,
    metrics: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Serve /metrics and /health here.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="All settings, as YAML; flags go first.")] = None,
) -> None:
    """Forward the bytes between clients and an inference server, observe a copy of them, ship what was predicted.

    Ends within ten seconds of SIGTERM; what is not shipped stays in the spool.
    """
    log_to_stderr()
    given: dict[str, object] = dict(read_file(config)) if config else {}
    pairs = [{"listen": listen, "upstream": upstream}, {"listen": grpc_listen, "upstream": grpc_upstream}]
    listeners = [pair for pair in pairs if any(pair.values())]
    if config is None or listeners:
        given["listeners"] = listeners or pairs[:1]
    flags = {"monitor": monitor, "spool": spool, "metrics": metrics}
    given.update({name: value for name, value in flags.items() if value is not None})
    run_sidecar(read_settings(given, source=str(config) if config else ""))
