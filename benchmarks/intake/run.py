"""What the monitor's door of CloudEvents takes: single events a second, beside a bare handler of the same framework.

    python -m benchmarks.intake.run [--rounds 3] [--seconds 4] [--connections 64]

Needs two processors and `wrk`. The server is on processor 0, the load on processor 1; the two take turns within a run. Each event
is half an inference of 0.4 KB in binary mode; every second one completes an exchange, which is stored durably before it is
answered. Prints Markdown; `kept` is how many of the exchanges that were sent the monitor says it has.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from benchmarks.tap.ways import LOAD_CORE, PROXY_CORE, program

HERE = Path(__file__).parent
MONITOR, BARE = 21920, 21921


def load(port: int, path: str, connections: int, seconds: float, run: str) -> dict[str, float]:
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}"]
    command += ["--timeout", "20s", "--latency", "-s", str(HERE / "events.lua"), f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(command, env={**os.environ, "RUN": run}, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def paired() -> float:
    """Exchanges that the monitor has completed."""
    with urllib.request.urlopen(f"http://127.0.0.1:{MONITOR}/metrics") as answer:
        answered = answer.read().decode()
        found = re.search(r'^outrider_received_records_total\{type="prediction"\} ([0-9.e+]+)$', answered, re.M)
    return float(found[1]) if found else 0.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--connections", type=int, default=64)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        monitor = [sys.executable, "-m", "outrider", "monitor", "--listen", f"127.0.0.1:{MONITOR}", "--data", "data"]
        bare = [sys.executable, str(HERE / "bare.py"), str(BARE)]
        found: dict[str, list[dict[str, float]]] = {"bare handler": [], "CloudEvents": []}
        with program(bare, BARE, PROXY_CORE, folder), program(monitor, MONITOR, PROXY_CORE, folder):
            for turn in range(chosen.rounds):
                for way, port in (("bare handler", BARE), ("CloudEvents", MONITOR)):
                    found[way].append(load(port, "/cloudevents", chosen.connections, chosen.seconds, f"r{turn}"))
            kept = paired()
    rates = {way: statistics.median(each["rps"] for each in rounds) for way, rounds in found.items()}
    sent = sum(each["rps"] * chosen.seconds for each in found["CloudEvents"]) / 2
    print(
        f"| way | events/s, {chosen.connections} connections | ÷ bare | p50, ms | p99, ms | failed |\n|---|---:|---:|---:|---:|---:|"
    )
    for way, rounds in found.items():
        ratio = statistics.median(
            one["rps"] / other["rps"] for one, other in zip(rounds, found["bare handler"], strict=True)
        )
        p50, p99 = (statistics.median(each[of] for each in rounds) / 1e3 for of in ("p50_us", "p99_us"))
        print(
            f"| {way} | {rates[way]:,.0f} | {ratio:.2f} | {p50:.1f} | {p99:.1f} | {sum(each['errors'] for each in rounds):.0f} |"
        )
    print(f"\nExchanges kept: {kept:,.0f} of about {sent:,.0f} sent.")


if __name__ == "__main__":
    main()
