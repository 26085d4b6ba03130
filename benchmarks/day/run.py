"""A simulated day of many models, through the real way of a record: accepted, stored, closed, published.

    python -m benchmarks.day.run [--models 100] [--hours 24] [--rows 100] [--batch-seconds 60] [--each-hour] [--profile FILE]

The clock is a simulation that stands still while traffic is made and jumps over what is idle, but runs as the real one does
while the monitor works: where a period's work takes longer than the period, windows are late here as they would be there.
Small files are joined as in the service, a model a pass; passes without work, one a second, are run five times after each
round of batches and counted for the others. Embedded catalog, local segments, one thread as in the service.

What a year takes follows from what was written: rows and measurements as they are kept once their hour is joined, and
measurements of long ago as they are kept once they are thinned, both done here, by the product's own code, to the files of
one model; the catalog table by table; each for as long as retention keeps it. Prints Markdown.
"""

from __future__ import annotations

import argparse
import cProfile
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collectors.records.encoding import encode_batch
from collectors.records.types import Batch, Ledger, Prediction, Tensor
from monitor.definitions import MonitoredModel
from monitor.jobs.accept_records import read_batch
from monitor.jobs.declare_model import declare_model
from monitor.jobs.expire import HOUR_NS, Retention
from monitor.jobs.set_baseline import set_baseline
from monitor.main import Service, collect_rarely, open_service
from monitor.ports import Segment
from monitor.scheduler import PASS_SECONDS
from monitor.settings import MonitorSettings
from monitor.tiles.kernels import compile_ahead
from monitor.tiles.rows import Column, Rows

SECOND = 10**9
START = 1_800_000_000 * SECOND
PERIOD_S, LATENESS_S = 300, 30
NUMERIC, CATEGORICAL = 40, 10
NUMBERS = [f"n{i}" for i in range(NUMERIC)]
NAMES = [f"c{i}" for i in range(CATEGORICAL)]
WORDS = np.array([f"word{i}" for i in range(20)], object)
BASELINE_ROWS = 5_000
POOL = 4_096
"""Rows drawn once; batches are pieces of them, for the traffic must cost little beside the monitor."""
IDLE_PASSES = 5
"""Passes without work after each round of batches: in as many seconds everything comes once that is not done in each."""
JOINS_MAX = 20
"""Passes that join files after a round of batches: what fits between two events."""
KEPT = Retention()
CATALOG_PARTS = {
    "window_tiles": ("catalog: tiles of windows", KEPT.bookkeeping_days),
    "publications": ("catalog: results, until a day after they were taken", KEPT.published_days),
    "baselines": ("catalog: baselines, memories", 0),
    "models": ("catalog: baselines, memories", 0),
    "memories": ("catalog: baselines, memories", 0),
}
"""Table → part, and the days that it is kept; 0: as large as it is now. The others are accounts and names of files."""
ACCOUNTS = ("catalog: accounts, windows, names of files", KEPT.bookkeeping_days)
REST = ("catalog: its log, free pages", 0)
YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Seconds:
    """By the clock on the wall, where a busy machine and its disk are in it, and of all processors."""

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.wall + other.wall, self.cpu + other.cpu)


@dataclass
class WarpClock:
    """Runs with the processor's time while `running`; jumps forward to the next event when there is nothing to do."""

    now: int = START
    since: float | None = None
    cpu_since: float = 0.0

    def __call__(self) -> int:
        return self.now if self.since is None else self.now + int((time.perf_counter() - self.since) * SECOND)

    def work(self) -> None:
        self.since, self.cpu_since = time.perf_counter(), time.process_time()

    def rest(self) -> Seconds:
        """Ends the work; returns what it took."""
        assert self.since is not None
        spent = Seconds(time.perf_counter() - self.since, time.process_time() - self.cpu_since)
        self.now, self.since = self(), None
        return spent

    def jump(self, ns: int) -> None:
        """To an event, unless the work has lasted beyond it."""
        self.now = max(self.now, ns)


@dataclass
class Spent:
    """What the monitor's work took."""

    accept: Seconds = Seconds()
    close: Seconds = Seconds()
    join: Seconds = Seconds()
    idle: Seconds = Seconds()
    idle_passes: int = 0
    joins: int = 0
    batches: int = 0
    longest_close: float = 0.0


class Traffic:
    """What the sidecar of each model sends: one exchange a row, with a tensor of numbers and one of texts."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._numbers = rng.normal(size=(POOL, NUMERIC)).astype("<f8")
        self._words = WORDS[np.minimum(rng.geometric(0.2, (POOL, CATEGORICAL)) - 1, len(WORDS) - 1)]
        self._scores = (1 / (1 + np.exp(-self._numbers[:, 0]))).astype("<f8")

    def batch(self, model: str, sequence: int, start_ns: int, step_ns: int, count: int, at: int) -> bytes:
        records = []
        for i in range(count):
            row = (at + i) % POOL
            records.append(
                Prediction(
                    exchange=f"{model}-{sequence}-{i}",
                    id=f"{model}-{sequence}-{i}",
                    id_source="body",
                    model=model,
                    version="1",
                    time_ns=start_ns + i * step_ns,
                    inputs=(
                        Tensor(name="x", shape=(1, NUMERIC), datatype="FP64", data=self._numbers[row].tobytes()),
                        Tensor(name="c", shape=(1, CATEGORICAL), datatype="BYTES", items=tuple(self._words[row])),
                    ),
                    outputs=(Tensor(name="p", shape=(1, 1), datatype="FP64", data=self._scores[row].tobytes()),),
                )
            )
        ledger = Ledger(
            start_ns=start_ns, end_ns=start_ns + count * step_ns, model=model, version="1", seen=count, captured=count
        )
        return encode_batch(Batch(sidecar=f"sidecar-{model}", sequence=sequence, records=(*records, ledger)))

    def baseline(self, rng: np.random.Generator) -> Rows:
        pick = rng.integers(0, POOL, BASELINE_ROWS)
        noise = rng.normal(scale=0.05, size=(BASELINE_ROWS, NUMERIC))
        columns = {name: Column(self._numbers[pick, i] + noise[:, i]) for i, name in enumerate(NUMBERS)}
        columns |= {name: Column(self._words[pick, i]) for i, name in enumerate(NAMES)}
        columns["p"] = Column(self._scores[pick])
        ids = np.array([f"b{i}" for i in range(BASELINE_ROWS)], object)
        times = START - (BASELINE_ROWS - np.arange(BASELINE_ROWS)) * SECOND
        ones = np.ones(BASELINE_ROWS, np.int32)
        return Rows(times.astype(np.int64), ids, ones * 0, ones, columns)


def declaration(name: str) -> MonitoredModel:
    return MonitoredModel.from_document(
        {
            "model": name,
            "task": "binary",
            "features": dict.fromkeys(NUMBERS, "numeric") | dict.fromkeys(NAMES, "categorical"),
            "tensors": {"x": NUMBERS, "c": NAMES},
            "prediction": {"score": "p"},
            "windows": [{"every": f"{PERIOD_S}s", "lateness": f"{LATENESS_S}s"}],
        }
    )


def set_up(service: Service, names: list[str], traffic: Traffic) -> None:
    for number, name in enumerate(names):
        model = declaration(name)
        declare_model(model, service.context.catalog, service.context.store, START)
        rows = traffic.baseline(np.random.default_rng(number))
        set_baseline(name, rows, model, service.context.catalog, service.context.store, START, time_ordered=True)


def simulate(
    service: Service,
    clock: WarpClock,
    names: list[str],
    traffic: Traffic,
    options: argparse.Namespace,
    told: Callable[[Spent, float], None],
) -> Spent:
    """One batch of every model each `batch_seconds`, and what is due of windows in between."""
    spent = Spent()
    scheduler, acceptance = service.scheduler, service.acceptance
    each_s, step_ns = options.batch_seconds, PERIOD_S * SECOND // options.rows
    count = max(each_s * SECOND // step_ns, 1)
    for sequence in range(int(options.hours * 3600) // each_s):
        start_ns = START + sequence * each_s * SECOND
        bodies = [traffic.batch(n, sequence, start_ns, step_ns, count, sequence * count) for n in names]
        # A window is due in the middle of a stretch of traffic: its allowed lateness after the end of the period.
        for name in bodies:
            clock.jump(start_ns + each_s * SECOND)
            clock.work()
            acceptance.accept([read_batch(name)])
            spent.accept += clock.rest()
        spent.batches += len(bodies)
        clock.jump(start_ns + (each_s + LATENESS_S) * SECOND + 1)
        clock.work()
        changed = 0
        while step := scheduler.run_pass():
            changed += step
        seconds = clock.rest()
        spent.close += seconds
        if changed:
            spent.longest_close = max(spent.longest_close, seconds.wall)
        joins = 0
        while scheduler.unjoined and joins < JOINS_MAX:
            clock.jump(clock() + int(PASS_SECONDS * SECOND))
            clock.work()
            scheduler.run_pass()
            spent.join += clock.rest()
            joins += 1
        spent.joins += joins
        for _ in range(0 if scheduler.unjoined else IDLE_PASSES):
            clock.jump(clock() + int(PASS_SECONDS * SECOND))
            clock.work()
            scheduler.run_pass()
            spent.idle += clock.rest()
            spent.idle_passes += 1
        if options.verbose and changed:
            print(f"{sequence * each_s / 3600:6.2f} h  {changed} windows  {seconds.wall:6.2f} s", flush=True)
        simulated_s = (sequence + 1) * each_s
        if options.each_hour and simulated_s % 3600 == 0 and simulated_s < options.hours * 3600:
            told(spent, simulated_s)
    return spent


@dataclass(frozen=True, slots=True)
class Room:
    """What a part of the data takes: now, in all and in files; how it grows once it is settled; how long it is kept."""

    part: str
    held: int
    files: int | None = None
    a_second: float = 0.0
    kept_days: int = 0

    @property
    def year(self) -> float:
        return self.a_second * 86_400 * min(self.kept_days, YEAR_DAYS) if self.kept_days else float(self.held)


def rooms(service: Service, name: str, models: int, folder: Path, simulated_s: float) -> list[Room]:
    """Every part of the data directory; what is joined and thinned later is joined and thinned for the model `name` here."""
    rows, ids, measured, thinned = settled(service, name, folder / "segments")
    held = sizes(folder / "segments")
    grown = {
        "predictions": (rows * models, KEPT.rows_days),
        "id index": (ids * models, KEPT.rows_days),
        "measurements": (measured * models, KEPT.measurements_whole_days),
        "baselines": (0, 0),
    }
    found = []
    for kind, (total, files) in sorted(held.items()):
        settled_bytes, days = grown.get(kind, (total, KEPT.records_days))
        found.append(Room(kind, total, files, settled_bytes / simulated_s, days))
    later_days = min(KEPT.measurements_days, YEAR_DAYS) - KEPT.measurements_whole_days
    hours_s = -(-simulated_s // 3600) * 3600  # an hour that has only begun has a worst record as well
    found.append(Room("measurements of long ago, the worst of each hour", 0, 0, thinned * models / hours_s, later_days))
    return [*found, *catalog_rooms(folder, simulated_s)]


def settled(service: Service, name: str, root: Path) -> tuple[int, int, int, int]:
    """Bytes of a model's rows, their index and its measurements with every hour in one file, and of these thinned."""
    catalog, store, now_ns = service.context.catalog, service.context.store, service.context.clock()

    def bytes_of(segments: Sequence[Segment], suffix: str | None = None) -> int:
        paths = [root / s.path if suffix is None else (root / s.path).with_suffix(suffix) for s in segments]
        return sum(path.stat().st_size for path in paths if path.exists())

    totals = []
    for kind in ("predictions", "measurements"):
        hours: dict[int, list[Segment]] = {}
        for segment in catalog.segments(kind, name):
            hours.setdefault(segment.start_ns // HOUR_NS, []).append(segment)
        data = index = 0
        for segments in hours.values():
            made = [store.compact(sorted(segments, key=lambda s: s.id), now_ns)] if len(segments) > 1 else []
            data, index = data + bytes_of(made or segments), index + bytes_of(made or segments, ".ids")
            store.delete(made)
        totals += [data, index]
    measurements = sorted(catalog.segments("measurements", name), key=lambda s: s.id)
    made = [store.thin(measurements, now_ns)] if measurements else []
    thinned = bytes_of(made)
    store.delete(made)
    return totals[0], totals[1], totals[2], thinned


def catalog_rooms(folder: Path, simulated_s: float) -> list[Room]:
    """The embedded catalog by tables, with their indexes."""
    with sqlite3.connect(f"file:{folder / 'catalog.sqlite'}?mode=ro", uri=True) as connection:
        sql = "SELECT m.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_master m USING (name) GROUP BY 1"
        tables = connection.execute(sql).fetchall()
    parts: dict[tuple[str, int], int] = {}
    for table, total in tables:
        part = CATALOG_PARTS.get(table, ACCOUNTS)
        parts[part] = parts.get(part, 0) + total
    on_disk = sum(path.stat().st_size for path in folder.glob("catalog.sqlite*"))
    parts[REST] = max(on_disk - sum(parts.values()), 0)
    return [Room(part, held, None, held / simulated_s, days) for (part, days), held in sorted(parts.items())]


def sizes(folder: Path) -> dict[str, tuple[int, int]]:
    """Bytes and files of each kind of segment."""
    found: dict[str, tuple[int, int]] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            kind = "id index" if path.suffix == ".ids" else path.relative_to(folder).parts[0]
            total, files = found.get(kind, (0, 0))
            found[kind] = total + path.stat().st_size, files + 1
    return found


def report(
    service: Service, spent: Spent, names: list[str], folder: Path, options: argparse.Namespace, simulated_s: float
) -> None:
    windows = [w for name in names for w in service.context.catalog.windows(name)]
    full = [w for w in windows if w.n_window]
    late = np.array([(w.closed_ns - (w.span.end_ns or 0)) / SECOND - LATENESS_S for w in full])
    idle_passes = simulated_s / PASS_SECONDS - simulated_s / options.batch_seconds - spent.joins
    per_idle = 1 / max(spent.idle_passes, 1)
    idle = Seconds(spent.idle.wall * per_idle, spent.idle.cpu * per_idle)
    work = [
        ("accepting", spent.accept),
        ("closing, publishing, housekeeping", spent.close),
        ("joining files", spent.join),
        ("passes with nothing to do", Seconds(idle.wall * idle_passes, idle.cpu * idle_passes)),
    ]
    total = Seconds(sum(s.wall for _, s in work), sum(s.cpu for _, s in work))
    errors = service.scheduler.health.errors
    backlog = max((len(service.context.catalog.publications(e.name, 1)) for e in service.context.exporters), default=0)
    transitions = sum(len(service.context.catalog.transitions(n)) for n in names)
    print(
        f"\n{options.models} models x {NUMERIC + CATEGORICAL} features, {options.rows} rows a window of {PERIOD_S} s, "
        f"{simulated_s / 3600:g} simulated hours, a batch of each model every {options.batch_seconds} s"
    )
    print("\n| what | by the wall | of processors |\n| --- | ---: | ---: |")
    for name, took in [*work, ("all", total)]:
        print(f"| {name}, share of the time | {took.wall / simulated_s:.1%} | {took.cpu / simulated_s:.1%} |")
    print(f"| room: times this load | {simulated_s / total.wall:.1f} | {simulated_s / total.cpu:.1f} |")
    for name, took, count in (
        ("a batch accepted", spent.accept, spent.batches),
        ("a window closed and published", spent.close, len(full)),
        ("a pass that joins a model's files", spent.join, spent.joins),
        ("a pass with nothing to do", spent.idle, spent.idle_passes),
    ):
        print(f"| {name}, ms | {1e3 * took.wall / max(count, 1):.1f} | {1e3 * took.cpu / max(count, 1):.1f} |")
    print("\n| what | value |\n| --- | ---: |")
    print(f"| windows closed, with rows | {len(full):,} |")
    print(f"| all models' windows of one period, longest, s | {spent.longest_close:.1f} |")
    print(
        f"| window late, median / 99 % / most, s | {np.median(late):.1f} / {np.quantile(late, 0.99):.1f} / {late.max():.1f} |"
    )
    print(f"| windows late by more than a period | {int((late > PERIOD_S).sum())} |")
    print(
        f"| rows in windows, of rows sent | {sum(w.n_window for w in full):,} of {spent.batches * max(options.batch_seconds * options.rows // PERIOD_S, 1):,} |"
    )
    print(f"| publications that wait, errors, transitions | {backlog}, {len(errors)}, {transitions} |")
    print(f"| resident memory, most, MiB | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} |")
    print(
        "\n| on disk | MiB | files | a day once settled, MiB | kept, days | after a year, GiB |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    )
    found = rooms(service, names[0], options.models, folder, simulated_s)
    for room in found:
        files = "" if room.files is None else f"{room.files:,}"
        a_day = f"{room.a_second * 86_400 / 2**20:,.0f} | {min(room.kept_days, YEAR_DAYS)}" if room.kept_days else " | "
        print(f"| {room.part} | {room.held / 2**20:,.1f} | {files} | {a_day} | {room.year / 2**30:.2f} |")
    held, year = sum(room.held for room in found), sum(room.year for room in found)
    print(f"| all | {held / 2**20:,.1f} | | | | {year / 2**30:.1f} |")
    for error in errors[:3]:
        print(f"\n{error}")
    print(end="", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--rows", type=int, default=100, help="Rows of a window.")
    parser.add_argument("--batch-seconds", type=int, default=60)
    parser.add_argument("--profile", type=Path, help="Write a profile of the simulation here.")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--each-hour", action="store_true", help="Print all tables after each simulated hour too.")
    options = parser.parse_args()
    compile_ahead()
    collect_rarely()
    names = [f"model-{i:03d}" for i in range(options.models)]
    clock, traffic = WarpClock(), Traffic(np.random.default_rng(5))
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory) / "data"
        service = open_service(MonitorSettings(data=folder), version="benchmark", clock=clock)
        set_up(service, names, traffic)

        def told(spent: Spent, simulated_s: float) -> None:
            report(service, spent, names, folder, options, simulated_s)

        profiler = cProfile.Profile()
        if options.profile:
            profiler.enable()
        spent = simulate(service, clock, names, traffic, options, told)
        if options.profile:
            profiler.disable()
            profiler.dump_stats(options.profile)
        told(spent, options.hours * 3600)
        service.close()


if __name__ == "__main__":
    main()
