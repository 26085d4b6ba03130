"""What Evidently costs the windows of a monitor: some models that ask it in every window, and others that do not.

    python -m benchmarks.evidently.run [--asking 20] [--others 20] [--every 120] [--windows 2]

A real monitor without its web interface, in real time: rows come for every window, and what is told is how late after
its time each window was closed, and how much later what Evidently says of it had come. Prints Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monitor.definitions import MonitoredModel
from monitor.jobs.declare_model import declare_model
from monitor.jobs.set_baseline import set_baseline
from monitor.main import Service, open_service
from monitor.ports import Publication
from monitor.settings import MonitorSettings
from monitor.tiles.rows import Column, Rows

SECOND = 10**9
LATENESS_SECONDS = 5
ROWS = 1_000
BASELINE_ROWS = 5_000
NUMBERS, CATEGORIES = 7, 3
EXPORTER = "benchmark"
DRAIN_SECONDS = 600.0


def rows_of(rng: np.random.Generator, n: int, start_ns: int, seconds: float, name: str) -> Rows:
    columns = {f"x{i}": Column(rng.normal(size=n)) for i in range(NUMBERS)}
    names = np.array(["a", "b", "c", "d", "e"], object)
    columns |= {f"c{i}": Column(rng.choice(names, n)) for i in range(CATEGORIES)}
    times = start_ns + (np.arange(n) * (seconds * SECOND / n)).astype(np.int64)
    ids = np.array([f"{name}-{i}" for i in range(n)], object)
    return Rows(times, ids, np.zeros(n, np.int32), np.ones(n, np.int32), columns)


def declared(name: str, every: int, *, asks: bool) -> MonitoredModel:
    features = {f"x{i}": "numeric" for i in range(NUMBERS)} | {f"c{i}": "categorical" for i in range(CATEGORIES)}
    windows = [{"every": f"{every}s", "lateness": f"{LATENESS_SECONDS}s"}]
    document = {"model": name, "features": features, "windows": windows}
    return MonitoredModel.from_document(document | ({"evidently": ["DataDriftPreset"]} if asks else {}))


def prepare(service: Service, models: Sequence[MonitoredModel], rng: np.random.Generator) -> None:
    context = service.context
    for model in models:
        now_ns = context.clock()
        declare_model(model, context.catalog, context.store, now_ns)
        before = rows_of(rng, BASELINE_ROWS, now_ns - 10**15, 10**6, "b")
        set_baseline(model.model, before, model, context.catalog, context.store, now_ns, time_ordered=True)
    context.catalog.publications(EXPORTER)


def run(service: Service, models: Sequence[MonitoredModel], every: int, windows: int) -> list[Publication]:
    """Rows for each window at its beginning; what was committed until the last answer has come."""
    rng, context = np.random.default_rng(1), service.context
    period = every * SECOND
    first = (time.time_ns() // period + 1) * period
    service.start()
    for k in range(windows):
        start = first + k * period
        while time.time_ns() < start:
            time.sleep(0.2)
        segments = [
            context.store.write_rows(m.model, "1", rows_of(rng, ROWS, start, every * 0.9, f"w{k}"), time.time_ns())
            for m in models
        ]
        context.catalog.put_segments(segments)
    deadline = first / SECOND + windows * every + LATENESS_SECONDS + DRAIN_SECONDS
    found: list[Publication] = []
    asked = sum(bool(m.evidently) for m in models)
    while time.time() < deadline and len(found) < windows * (len(models) + asked):
        time.sleep(1)
        page = context.catalog.publications(EXPORTER, 1_000)
        if page:
            context.catalog.published(EXPORTER, page[-1].sequence)
        found += [p for p in page if first <= (p.window.span.start_ns or 0) < first + windows * period]
    return found


def told(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none | | "
    return f"{len(seconds)} | {np.median(seconds):.1f} | {max(seconds):.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asking", type=int, default=20)
    parser.add_argument("--others", type=int, default=20)
    parser.add_argument("--every", type=int, default=120)
    parser.add_argument("--windows", type=int, default=2)
    options = parser.parse_args()
    asking = [declared(f"asks-{i:02}", options.every, asks=True) for i in range(options.asking)]
    others = [declared(f"plain-{i:02}", options.every, asks=False) for i in range(options.others)]
    with tempfile.TemporaryDirectory() as folder:
        service = open_service(MonitorSettings(data=Path(folder)), version="benchmark")
        try:
            # Mixed by name, as the scheduler meets them.
            models = [m for pair in zip(asking, others, strict=False) for m in pair]
            models += asking[len(others) :] + others[len(asking) :]
            prepare(service, models, np.random.default_rng(0))
            found = run(service, models, options.every, options.windows)
        finally:
            service.close()
    late: dict[str, list[float]] = {"other models' windows": [], "windows of models that ask": [], "answers": []}
    for p in found:
        seconds = (p.window.closed_ns - (p.window.span.end_ns or 0)) / SECOND - LATENESS_SECONDS
        is_asking = p.window.model.startswith("asks")
        closed = "windows of models that ask" if is_asking else "other models' windows"
        key = "answers" if p.window.revision else closed
        late[key].append(seconds)
    print(
        f"{options.asking} models with `evidently: [DataDriftPreset]` and {options.others} without, every {options.every} s,"
        f" {ROWS:,} rows of {NUMBERS + CATEGORIES} columns a window; seconds after each window was due:\n"
    )
    print("| | windows | median | latest |\n|---|---|---|---|")
    for name, seconds in late.items():
        print(f"| {name} | {told(seconds)} |")


if __name__ == "__main__":
    main()
