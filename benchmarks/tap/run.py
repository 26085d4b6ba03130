"""What the tap costs: throughput and latency beside a direct connection, nginx, nginx with a mirror, and haproxy, in one run.

    python -m benchmarks.tap.run [--rounds 5] [--seconds 4] [--quick]

Needs Linux with two processors or more, a C compiler, and `wrk`, `nginx`, `haproxy` and `h2load` (Debian: gcc, wrk,
nginx-light, haproxy, nghttp2-client). All proxies are on processor 0, the sidecar with its capture worker beside it on the
same one; load and server are on processor 1. The passive tap (root, or CAP_NET_RAW) watches a second server of the same
kind, and runs only while that one is measured.
In every round each way is measured once, one after the other, so that ratios are taken within rounds; the tables have
their medians. Prints Markdown. `--quick` takes some five minutes, the whole some twenty. The machine should have nothing
else to do; `load` in the last line says whether it had.
"""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.tap.accounts import seen
from benchmarks.tap.goals import print_goals
from benchmarks.tap.loads import CONNECTIONS, closed_loop, compile_programs, paced
from benchmarks.tap.measured import Measured, Round, added, median
from benchmarks.tap.neighbours import print_neighbours
from benchmarks.tap.payloads import PAYLOADS, SMALL, TENSOR, Payload
from benchmarks.tap.ways import (
    DIRECT,
    FORWARDER,
    METRICS,
    NGINX,
    PASSIVE,
    PASSIVE_METRICS,
    PORTS,
    Running,
    running,
    watching,
    ways_of,
)

SHARES_OF_SATURATION = (0.25, 0.5, 0.75, 0.9)
ACCOUNTS = {FORWARDER: METRICS, PASSIVE: PASSIVE_METRICS}
MILLION = 1e6


def measure(at: Running, way: str, seconds: float, programs: Path) -> Measured:
    port, payload = PORTS[way], at.payload
    with watching(at) if way == PASSIVE else contextlib.nullcontext():
        with seen(ACCOUNTS.get(way)) as at_saturation:
            saturated = closed_loop(payload, port, seconds, at.folder)
        with seen(ACCOUNTS.get(way)) as at_rate:
            before = at.cpu_seconds(way)
            latency = paced(payload, port, payload.rate, seconds, at.folder, programs)
            cpu = at.cpu_seconds(way) - before
        return Measured(saturated, latency, MILLION * cpu / latency.requests, at_saturation, at_rate, at.memory(way))


def print_payload(payload: Payload, rounds: list[Round]) -> None:
    print(f"\n**{payload.name}**, latency at {payload.rate:,} requests a second\n")
    columns = (
        f"requests/s, {CONNECTIONS} connections",
        "÷ direct",
        "÷ nginx",
        "p50 µs",
        "added p50",
        "p99 µs",
        "added p99",
    )
    more = (
        "p99 ÷ nginx",
        "CPU s / 10⁶",
        "copied at the rate",
        "copied at saturation",
        "adds up",
        "failed",
        "own memory, MiB",
    )
    print(f"| way | {' | '.join(columns + more)} |")
    print(f"|---{'|---:' * (len(columns) + len(more) - 1)}|---|")
    for way in ways_of(payload):
        cells = [
            f"{median(rounds, 'throughput', way):,.0f}",
            f"{median(rounds, 'throughput', way, DIRECT):.2f}",
            f"{median(rounds, 'throughput', way, NGINX):.2f}",
            f"{median(rounds, 'p50_us', way):.0f}",
            f"{added(rounds, 'p50_us', way):+.0f}",
            f"{median(rounds, 'p99_us', way):,.0f}",
            f"{added(rounds, 'p99_us', way):+,.0f}",
            f"{median(rounds, 'p99_us', way, NGINX):.2f}",
            f"{median(rounds, 'cpu', way):.0f}" if way != DIRECT else "",
        ]
        if way in ACCOUNTS:
            looks = [look for each in rounds for look in (each[way].at_rate, each[way].at_saturation)]
            cells += [
                f"{statistics.median(each[way].at_rate.share for each in rounds):.1%}",
                f"{statistics.median(each[way].at_saturation.share for each in rounds):.1%}",
                "yes" if all(look.adds_up for look in looks) else "NO",
            ]
        else:
            cells += ["", "", ""]
        cells.append(f"{sum(each[way].failed for each in rounds):,}")
        memory = ", ".join(f"{role} {mib:.0f}" for role, mib in sorted(rounds[-1][way].memory.items()))
        print(f"| {way} | {' | '.join(cells)} | {memory} |", flush=True)


def print_shares(at: Running, rounds: list[Round], seconds: float, programs: Path) -> dict[float, float]:
    """How much of the traffic is captured on the way to saturation; the share of the exchanges, by that of saturation."""
    captured = {}
    saturation = median(rounds, "throughput", FORWARDER)
    print(f"\n**Captured on the way to saturation** ({at.payload.name}; saturation is {saturation:,.0f} requests/s)\n")
    print("| share of saturation | requests/s | bytes copied | exchanges captured ÷ sent | bytes add up |")
    print("|---:|---:|---:|---:|---|")
    for share in SHARES_OF_SATURATION:
        with seen(METRICS) as found:
            sent = paced(at.payload, PORTS[FORWARDER], share * saturation, seconds, at.folder, programs).requests
        told = "yes" if found.adds_up else "NO"
        captured[share] = found.captured / sent
        print(f"| {share:.0%} | {share * saturation:,.0f} | {found.share:.2%} | {found.captured / sent:.2%} | {told} |")
    return captured


def measure_payload(
    payload: Payload, chosen: argparse.Namespace, programs: Path
) -> tuple[list[Round], dict[float, float]]:
    rounds: list[Round] = []
    captured: dict[float, float] = {}
    with running(payload, programs, programs / payload.name.replace(" ", "-")) as at:
        for turn in range(chosen.rounds):
            print(f"{payload.name}: round {turn + 1} of {chosen.rounds}", file=sys.stderr)
            rounds.append({way: measure(at, way, chosen.seconds, programs) for way in ways_of(payload)})
        print_payload(payload, rounds)
        if payload is SMALL:
            captured = print_shares(at, rounds, chosen.seconds, programs)
            print_neighbours(at, TENSOR, chosen.rounds, chosen.seconds, programs)
    return rounds, captured


def wanted(payload: Payload, part: str | None) -> bool:
    return part is None or part.lower() in payload.name.lower()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--quick", action="store_true", help="two rounds of a second")
    options.add_argument("--payload", help="only those with this in their name: 0.5 KB, 12 KB, 600 KB, gRPC")
    chosen = options.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds = 2, 1.0
    if not any(wanted(payload, chosen.payload) for payload in PAYLOADS):
        options.error(f"no payload has {chosen.payload!r} in its name: {', '.join(each.name for each in PAYLOADS)}")
    began, before = time.monotonic(), os.getloadavg()[0]
    measured: dict[str, tuple[list[Round], dict[float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        programs = Path(name)
        compile_programs(programs)
        for payload in PAYLOADS:
            if wanted(payload, chosen.payload):
                measured[payload.name] = measure_payload(payload, chosen, programs)
    print_goals(measured)
    minutes, after = (time.monotonic() - began) / 60, os.getloadavg()[0]
    print(f"\n{chosen.rounds} rounds of {chosen.seconds} s, medians; {minutes:.1f} minutes;", end=" ")
    print(f"load of the machine before {before:.1f}, after {after:.1f}.")


if __name__ == "__main__":
    main()
