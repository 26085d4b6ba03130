"""What a window costs, beside the limits of the machine and the peers, in one run.

    python benchmarks/windows/run.py [--only drift|small|categories|classes|way|estimation|memory] [--seconds 2] [--peers DIR]

Every contender of a race reads the same values. They take turns, so that what else the machine does slows them alike; the
best of all turns counts. One thread each. The peers run in an environment of their own, made under `--peers` (default
`.services/peers`) with `pip install nannyml evidently`. Some five minutes on a quiet machine. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cases_estimation import numpy_way, ours
from data import BASELINE_ROWS, ESTIMATED_GROUPS, LABELLED_ROWS, drawn, predicted, scored

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.findings import AlertKind, Span
from monitor.jobs.look import Subject, Track, plan_for, take_look
from monitor.metrics.registry import METRICS, measure
from monitor.segments.columns import from_arrow
from monitor.segments.rows_table import from_tables, to_table
from monitor.tiles.baseline import build_baseline
from monitor.tiles.flipping import FLIP_METRIC
from monitor.tiles.freeze import categorical_grid
from monitor.tiles.kernels import compile_ahead
from monitor.tiles.profile import categorical_tile, profile
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import Baseline, TileSet

ROUNDS_MIN = 3
RACES = ("drift", "small", "categories", "classes", "way", "estimation")
MODEL = MonitoredModel("benchmark")
BINARY = MonitoredModel(
    "benchmark",
    task="binary",
    prediction=Prediction(score="p"),
    label=Label("y", "1"),
    groups=("g",),
    metrics=tuple(
        m.name for m in METRICS if m.kind in (AlertKind.PERFORMANCE, AlertKind.FAIRNESS) and m.name != FLIP_METRIC
    ),
)
FLIPPING = replace(BINARY, metrics=(*BINARY.metrics, FLIP_METRIC))
"""The flip test compares people with their nearest of another group: no peer has anything like it."""
SPAN = Span(0, 300 * 10**9)
PEERS = ("nannyml==0.13.1", "statsmodels", "evidently==0.7.23", "pandas<3", "scikit-learn")
"""NannyML imports statsmodels without asking for it; pandas 3 is more than Evidently can import with."""


class Peers:
    """The worker in the peers' environment."""

    def __init__(self, folder: Path) -> None:
        python = folder / "venv" / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "-q", *PEERS], check=True)
        self._worker = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("peers.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, *words: object) -> float:
        """Seconds of a turn. Raises RuntimeError with the peer's own reason."""
        assert self._worker.stdin and self._worker.stdout
        print(*words, sep="\t", file=self._worker.stdin, flush=True)
        answer = self._worker.stdout.readline().strip()
        if not answer or answer.startswith("!"):
            raise RuntimeError(answer or "the worker ended")
        return float(answer)

    def close(self) -> None:
        assert self._worker.stdin
        self._worker.stdin.close()
        self._worker.wait()


@dataclass
class Contender:
    """Something that goes once through the window per turn. `run` may say itself how long it took."""

    name: str
    run: Callable[[], object]
    warm: bool = False
    """It has had a turn already."""
    best_s: float = float("inf")
    spent_s: float = 0.0
    rounds: int = 0

    def turn(self) -> None:
        start = time.perf_counter()
        told = self.run()
        spent = told if isinstance(told, float) else time.perf_counter() - start
        self.best_s, self.spent_s, self.rounds = min(self.best_s, spent), self.spent_s + spent, self.rounds + 1


@dataclass
class Race:
    title: str
    values: int
    unit: str
    entrants: list[Contender]
    notes: list[str] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        for entrant in self.entrants:
            if not entrant.warm:
                entrant.run()
        waiting = list(self.entrants)
        while waiting:
            for entrant in waiting:
                entrant.turn()
            waiting = [e for e in waiting if e.spent_s < seconds or (e.rounds < ROUNDS_MIN and e.best_s < seconds)]

    def show(self) -> None:
        first = self.entrants[0].best_s
        print(
            f"\n### {self.title}\n\n| pass | ms | {self.unit} a second | times the first |\n| --- | ---: | ---: | ---: |"
        )
        for e in self.entrants:
            rate = self.values / e.best_s
            short = f"{rate / 1e6:,.1f} M" if rate >= 1e6 else f"{rate / 1e3:,.1f} k"
            print(f"| {e.name} | {e.best_s * 1e3:,.1f} | {short} | {e.best_s / first:,.2f} |")
        for note in self.notes:
            print(f"\n{note}")
        sys.stdout.flush()

    def add_peer(self, peers: Peers | None, name: str, rows: int, columns: int) -> None:
        if peers is None:
            return
        try:
            peers.ask("prepare", name, rows, columns)
        except RuntimeError as error:
            self.notes.append(f"{name}: {error}")
            return
        self.entrants.append(Contender(name, lambda: peers.ask("turn", name), warm=True))


def rows_of(columns: dict[str, Column]) -> Rows:
    n = len(next(iter(columns.values())))
    ids = np.empty(n, object)
    ids[:] = [f"p{i}" for i in range(n)]
    return Rows(np.arange(n, dtype=np.int64), ids, np.zeros(n, np.int32), np.ones(n, np.int32), columns)


def numbers(rows: int, columns: int, seed: int) -> Rows:
    return rows_of({name: Column(values) for name, values in drawn(rows, columns, seed).items()})


def numpy_pass(baseline: Rows, window: Rows) -> Callable[[], object]:
    """The plain way to the same counts: search every value among the quantiles, count, look at the ends."""
    edges = {n: np.unique(np.quantile(c.values, np.arange(1, 260) / 260)) for n, c in baseline.columns.items()}

    def run() -> object:
        found: list[object] = []
        for name, column in window.columns.items():
            x = column.values
            cell = np.searchsorted(edges[name], x)
            cells = len(edges[name]) + 1
            found += [np.bincount(cell, minlength=cells), np.bincount(cell, x, minlength=cells), x.min(), x.max()]
        return found

    return run


def drift(rows: int, columns: int, peers: Peers | None, *, plain: bool = True) -> Race:
    before, window = numbers(BASELINE_ROWS, columns, 1), numbers(rows, columns, 2)
    baseline = build_baseline(before, MODEL, time_ordered=True)
    alone = replace(baseline.grids, pairs=())
    values = [column.values for column in window.columns.values()]
    race = Race(
        f"Profile: {rows:,} rows × {columns} columns of float64",
        rows * columns,
        "values",
        [
            Contender("np.sum, the limit", lambda: [np.sum(x) for x in values]),
            Contender("Outrider: tiles of all columns", lambda: profile(window, alone, MODEL)),
            Contender("Outrider: tiles and pairs", lambda: profile(window, baseline.grids, MODEL)),
        ],
    )
    if plain:
        race.entrants.append(Contender("NumPy: searchsorted and bincount", numpy_pass(before, window)))
    race.add_peer(peers, "NannyML", rows, columns)
    if plain:
        race.add_peer(peers, "Evidently", rows, columns)
    return race


def categories(rows: int) -> list[Race]:
    rng = np.random.default_rng(5)
    codes = rng.zipf(1.3, rows) % 1_000
    names = np.array([f"category {i}" for i in range(1_000)], object)
    strings = pa.chunked_array([pa.array(names[codes], pa.string())])
    coded = from_arrow(strings.dictionary_encode())
    grid = categorical_grid(coded)
    whole = Column(codes)
    whole_grid = categorical_grid(whole)
    return [
        Race(
            f"Categories from codes: {rows:,} rows, 1,000 categories",
            rows,
            "rows",
            [
                Contender("np.bincount of the codes, the limit", lambda: np.bincount(codes)),
                Contender("Outrider: tile from a dictionary's codes", lambda: categorical_tile(coded, grid)),
                Contender("Outrider: tile from whole numbers", lambda: categorical_tile(whole, whole_grid)),
            ],
        ),
        Race(
            f"Categories from texts: {rows:,} rows, 1,000 categories",
            rows,
            "rows",
            [
                Contender("Arrow's dictionary_encode, the limit", strings.dictionary_encode),
                Contender("Outrider: column and tile", lambda: categorical_tile(from_arrow(strings), grid)),
            ],
        ),
    ]


def classes(rows: int, peers: Peers | None) -> Race:
    def window_of(size: int, seed: int) -> Rows:
        score, label, group = scored(size, seed)
        return replace(rows_of({"p": Column(score), "g": Column(group)}), label=Column(label))

    baseline = build_baseline(window_of(BASELINE_ROWS, 1), BINARY, time_ordered=True)
    window = window_of(rows, 3)
    # Outcome and groups are what the peers compute; the columns' own tiles are in the races before.
    grids = replace(baseline.grids, features={}, prediction=baseline.grids.prediction, label={}, pairs=())
    bare = replace(baseline, grids=grids, tiles=replace(baseline.tiles, features={}, label={}))
    race = Race(
        f"Classification: {rows:,} rows, 8 groups",
        rows,
        "rows",
        [
            Contender("Outrider: tiles and all metrics", lambda: measure(bare, profile(window, grids, BINARY), BINARY)),
            Contender(
                "Outrider: with the flip test", lambda: measure(bare, profile(window, grids, FLIPPING), FLIPPING)
            ),
        ],
    )
    race.add_peer(peers, "scikit-learn", rows, 0)
    race.add_peer(peers, "Evidently's classification preset", rows, 0)
    return race


def judged(baseline: Baseline, tiles: TileSet) -> object:
    plan = plan_for(MODEL, baseline, MODEL.windows[0], None)
    return take_look(Track(), Subject(MODEL, "1", baseline), SPAN, tiles, plan=plan)


def way(rows: int, columns: int, peers: Peers | None, folder: Path) -> list[Race]:
    baseline = build_baseline(numbers(BASELINE_ROWS, columns, 1), MODEL, time_ordered=True)
    table = to_table(numbers(rows, columns, 2))
    path = folder / "window.parquet"
    pq.write_table(table, path)
    alone = replace(baseline, grids=replace(baseline.grids, pairs=()), tiles=replace(baseline.tiles, pairs=None))

    def whole(of: Baseline, read: Callable[[], object]) -> Callable[[], object]:
        return lambda: judged(of, profile(from_tables([read()]), of.grids, MODEL))

    def in_memory() -> object:
        return table

    def from_disk() -> object:
        return pq.read_table(path, use_threads=False)

    memory = Race(
        f"From an Arrow table to judged measurements: {rows:,} × {columns}",
        rows * columns,
        "values",
        [
            Contender("Outrider, columns alone as the peers", whole(alone, in_memory)),
            Contender("Outrider, with correlations", whole(baseline, in_memory)),
        ],
    )
    memory.add_peer(peers, "NannyML", rows, columns)
    memory.add_peer(peers, "Evidently", rows, columns)
    disk = Race(
        f"From a segment on disk to judged measurements: {rows:,} × {columns}",
        rows * columns,
        "values",
        [
            Contender("pyarrow reads the file", from_disk),
            Contender("Outrider, columns alone", whole(alone, from_disk)),
            Contender("Outrider, with correlations", whole(baseline, from_disk)),
        ],
    )
    return [memory, disk]


def estimation(rows: int, peers: Peers | None) -> Race:
    before, now = predicted(LABELLED_ROWS, 1), predicted(rows, 2)
    race = Race(
        f"Performance without labels: {rows:,} rows, {ESTIMATED_GROUPS} groups",
        rows,
        "rows",
        [
            Contender("Outrider: estimates with intervals", ours(before, now)),
            Contender("NumPy, without curve, ROC AUC and intervals", numpy_way(now)),
        ],
    )
    race.add_peer(peers, "NannyML's CBPE", rows, 0)
    return race


def memory(rows: int, columns: int) -> None:
    """Peak of the process over what it holds before the pass, in one pass of its own."""
    baseline = build_baseline(numbers(BASELINE_ROWS, columns, 1), MODEL, time_ordered=True)
    window = numbers(rows, columns, 2)
    Path("/proc/self/clear_refs").write_text("5")  # making the rows took more than the pass does: the peak begins anew
    before = _peak_kib()
    measure(baseline, profile(window, baseline.grids, MODEL), MODEL)
    print(f"\n### Memory: {rows:,} × {columns}\n\nPeak over the input: {(_peak_kib() - before) / 1024:,.0f} MiB")


def _peak_kib() -> int:
    """Most resident memory since the peak was last cleared (`VmHWM` of proc(5))."""
    (line,) = (one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=(*RACES, "memory"))
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each contender")
    parser.add_argument("--peers", default=".services/peers", help="their environment; empty: without them")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows: a smoke run")
    asked = parser.parse_args()
    compile_ahead()
    size = lambda rows: max(1_000, int(rows * asked.scale))  # noqa: E731  (one line of a bench)
    needed = asked.only not in ("categories", "memory")
    peers = Peers(Path(asked.peers)) if asked.peers and needed else None
    if asked.only != "memory":
        print(f"Python {platform.python_version()}, NumPy {np.__version__}, pyarrow {pa.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        races: dict[str, Callable[[], list[Race]]] = {
            "drift": lambda: [drift(size(100_000), 100, peers)],
            "small": lambda: [drift(size(10_000), 20, peers, plain=False)],
            "categories": lambda: categories(size(1_000_000)),
            "classes": lambda: [classes(size(1_000_000), peers)],
            "way": lambda: way(size(100_000), 100, peers, Path(folder)),
            "estimation": lambda: [estimation(size(1_000_000), peers)],
        }
        for name in RACES:
            if asked.only in (None, name):
                for race in races[name]():
                    race.run(asked.seconds)
                    race.show()
    if peers is not None:
        peers.close()
    if asked.only == "memory":
        memory(size(1_000_000), 20)
    elif asked.only is None:
        # In a process of its own: the peak of this one is that of the races.
        alone = [sys.executable, __file__, "--only", "memory", "--peers", "", "--scale", str(asked.scale)]
        subprocess.run(alone, check=True)


if __name__ == "__main__":
    main()
