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
from benchmarks.tap.ways import HERE, LOAD_CORE, NGINX, PORTS

CONNECTIONS, PACED_CONNECTIONS = 64, 16
WARM_SECONDS = 0.5
GRPC_FAILED_MAX = {PORTS[NGINX]: 0.001}
"""nginx 1.22 answers one call in some thousands with 502, as it takes a late frame of its server for an error. No other
way may fail at all."""


@dataclass(frozen=True)
class Paced:
    requests: int
    p50_us: float
    p99_us: float


def compile_programs(folder: Path) -> None:
    for name in ("upstream", "paced"):
        subprocess.run(["cc", "-O2", "-o", folder / name, HERE / f"{name}.c", "-lm"], check=True)


def on_load_core(command: Sequence[str | Path], environ: dict[str, str] | None = None) -> str:
    env = {**os.environ, **(environ or {})}
    done = subprocess.run(["taskset", "-c", LOAD_CORE, *command], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout[-1000:]} {done.stderr[-1000:]}")
    return done.stdout


def closed_loop(payload: Payload, port: int, seconds: float, folder: Path) -> float:
    """Requests a second at saturation."""
    whole = str(max(1, round(seconds)))
    if payload.is_grpc:
        told = on_load_core(h2load(port, folder, "-c", str(CONNECTIONS), "-D", whole))
        look_at_failures(told, port)
        return float(found(r"finished in [\d.]+m?s, ([\d.]+) req/s", told))
    url = f"http://127.0.0.1:{port}/v2/models/m/infer"
    wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{whole}", "--timeout", "20s", "-s", HERE / "post.lua", url]
    environ = {"BODY": str(folder / "body"), "JSON_BYTES": str(payload.json_bytes or "")}
    measured = json.loads(on_load_core(wrk, environ).splitlines()[-1])
    if measured["errors"]:
        raise SystemExit(f"{measured['errors']} errors: {payload.name} on port {port}")
    return float(measured["rps"])


def paced(payload: Payload, port: int, rate: float, seconds: float, folder: Path, programs: Path) -> Paced:
    """Latencies at a fixed rate: with random arrivals, from when each was due (gRPC: from when it was sent)."""
    if payload.is_grpc:
        log = folder / "latencies"
        log.unlink(missing_ok=True)
        each = max(1, round(rate / PACED_CONNECTIONS))
        count = str(round(each * PACED_CONNECTIONS * (seconds + WARM_SECONDS)))
        command = h2load(port, folder, "-c", str(PACED_CONNECTIONS), "-n", count, f"--rps={each}", f"--log-file={log}")
        look_at_failures(on_load_core(command), port)
        taken = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
        cuts = statistics.quantiles(taken, n=100)
        return Paced(len(taken), cuts[49], cuts[98])
    asked = [programs / "paced", str(port), str(PACED_CONNECTIONS), str(rate), str(seconds), folder / "request"]
    measured = json.loads(on_load_core(asked))
    if measured["errors"]:
        raise SystemExit(f"{measured['errors']} errors: {payload.name} on port {port}")
    return Paced(measured["sent"], measured["p50_us"], measured["p99_us"])


def h2load(port: int, folder: Path, *more: str) -> list[str | Path]:
    command: list[str | Path] = ["h2load", "-t1", "-m1", "-d", folder / "body", "-H", "te: trailers", *more]
    return [*command, "-H", "content-type: application/grpc", f"http://127.0.0.1:{port}{GRPC_PATH}"]


def look_at_failures(told: str, port: int) -> None:
    failed, done = int(found(r"(\d+) failed", told)), int(found(r"(\d+) done", told))
    if failed > GRPC_FAILED_MAX.get(port, 0.0) * done:
        raise SystemExit(f"{failed} of {done} failed on port {port}")


def found(pattern: str, told: str) -> str:
    match = re.search(pattern, told)
    if match is None:
        raise SystemExit(f"h2load: {told[-1000:]}")
    return match[1]
