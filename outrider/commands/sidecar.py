"""`outrider sidecar`: ride beside an inference server, in front of it or watching its ports."""

from pathlib import Path
from typing import Annotated

import typer

from collectors.main import run_sidecar
from collectors.settings import SidecarSettings, read_file, read_settings
from collectors.settings.passive import ports_of
from collectors.telemetry import log_to_stderr

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def sidecar(
    listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Where clients connect.")] = None,
    upstream: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The inference server behind.")] = None,
    grpc_listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Where clients of gRPC connect.")] = None,
    grpc_upstream: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The server's port for gRPC.")] = None,
    passive: Annotated[
        str | None,
        typer.Option(metavar="PORT[,PORT]", help="Instead of forwarding: watch the server's own ports here."),
    ] = None,
    monitor: Annotated[str | None, typer.Option(metavar="URL", help="The monitor that records are shipped to.")] = None,
    spool: Annotated[str | None, typer.Option(metavar="DIR", help="Where records wait for the monitor.")] = None,
    metrics: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Serve /metrics and /health here.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="All settings, as YAML; flags go first.")] = None,
) -> None:
    """Observe a copy of the bytes between clients and an inference server, ship what was predicted.

    The bytes are forwarded, or with --passive watched where they pass (needs CAP_NET_RAW; plain text only).

    SIGHUP, or a change of the file, takes in what it says of redaction, sampling, ids and decoders.
    Ends within ten seconds of SIGTERM; what is not shipped stays in the spool.
    """
    log_to_stderr()
    pairs = [{"listen": listen, "upstream": upstream}, {"listen": grpc_listen, "upstream": grpc_upstream}]
    flags = {"monitor": monitor, "spool": spool, "metrics": metrics}

    def read() -> SidecarSettings:
        given: dict[str, object] = dict(read_file(config)) if config else {}
        listeners = [pair for pair in pairs if any(pair.values())]
        if passive is not None:
            watched = given.get("passive")
            given["passive"] = {**(watched if isinstance(watched, dict) else {}), "ports": ports_of(passive)}
            given["listeners"] = listeners or None
        elif listeners or config is None:
            given |= {"listeners": listeners or pairs[:1], "passive": None}
        given.update({name: value for name, value in flags.items() if value is not None})
        return read_settings(given, source=str(config) if config else "")

    run_sidecar(read(), read=read, file=config)
