"""What the tap costs: throughput and added latency beside a direct connection and beside nginx, in one run.

    python benchmarks/tap/run.py [--rounds 5] [--seconds 4]

Needs Linux with two processors or more, a C compiler, `wrk` and `nginx` (Debian: gcc, wrk, nginx-light). Each proxy runs
alone on processor 0, the sidecar with its capture worker beside it on the same one; load and server run on processor 1.
The passive tap (root, or CAP_NET_RAW) watches a second server of the same kind, and runs only while that one is measured:
the kernel shows a packet socket every packet of the machine.
In every round each way is measured once, one after the other, so that the ratios are taken within rounds; the table has
their medians. Throughput is wrk's closed loop at 64 connections. Latency is measured at 5,000 requests a second with
random arrivals, from when each request was due. The machine should have nothing else to do.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROXY_CORE, LOAD_CORE = "0", "1"
UPSTREAM, NGINX, SIDECAR, METRICS, WATCHED, PASSIVE_METRICS = 21900, 21901, 21902, 21903, 21904, 21905
PASSIVE = "outrider passive"
WAYS = {"direct": UPSTREAM, "nginx": NGINX, "outrider sidecar": SIDECAR, PASSIVE: WATCHED}
CONNECTIONS, RATE = 64, 5000
SETTLE_SECONDS = 1.0
SETTLE_TIMES_MAX = 20

NGINX_CONFIGURATION = f"""
worker_processes 1; daemon off; master_process off; error_log stderr crit; pid nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 100000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  upstream server {{ server 127.0.0.1:{UPSTREAM}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{NGINX};
    location / {{
      proxy_pass http://server; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_request_buffering off;
    }}
  }}
}}
"""


def body() -> bytes:
    """One row of twenty features in the Open Inference Protocol: about half a kilobyte."""
    data = [round(0.37 * i - 3.1, 4) for i in range(20)]
    tensor = {"name": "x", "shape": [1, 20], "datatype": "FP32", "data": data}
    return json.dumps({"id": "0123456789abcdef", "inputs": [tensor], "parameters": {"pad": "x" * 200}}).encode()


def answer() -> bytes:
    tensor = {"name": "p", "shape": [1, 1], "datatype": "FP32", "data": [0.5]}
    return json.dumps({"model_name": "m", "outputs": [tensor], "parameters": {"pad": "x" * 800}}).encode()


def compile_programs(folder: Path) -> None:
    for name in ("upstream", "paced"):
        subprocess.run(["cc", "-O2", "-o", folder / name, HERE / f"{name}.c", "-lm"], check=True)


@contextlib.contextmanager
def running(command: Sequence[str | Path], port: int, core: str, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program on one core, until it answers on its port; ended in order."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(["taskset", "-c", core, *command], cwd=cwd, env=env)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        else:
            raise SystemExit(f"{command[0]} does not listen on port {port}")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def load(command: Sequence[str | Path], folder: Path) -> dict[str, float]:
    env = {**os.environ, "BODY": str(folder / "body.json")}
    done = subprocess.run(["taskset", "-c", LOAD_CORE, *command], env=env, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if measured["errors"]:
        raise SystemExit(f"{measured['errors']} errors: {command}")
    return measured


def measure(port: int, seconds: float, folder: Path) -> tuple[float, float, float]:
    """Requests a second at saturation; 50th and 99th percentile of the latency at the fixed rate, in microseconds."""
    url = f"http://127.0.0.1:{port}/v2/models/m/infer"
    wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}", "-s", HERE / "post.lua", url]
    throughput = load(wrk, folder)["rps"]
    time.sleep(SETTLE_SECONDS)  # the worker reads what waits in the ring
    paced = load([folder / "paced", str(port), "16", str(RATE), str(seconds), folder / "request"], folder)
    return throughput, paced["p50_us"], paced["p99_us"]


def children_mib(pid: int) -> dict[str, float]:
    """Memory of the sidecar's children, by process, without files and without the ring that they share."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline").read_text()
        name = next((tap for tap in ("forwarder", "watcher") if tap in command), "worker")
        rollup = Path(f"/proc/{child}/smaps_rollup").read_text()
        found[name] = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Anonymous:")) / 1024
    return found


def account(port: int) -> dict[str, float]:
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    names = ("bytes", "copied_bytes", "packets", "dropped_packets")
    lines = [line.rpartition(" ") for line in text.splitlines()]
    return {
        name: sum(float(value) for series, _, value in lines if series.split("{")[0] == f"outrider_tap_{name}_total")
        for name in names
    }


def settled(port: int) -> dict[str, float]:
    """The account once what waits in the kernel's ring has been read."""
    before, now = {}, account(port)
    for _ in range(SETTLE_TIMES_MAX):
        if before == now:
            break
        time.sleep(SETTLE_SECONDS)
        before, now = now, account(port)
    return now


@contextlib.contextmanager
def watching(folder: Path, told: list[str]) -> Iterator[None]:
    """The passive tap beside the second server; says at the end what it saw."""
    address = f"127.0.0.1:{PASSIVE_METRICS}"
    passive = [sys.executable, "-m", "outrider", "sidecar", "--passive", str(WATCHED)]
    passive += ["--metrics", address, "--spool", "spool-passive"]
    with running(passive, PASSIVE_METRICS, PROXY_CORE, folder) as process:
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/health/ready"):
                break
            time.sleep(0.05)
        yield
        counts = settled(PASSIVE_METRICS)
        told.append(
            f"Passive: {counts['copied_bytes'] / counts['bytes']:.1%} of the bytes copied, also at saturation; "
            f"{counts['dropped_packets'] / counts['packets']:.1%} of the packets dropped by the kernel; {memory(process.pid)}."
        )


def memory(pid: int) -> str:
    mib = ", ".join(f"{name} {mib:.0f} MiB" for name, mib in sorted(children_mib(pid).items()))
    return f"memory beside the ring: {mib}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=4.0)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        compile_programs(folder)
        (folder / "body.json").write_bytes(body())
        (folder / "answer.json").write_bytes(answer())
        head = f"POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body())}\r\n\r\n"
        (folder / "request").write_bytes(head.encode() + body())
        (folder / "nginx.conf").write_text(NGINX_CONFIGURATION)
        for port in (UPSTREAM, WATCHED):
            stack.enter_context(running([folder / "upstream", str(port), "answer.json"], port, LOAD_CORE, folder))
        nginx = ["nginx", "-p", folder, "-c", folder / "nginx.conf"]
        stack.enter_context(running(nginx, NGINX, PROXY_CORE, folder))
        sidecar = [sys.executable, "-m", "outrider", "sidecar", "--listen", f"127.0.0.1:{SIDECAR}"]
        sidecar += ["--upstream", f"127.0.0.1:{UPSTREAM}", "--metrics", f"127.0.0.1:{METRICS}", "--spool", "spool"]
        process = stack.enter_context(running(sidecar, SIDECAR, PROXY_CORE, folder))
        time.sleep(2 * SETTLE_SECONDS)
        rounds = []
        told: list[str] = []
        for number in range(chosen.rounds):
            print(f"round {number + 1} of {chosen.rounds}", file=sys.stderr)
            rounds.append({})
            for way, port in WAYS.items():
                with watching(folder, told) if way == PASSIVE else contextlib.nullcontext():
                    rounds[-1][way] = measure(port, chosen.seconds, folder)
        print_table(rounds)
        counts = account(METRICS)
        share = counts["copied_bytes"] / counts["bytes"]
        print(f"\nForwarder: {share:.1%} of the bytes copied, also at saturation; {memory(process.pid)}.\n{told[-1]}")


def print_table(rounds: list[dict[str, tuple[float, float, float]]]) -> None:
    print(f"Small JSON, {len(rounds)} rounds, medians; latency at {RATE:,} requests a second.\n")
    print(
        "| way | requests/s, 64 connections | ratio to direct | ratio to nginx | p50 µs | added p50 µs | ratio to nginx's | p99 µs |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for way in WAYS:
        rate, p50, p99 = (statistics.median(each[way][i] for each in rounds) for i in range(3))
        to_direct = statistics.median(each[way][0] / each["direct"][0] for each in rounds)
        to_nginx = statistics.median(each[way][0] / each["nginx"][0] for each in rounds)
        added = statistics.median(each[way][1] - each["direct"][1] for each in rounds)
        cost = statistics.median(
            (each[way][1] - each["direct"][1]) / max(1.0, each["nginx"][1] - each["direct"][1]) for each in rounds
        )
        print(
            f"| {way} | {rate:,.0f} | {to_direct:.2f} | {to_nginx:.2f} | {p50:.0f} | {added:+.1f} | {cost:.2f} | {p99:.0f} |"
        )


if __name__ == "__main__":
    main()
