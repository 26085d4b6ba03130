"""`outrider doctor`: finds servers, ports and protocols; checks every connection; sends a probe and shows the captured record.

Exit codes: 0 all that was looked at is well; 1 a check or the probe failed; 2 bad usage.
"""

from __future__ import annotations

import json as json_module
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from collectors.settings import SidecarSettings, default_spool, read_file, read_settings
from collectors.settings.passive import ports_of
from monitor.errors import Fault, InvalidInput
from monitor.settings import MonitorSettings
from outrider.commands.output import print_json, read_bytes
from outrider.doctor import connections, telemetry
from outrider.doctor.asking import Check, NoAnswer, address_of, check, split
from outrider.doctor.plans import plan
from outrider.doctor.probe import Probed, probe
from outrider.doctor.secured import certificates, handshakes
from outrider.doctor.servers import Server, find_servers, identify, listening

app = typer.Typer(add_completion=False)

CHECK_FAILED = 1
STYLE = {"ok": "green", "failed": "bold red", "skipped": "dim"}


@app.command()
def doctor(
    upstream: Annotated[
        list[str] | None, typer.Option(metavar="HOST:PORT", help="An inference server; may be given several times.")
    ] = None,
    sidecar: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the sidecar's clients connect.")
    ] = None,
    passive: Annotated[
        str | None, typer.Option(metavar="PORT[,PORT]", help="Ports of a server here that a sidecar is to watch.")
    ] = None,
    metrics: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The sidecar's --metrics.")] = None,
    monitor: Annotated[str | None, typer.Option(metavar="URL", help="The monitor.")] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A sidecar's or monitor's file: everything it names is checked."),
    ] = None,
    probe: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Send this model one inference (a real one).")
    ] = None,
    body: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The probe's request; default: zeros, or a short chat.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> int:
    """Say which servers are here, whether every connection works, and what would be captured of a probe.

    Without an address, everything that listens on loopback is looked at.
    """
    given = Given(upstream or [], sidecar, metrics, monitor)
    if body is not None and probe is None:
        raise InvalidInput(Fault("--body", str(body), "a model to send it to, with --probe"))
    checks = [found for path in config or [] for found in given.take_in(path)]
    if passive is not None:
        checks += given.watch(read_settings({"passive": {"ports": ports_of(passive)}}))
    given.verify()
    looked_at = given.upstreams or ([] if given.others else listening())
    servers = find_servers(looked_at)
    if not (given.upstreams or given.others):
        checks += telemetry.devices()
    if not looked_at or given.upstreams:
        checks += given.checks(servers)
    elif not servers:
        checks.append(check("servers", "loopback", False, "nobody listens who speaks a protocol that we know"))
    probed = None if probe is None else _probe(given, servers, probe, None if body is None else read_bytes(body))
    checks += probed.checks if probed is not None else ()
    if json:
        print_json(
            {
                "servers": [s.document() for s in servers],
                "checks": [c.document() for c in checks],
                "probe": probed.document() if probed is not None else None,
            }
        )
    else:
        _print(servers, checks, probed)
    return 0 if connections.all_held(checks) else CHECK_FAILED


class Given:
    """The addresses to look at: those of the options, and those that configuration files name."""

    def __init__(self, upstreams: list[str], sidecar: str | None, metrics: str | None, monitor: str | None) -> None:
        self.upstreams, self.sidecar, self.metrics, self.monitor = list(upstreams), sidecar, metrics, monitor
        self.watched = self.secured = False

    @property
    def others(self) -> bool:
        return any((self.sidecar, self.metrics, self.monitor, self.secured))

    def verify(self) -> None:
        """Raises InvalidInput that names every option that is no address."""
        named = [("--upstream", u) for u in self.upstreams] + [("--sidecar", self.sidecar), ("--metrics", self.metrics)]
        faults = [Fault(name, repr(a), "HOST:PORT") for name, a in named if a is not None and not _is_address(a)]
        if self.monitor is not None and not _is_url(self.monitor):
            faults.append(Fault("--monitor", repr(self.monitor), "a URL that begins with http:// or https://"))
        if faults:
            raise InvalidInput(faults)

    def take_in(self, path: Path) -> list[Check]:
        """What a configuration file names: addresses join those of the options, the rest is checked here."""
        values = read_file(path)
        if "listeners" in values or "passive" in values:
            return self._sidecar_file(read_settings(values, source=str(path)))
        return self._monitor_file(MonitorSettings.of(values, str(path)))

    def _sidecar_file(self, settings: SidecarSettings) -> list[Check]:
        secured = [listener for listener in settings.listeners if listener.tls is not None]
        plain = [listener for listener in settings.listeners if listener.tls is None]
        # A server behind TLS is not asked what it speaks: its certificate is what is looked at.
        asked = [each for each in secured if each.tls is not None and not each.tls.upstream.enabled]
        self.upstreams += [str(each.upstream) for each in (*plain, *asked)]
        if plain:
            self.sidecar = self.sidecar or _dialled(str(plain[0].listen))
        self.metrics = self.metrics or (_dialled(str(settings.metrics)) if settings.metrics else None)
        self.monitor = self.monitor or settings.monitor
        spool = settings.spool or default_spool(settings)
        found = [*self.watch(settings), *certificates(settings)]
        self.secured = bool(secured)
        for each in secured:
            found += handshakes(each, _dialled(str(each.listen)))
        found.append(connections.directory("spool", spool, settings.spool_free_space_floor_bytes))
        return found if settings.gpu is None else [*found, *telemetry.telemetry(settings.gpu)]

    def watch(self, settings: SidecarSettings) -> list[Check]:
        """Ports that are watched are those of servers here; whether their packets can be seen is checked at once."""
        if settings.passive is None:
            return []
        self.watched = True
        self.upstreams += [f"127.0.0.1:{port}" for port in settings.passive.ports]
        watched = settings.passive
        return [connections.packets(watched.ports, watched.ring_bytes, watched.interface)]

    def _monitor_file(self, settings: MonitorSettings) -> list[Check]:
        self.monitor = self.monitor or f"http://{_dialled(settings.listen)}"
        found = [connections.directory("data", settings.data)]
        if settings.catalog and not settings.catalog.startswith("sqlite"):
            found.append(connections.reachable("catalog", settings.catalog))
        if settings.elasticsearch_url:
            named = settings.elasticsearch_api_key_env
            key = os.environ.get(named) if named else None
            found.append(connections.elasticsearch(settings.elasticsearch_url, named, key))
        if settings.otlp_endpoint:
            found.append(connections.reachable("otlp_endpoint", settings.otlp_endpoint))
        return found

    def checks(self, servers: list[Server]) -> list[Check]:
        """Every connection there is an address for."""
        by_address = {server.address: server for server in servers}
        found = [c for address in self.upstreams for c in connections.upstream(address, by_address.get(address))]
        if self.sidecar:
            found += connections.sidecar(self.sidecar, self.upstreams[0] if self.upstreams else None)
        if self.metrics:
            found += connections.sidecar_metrics(self.metrics)
        if self.monitor:
            found += connections.monitor(self.monitor.rstrip("/"))
        return found


def _probe(given: Given, servers: list[Server], model: str, body: bytes | None) -> Probed:
    """Through the sidecar where there is one, else at the first server that is read; then on to the monitor."""
    speaking = [s.address for s in servers if s.captured]
    address = given.sidecar or next(iter(given.upstreams or speaking), None)
    if address is None:
        return Probed(
            (check("probe", model, False, "no server to send it to: give --upstream or --sidecar"),), None, {}
        )
    sent_ns = time.time_ns()
    try:
        server = next((s for s in servers if s.address == address), None) or identify(address)
        probed = probe(address, plan(address, server, model, body))
    except NoAnswer as error:
        return Probed((check("probe", address, False, str(error)),), None, {})
    record = probed.record
    if not ((given.sidecar or given.watched) and given.monitor and record is not None and record.outputs):
        return probed
    if record.id_source == "generated":
        skipped = Check("probe arrives at the monitor", given.monitor, "skipped", "the request has no id to look for")
        return Probed((*probed.checks, skipped), record, probed.counts)
    there = connections.arrived(given.monitor.rstrip("/"), record.model, record.id, sent_ns)
    return Probed((*probed.checks, there), record, probed.counts)


def _dialled(address: str) -> str:
    """Where to connect to what listens here: on all addresses is on loopback too."""
    host, _, port = address.rpartition(":")
    return f"127.0.0.1:{port}" if host in ("0.0.0.0", "[::]", "") else address  # noqa: S104  (compared, not bound)


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and "/" not in text and port.isascii() and port.isdigit() and 0 < int(port) < 65536


def _is_url(text: str) -> bool:
    if not text.startswith(("http://", "https://")):
        return False
    try:
        return split(address_of(text))[0] != ""
    except ValueError:
        return False


def _print(servers: list[Server], checks: list[Check], probed: Probed | None) -> None:
    console = Console(highlight=False)
    if servers:
        _table(console, ("address", "speaks", "name", "models", "ready", "decoded"), [_server_row(s) for s in servers])
    for c in checks:
        line = Text.assemble((f"{c.state:8}", STYLE[c.state]), (c.what, "bold"), f" ({c.where}): {c.detail}")
        console.print(line, soft_wrap=True)
    if probed is not None and probed.record is not None:
        console.print("the record as it would be stored:")
        print(json_module.dumps(probed.document()["record"], indent=2, ensure_ascii=False))


def _server_row(server: Server) -> tuple[Text, ...]:
    ready = {None: "", True: "yes", False: "no"}[server.ready]
    name = " ".join(filter(None, (server.name, server.version)))
    decoded = "yes" if server.captured else ""
    return tuple(map(Text, (server.address, server.speaks, name, ", ".join(server.models), ready, decoded)))


def _table(console: Console, headings: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*row)
    console.print(table)
