"""What we want, beside what was measured."""

from benchmarks.tap.measured import Round, added, median
from benchmarks.tap.payloads import PAYLOADS, SMALL
from benchmarks.tap.ways import DIRECT, FORWARDER, MIRROR, NGINX, PASSIVE

Measured = dict[str, tuple[list[Round], dict[float, float]]]
"""Rounds by payload, and the share of exchanges captured by share of saturation."""

MIB_MAX = {"forwarder": 30.0, "watcher": 30.0, "worker": 150.0}


def print_goals(measured: Measured) -> None:
    """Of the payloads that were measured."""
    lines: list[tuple[str, str, str, bool]] = []

    def at_least(what: str, wanted: float, found: float) -> None:
        lines.append((what, f"≥ {wanted:g}", f"{found:.2f}", found >= wanted))

    def at_most(what: str, wanted: float, found: float) -> None:
        lines.append((what, f"≤ {wanted:g}", f"{found:.2f}", found <= wanted))

    if SMALL.name in measured:
        rounds, captured = measured[SMALL.name]
        at_least("forwarder's throughput ÷ nginx", 0.6, median(rounds, "throughput", FORWARDER, NGINX))
        at_least("forwarder's throughput ÷ nginx mirror", 3.0, median(rounds, "throughput", FORWARDER, MIRROR))
        at_most("added p50 ÷ nginx's", 1.1, added(rounds, "p50_us", FORWARDER) / added(rounds, "p50_us", NGINX))
        at_most("p99 ÷ nginx's", 1.5, median(rounds, "p99_us", FORWARDER, NGINX))
        at_least("exchanges captured up to half of saturation", 1.0, min(v for k, v in captured.items() if k <= 0.5))
        at_least("passive: throughput ÷ direct", 0.85, median(rounds, "throughput", PASSIVE, DIRECT))
        at_most("passive: added p50, µs", 5.0, added(rounds, "p50_us", PASSIVE))
    for payload in PAYLOADS:
        if payload.is_grpc and payload.name in measured:
            ratio = median(measured[payload.name][0], "throughput", FORWARDER, NGINX)
            at_least("gRPC: forwarder's throughput ÷ nginx", 1.3, ratio)
    for payload in PAYLOADS:
        if payload.name in measured:
            failed = sum(each[way].failed for each in measured[payload.name][0] for way in (FORWARDER, PASSIVE))
            at_most(f"{payload.name}: requests of ours that failed", 0.0, failed)
    weighed = [way.memory for rounds, _ in measured.values() for each in rounds for way in each.values()]
    for role, most in MIB_MAX.items():
        at_most(f"{role}'s own memory, MiB", most, max((each[role] for each in weighed if role in each), default=0.0))
    print("\n**Goals**\n\n| what | wanted | measured | holds |\n|---|---:|---:|---|")
    for what, wanted, found, holds in lines:
        print(f"| {what} | {wanted} | {found} | {'yes' if holds else 'no'} |")
