"""Whether a large tensor that is decoded delays the small requests beside it."""

import statistics
import subprocess
from pathlib import Path

from benchmarks.tap.loads import paced
from benchmarks.tap.payloads import Payload
from benchmarks.tap.ways import DIRECT, FORWARDER, HAPROXY, LOAD_CORE, NGINX, PORTS, Running

WAYS = (DIRECT, NGINX, HAPROXY, FORWARDER)
RATE, TENSORS_RATE, TENSORS_CONNECTIONS = 1000, 20, 2


def print_neighbours(at: Running, tensor: Payload, rounds: int, seconds: float, programs: Path) -> None:
    """Small requests alone, and beside tensors on other connections of the same way."""
    request = at.folder / "tensor"
    request.write_bytes(tensor.http)
    found: dict[str, list[tuple[float, float, float, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            alone = paced(at.payload, PORTS[way], RATE, seconds, at.folder, programs)
            command = ["taskset", "-c", LOAD_CORE, programs / "paced", str(PORTS[way]), str(TENSORS_CONNECTIONS)]
            command += [str(TENSORS_RATE), str(seconds + 0.5), request]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as tensors:
                beside = paced(at.payload, PORTS[way], RATE, seconds, at.folder, programs)
            if tensors.returncode:
                raise SystemExit(f"{command}: {tensors.returncode}")
            found[way].append((alone.p50_us, beside.p50_us, alone.p99_us, beside.p99_us))
    print(f"\n**{at.payload.name} at {RATE:,}/s, beside a {tensor.name} on other connections at {TENSORS_RATE}/s**\n")
    print("| way | p50 alone, µs | p50 beside, µs | delayed by | p99 alone, µs | p99 beside, µs | delayed by |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for way, measured in found.items():
        p50, p50_beside, p99, p99_beside = (statistics.median(each[i] for each in measured) for i in range(4))
        print(
            f"| {way} | {p50:.0f} | {p50_beside:.0f} | {p50_beside - p50:+.0f} "
            f"| {p99:,.0f} | {p99_beside:,.0f} | {p99_beside - p99:+,.0f} |",
            flush=True,
        )
