"""The loads: a closed loop at 64 connections, and requests at a fixed rate with the latency of each."""

import json
import os
import re
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tap.payloads import GRPC_PATH, Payload
from benchmarks.tap.ways import HERE, LOAD_CORE

CONNECTIONS, PACED_CONNECTIONS = 64, 16
WARM_SECONDS = 0.5


@dataclass(frozen=True)
class Saturated:
    """What a closed loop reached: requests that succeeded a second, and how many did not."""

    throughput: float
    failed: int


@dataclass(frozen=True)
class Paced:
    """Latencies of the requests that were answered; `failed` are answers that are none, and connections that were lost."""

    requests: int
    p50_us: float
    p99_us: float
    failed: int


def compile_programs(folder: Path) -> None:
    for name in ("upstream", "upstream_h2", "paced"):
        subprocess.run(["cc", "-O2", "-o", folder / name, HERE / f"{name}.c", "-lm"], check=True)


def on_load_core(command: Sequence[str | Path], environ: dict[str, str] | None = None) -> str:
    env = {**os.environ, **(environ or {})}
    done = subprocess.run(["taskset", "-c", LOAD_CORE, *command], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout[-1000:]} {done.stderr[-1000:]}")
    return done.stdout


def closed_loop(payload: Payload, port: int, seconds: float, folder: Path) -> Saturated:
    """As many requests as there is room for."""
    whole = str(max(1, round(seconds)))
    if payload.is_grpc:
        told = on_load_core(h2load(port, folder, "-c", str(CONNECTIONS), "-D", whole))
        return Saturated(float(found(r"finished in [\d.]+m?s, ([\d.]+) req/s", told)), failures(told))
    url = f"http://127.0.0.1:{port}/v2/models/m/infer"
    wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{whole}", "--timeout", "20s", "-s", HERE / "post.lua", url]
    environ = {"BODY": str(folder / "body"), "JSON_BYTES": str(payload.json_bytes or "")}
    measured = json.loads(on_load_core(wrk, environ).splitlines()[-1])
    return Saturated(float(measured["rps"]), int(measured["errors"]))


def paced(payload: Payload, port: int, rate: float, seconds: float, folder: Path, programs: Path) -> Paced:
    """Latencies at a fixed rate: with random arrivals, from when each was due (gRPC: from when it was sent)."""
    if payload.is_grpc:
        log = folder / "latencies"
        log.unlink(missing_ok=True)
        each = max(1, round(rate / PACED_CONNECTIONS))
        count = str(round(each * PACED_CONNECTIONS * (seconds + WARM_SECONDS)))
        command = h2load(port, folder, "-c", str(PACED_CONNECTIONS), "-n", count, f"--rps={each}", f"--log-file={log}")
        failed = failures(on_load_core(command))
        taken = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
        cuts = statistics.quantiles(taken, n=100)
        return Paced(len(taken), cuts[49], cuts[98], failed)
    asked = [programs / "paced", str(port), str(PACED_CONNECTIONS), str(rate), str(seconds), folder / "request"]
    measured = json.loads(on_load_core(asked))
    return Paced(measured["sent"], measured["p50_us"], measured["p99_us"], measured["errors"])


def h2load(port: int, folder: Path, *more: str) -> list[str | Path]:
    command: list[str | Path] = ["h2load", "-t1", "-m1", "-d", folder / "body", "-H", "te: trailers", *more]
    return [*command, "-H", "content-type: application/grpc", f"http://127.0.0.1:{port}{GRPC_PATH}"]


def failures(told: str) -> int:
    """Of h2load's calls; those without an answer among them."""
    return int(found(r"(\d+) failed", told))


def found(pattern: str, told: str) -> str:
    match = re.search(pattern, told)
    if match is None:
        raise SystemExit(f"h2load: {told[-1000:]}")
    return match[1]
