"""Our own commands as a user runs them: child processes that are waited for until they answer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.system.services.process import answers, free_port, running_process

COMMAND_SECONDS_MAX = 300.0


@dataclass(frozen=True)
class Monitor:
    url: str
    process: subprocess.Popen[bytes]

    def get(self, path: str, **query: str | int) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
            return json.load(answer)

    def items(self, path: str, **query: str | int) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        found: list[dict[str, Any]] = []
        page = self.get(path, limit=10_000, **query)
        while True:
            found += page["items"]
            if page["next"] is None:
                return found
            page = self.get(path, limit=10_000, cursor=page["next"], **query)

    def windows(self, model: str) -> list[dict[str, Any]]:
        return self.items(f"/api/v1/models/{model}/windows")

    def transitions(self, model: str) -> list[dict[str, Any]]:
        """Of every alert of the model, in the order of their windows."""
        alerts = self.items("/api/v1/alerts", model=model)
        found = [t for a in alerts for t in self.get(f"/api/v1/alerts/{a['fingerprint']}")["transitions"]]
        return sorted(found, key=lambda t: str(t["window"]["end"]))


@dataclass(frozen=True)
class Sidecar:
    """`address` is host:port for clients."""

    address: str
    metrics_url: str
    process: subprocess.Popen[bytes]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def sample(self, name: str, **labels: str) -> float:
        """Sum of the samples of a series whose labels include the given ones."""
        return sample(text(f"{self.metrics_url}/metrics"), name, **labels)


def sample(exposition: str, name: str, **labels: str) -> float:
    total = 0.0
    for found, value in re.findall(rf"^{name}(\{{[^\n]*\}})? ([0-9.eE+-]+)$", exposition, re.M):
        if all(f'{k}="{v}"' in found for k, v in labels.items()):
            total += float(value)
    return total


def text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read()).decode()


def outrider(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "outrider", *map(str, arguments)]


def run(*arguments: object) -> str:
    """One command to its end; its standard output. Anything but exit code 0 fails with what it said."""
    done = subprocess.run(
        outrider(*arguments), capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX, check=False
    )
    assert done.returncode == 0, f"outrider {arguments}: {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-2000:]}"
    return done.stdout


@contextmanager
def running_monitor(folder: Path, data: Path, port: int | None = None) -> Iterator[Monitor]:
    """`outrider monitor` with its log in `folder`; the same `data` and `port` again is the same monitor restarted."""
    folder.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{port or free_port()}"
    command = outrider("monitor", "--listen", address, "--data", data)
    with running_process(command, folder, lambda log: answers(f"http://{address}/health/ready")) as process:
        yield Monitor(f"http://{address}", process)


@contextmanager
def running_sidecar(
    folder: Path,
    upstream: str,
    monitor: str,
    settings: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Sidecar]:
    """`outrider sidecar` before `upstream` (host:port), shipping to `monitor` (a URL); its spool in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    listen, metrics = (f"127.0.0.1:{free_port()}" for _ in range(2))
    command = outrider("sidecar", "--listen", listen, "--upstream", upstream, "--monitor", monitor)
    command += ["--spool", str(folder / "spool"), "--metrics", metrics]
    if settings:
        (folder / "sidecar.yaml").write_text(yaml.safe_dump(dict(settings)))
        command += ["--config", str(folder / "sidecar.yaml")]
    with running_process(command, folder, lambda log: answers(f"http://{metrics}/health/ready"), environ) as process:
        yield Sidecar(listen, f"http://{metrics}", process)


@contextmanager
def running_passive(
    folder: Path,
    ports: Sequence[int],
    settings: Mapping[str, object] | None = None,
    *,
    prefix: Sequence[str] = (),
    host: str = "127.0.0.1",
) -> Iterator[Sidecar]:
    """`outrider sidecar --passive` on the ports of servers; its spool in `folder`. `prefix` runs it somewhere else."""
    folder.mkdir(parents=True, exist_ok=True)
    metrics = f"{host}:{free_port()}"
    command = outrider("sidecar", "--passive", ",".join(map(str, ports)), "--spool", folder / "spool")
    command += ["--metrics", metrics]
    if settings:
        (folder / "sidecar.yaml").write_text(yaml.safe_dump(dict(settings)))
        command += ["--config", str(folder / "sidecar.yaml")]
    with running_process([*prefix, *command], folder, lambda log: answers(f"http://{metrics}/health/ready")) as process:
        yield Sidecar(f"{host}:{ports[0]}", f"http://{metrics}", process)
