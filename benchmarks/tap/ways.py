"""The ways from a client to the server, and the programs that they need: each proxy alone on one core."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tap.payloads import Payload

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROXY_CORE, LOAD_CORE = "0", "1"
DIRECT, NGINX, MIRROR, HAPROXY, FORWARDER, PASSIVE = (
    "direct", "nginx", "nginx mirror", "haproxy", "outrider sidecar", "outrider passive",
)  # fmt: skip
SERVER, WATCHED, MIRRORED = 21900, 21904, 21907
PORTS = {DIRECT: SERVER, NGINX: 21901, MIRROR: 21906, HAPROXY: 21908, FORWARDER: 21902, PASSIVE: WATCHED}
METRICS, PASSIVE_METRICS = 21903, 21905
START_SECONDS_MAX = 20.0
POLL_SECONDS = 0.05
TICKS = os.sysconf("SC_CLK_TCK")
SPOOL_BYTES = 2 * 1024**3

_NGINX_HEAD = """
worker_processes 1; daemon off; master_process off; error_log stderr crit; pid {name}.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 100000000; client_max_body_size 16m; client_body_buffer_size 1m;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  upstream server {{ server 127.0.0.1:{server}; keepalive 256; keepalive_requests 100000000; }}
  upstream mirrored {{ server 127.0.0.1:{mirrored}; keepalive 256; keepalive_requests 100000000; }}
"""
_PASS = 'proxy_http_version 1.1; proxy_set_header Connection "";'
_HTTP = (
    _NGINX_HEAD
    + f"""
  server {{{{ listen 127.0.0.1:{PORTS[NGINX]};
    location / {{{{ proxy_pass http://server; {_PASS} proxy_buffering off; proxy_request_buffering off; }}}}
  }}}}
}}}}
"""
)
_MIRROR = (
    _NGINX_HEAD
    + f"""
  server {{{{ listen 127.0.0.1:{PORTS[MIRROR]};
    location / {{{{ mirror /mirror; mirror_request_body on; proxy_pass http://server; {_PASS} }}}}
    location = /mirror {{{{ internal; proxy_pass http://mirrored$request_uri; {_PASS} }}}}
  }}}}
}}}}
"""
)
_GRPC = (
    _NGINX_HEAD
    + f"""
  server {{{{ listen 127.0.0.1:{PORTS[NGINX]} http2; location / {{{{ grpc_pass grpc://server; }}}} }}}}
}}}}
"""
)
_HAPROXY = """
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port} {proto}
  default_backend b
backend b
  server s 127.0.0.1:{server} {proto}
"""


@dataclass(frozen=True)
class Running:
    """What one payload is measured on: the proxies' first process by way, and where everything lies."""

    folder: Path
    payload: Payload
    processes: dict[str, int]

    def family(self, way: str) -> list[int]:
        """The process of a way and its children."""
        pid = self.processes.get(way)
        if pid is None:
            return []
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def cpu_seconds(self, way: str) -> float:
        total = 0
        for pid in self.family(way):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory(self, way: str) -> dict[str, float]:
        """MiB of each process, without files and without the ring that they share."""
        found = {}
        for pid in self.family(way):
            command = Path(f"/proc/{pid}/cmdline").read_text()
            roles = {"tap.forwarder": "forwarder", "passive.watcher": "watcher", "collectors.main": "worker"}
            role = next(
                (role for module, role in roles.items() if module in command),
                "supervisor" if "outrider" in way else way,
            )
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            found[role] = sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024
        return found


@contextlib.contextmanager
def program(command: Sequence[str | Path], port: int, core: str, cwd: Path) -> Iterator[int]:
    """A program on one core, until it answers on its port; ended in order."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(["taskset", "-c", core, *command], cwd=cwd, env=env)
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit(f"{command[0]} does not listen on port {port}")
            time.sleep(POLL_SECONDS)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def ways_of(payload: Payload) -> tuple[str, ...]:
    """nginx mirrors no gRPC."""
    return tuple(way for way in PORTS if not (payload.is_grpc and way == MIRROR))


@contextlib.contextmanager
def running(payload: Payload, programs: Path, folder: Path) -> Iterator[Running]:
    """Server and proxies for one payload; the passive tap runs only while it is measured."""
    folder.mkdir()
    (folder / "answer").write_bytes(payload.answer)
    (folder / "body").write_bytes(payload.request)
    (folder / "request").write_bytes(payload.http)
    with contextlib.ExitStack() as stack:

        def nginx(name: str, text: str, port: int) -> int:
            (folder / f"{name}.conf").write_text(text.format(name=name, server=SERVER, mirrored=MIRRORED))
            command = ["nginx", "-p", folder, "-c", folder / f"{name}.conf"]
            return stack.enter_context(program(command, port, PROXY_CORE, folder))

        found = {}
        server, configured = ("upstream_h2", _GRPC) if payload.is_grpc else ("upstream", _HTTP)
        for port in (SERVER, WATCHED, MIRRORED):
            stack.enter_context(program([programs / server, str(port), "answer"], port, LOAD_CORE, folder))
        found[NGINX] = nginx("proxy", configured, PORTS[NGINX])
        if not payload.is_grpc:
            found[MIRROR] = nginx("mirror", _MIRROR, PORTS[MIRROR])
        proto = "proto h2" if payload.is_grpc else ""
        (folder / "haproxy.cfg").write_text(_HAPROXY.format(port=PORTS[HAPROXY], server=SERVER, proto=proto))
        haproxy = ["haproxy", "-q", "-db", "-f", "haproxy.cfg"]
        found[HAPROXY] = stack.enter_context(program(haproxy, PORTS[HAPROXY], PROXY_CORE, folder))
        sidecar = outrider(folder, "forwarder", METRICS)
        sidecar += ["--listen", f"127.0.0.1:{PORTS[FORWARDER]}", "--upstream", f"127.0.0.1:{SERVER}"]
        found[FORWARDER] = stack.enter_context(program(sidecar, PORTS[FORWARDER], PROXY_CORE, folder))
        until_ready(METRICS)
        yield Running(folder, payload, found)


def outrider(folder: Path, name: str, metrics: int) -> list[str]:
    # Everything here is on loopback, so that is what is watched.
    watched = f"passive: {{interface: lo, ports: [{WATCHED}]}}\n" if name == "passive" else ""
    (folder / f"{name}.yaml").write_text(f"spool_quota_bytes: {SPOOL_BYTES}\n{watched}")
    command = [sys.executable, "-m", "outrider", "sidecar", "--metrics", f"127.0.0.1:{metrics}"]
    return [*command, "--spool", f"spool-{name}", "--config", f"{name}.yaml"]


@contextlib.contextmanager
def watching(at: Running) -> Iterator[None]:
    """The passive tap beside the second server: the kernel shows a packet socket every packet of the machine."""
    command = outrider(at.folder, "passive", PASSIVE_METRICS)
    with program(command, PASSIVE_METRICS, PROXY_CORE, at.folder) as pid:
        until_ready(PASSIVE_METRICS)
        at.processes[PASSIVE] = pid
        try:
            yield
        finally:
            del at.processes[PASSIVE]


def until_ready(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready"):
            return
        time.sleep(POLL_SECONDS)
    raise SystemExit(f"the sidecar with metrics on port {port} does not get ready")
