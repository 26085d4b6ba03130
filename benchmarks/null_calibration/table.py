"""Fill the table of false alarms where nothing happens: `python -m benchmarks.null_calibration.table [--baselines 20]`.

Every cell is a kind of features, a size of the baseline, a size of the window and a number of features; a run of a cell is
one baseline and 1,000 five-minute windows at a budget of 30 a month, tolerance 0. Runs are appended to
`results/null.csv` as they end, so that a broken-off table goes on where it stopped; `--report` prints what is there,
`--report --into docs/alarm-calibration.md` puts it there.
"""

from __future__ import annotations

import argparse
import csv
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import special

from benchmarks.null_calibration.draws import windows_of
from benchmarks.null_calibration.kinds import KINDS, features
from benchmarks.null_calibration.simulate import Stream, baseline_of, firing
from benchmarks.null_calibration.streams import LOOKS_PER_MONTH, model_of

RESULTS = Path(__file__).parent / "results" / "null.csv"
FIELDS = ("kind", "baseline", "window", "features", "seed", "windows", "alarms")
BASELINES = (500, 5_000, 50_000)
WINDOWS = (50, 200, 1_000, 5_000, 50_000)
FEATURES = (1, 20, 200)
RUN_WINDOWS = 1_000
BUDGET = 30.0
ALLOWED = BUDGET * RUN_WINDOWS / LOOKS_PER_MONTH

Cell = tuple[str, int, int, int]
Found = Mapping[Cell, Mapping[int, int]]
"""Alarms by cell and seed."""


def runs(kind: str, rows: int, seed: int, wanted: set[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """(rows a window, features, alarms) of one baseline, for the wanted pairs of the first two."""
    rng = np.random.default_rng([zlib.crc32(kind.encode()), rows, seed])
    own = features(rng, kind, rows, max(f for _, f in wanted))
    model = model_of(0.0, BUDGET)
    for n in sorted({n for n, _ in wanted}):
        stream_rng = np.random.default_rng([zlib.crc32(kind.encode()), rows, seed, n])
        counts = [windows_of(stream_rng, feature.shares, n, RUN_WINDOWS) for feature in own]
        for number in (f for size, f in sorted(wanted) if size == n):
            stream = Stream.of(own[:number], counts[:number], baseline_of(own[:number], rows), model)
            yield n, number, sum(1 for _ in firing(stream.told()))


def read() -> dict[Cell, dict[int, int]]:
    """Alarms by cell and seed."""
    found: dict[Cell, dict[int, int]] = defaultdict(dict)
    if RESULTS.exists():
        with RESULTS.open(newline="") as file:
            for row in csv.DictReader(file):
                cell = (row["kind"], int(row["baseline"]), int(row["window"]), int(row["features"]))
                found[cell][int(row["seed"])] = int(row["alarms"])
    return found


def fill(baselines: int, sizes: Sequence[int]) -> None:
    done = read()
    RESULTS.parent.mkdir(exist_ok=True)
    # Few features first: they cost a tenth, and a table that is broken off is whole in its first columns.
    jobs = [
        (numbers, seed, kind, m)
        for numbers in ((1, 20), (200,))
        for seed in range(baselines)
        for kind in KINDS
        for m in BASELINES
    ]
    for numbers, seed, kind, m in jobs:
        wanted = {(n, f) for n in WINDOWS for f in numbers if f in sizes and seed not in done[kind, m, n, f]}
        if not wanted:
            continue
        for n, number, alarms in runs(kind, m, seed, wanted):
            new = not RESULTS.exists()
            with RESULTS.open("a", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                if new:
                    writer.writerow(FIELDS)
                writer.writerow((kind, m, n, number, seed, RUN_WINDOWS, alarms))


def lower_bound(alarms: int, level: float) -> float:
    """Lower confidence bound of a Poisson mean."""
    return float(special.chdtri(2 * alarms, 1 - level)) / 2 if alarms else 0.0


def summary(found: Found) -> Iterator[str]:
    """What has been found, in short and by baseline and features."""
    sizes = [len(seeds) for seeds in found.values()]
    over = [cell for cell, seeds in found.items() if is_over(seeds)]
    told, allowed = sum(sum(seeds.values()) for seeds in found.values()), ALLOWED * sum(sizes)
    worst = max(found, key=lambda cell: np.mean(list(found[cell].values())))
    yield f"**{len(over) or 'None'} of {len(found)} cells is over its budget.** In {sum(sizes):,} runs"
    each = f"{min(sizes)} to {max(sizes)}" if min(sizes) < max(sizes) else f"{min(sizes)}"
    yield f"({each} baselines a cell) {told:,} alarms were told where {allowed:,.0f} were allowed."
    kind, m, n, number, mean = *worst, np.mean(list(found[worst].values()))
    yield f"The highest mean of a cell is {mean:.2f} of {ALLOWED:.2f} ({len(found[worst])} baselines): {kind}, {number} features,"
    yield f"{m:,} rows of baseline, {n:,} rows a window."
    yield from (f"Over: {cell}, {sum(found[cell].values())} alarms in {len(found[cell])} runs." for cell in over)
    yield ""
    yield "| features | rows of the baseline | baselines a cell | alarms | allowed | highest mean of a cell | cells over |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for f in FEATURES:
        for m in BASELINES:
            own = {cell: list(seeds.values()) for cell, seeds in found.items() if cell[1] == m and cell[3] == f}
            if not own:
                continue
            runs_ = [len(alarms) for alarms in own.values()]
            number = f"{min(runs_)}" if min(runs_) == max(runs_) else f"{min(runs_)} to {max(runs_)}"
            alarms, most = sum(map(sum, own.values())), max(float(np.mean(a)) for a in own.values())
            late = sum(is_over(found[cell]) for cell in own)
            yield f"| {f} | {m:,} | {number} | {alarms:,} | {ALLOWED * sum(runs_):,.0f} | {most:.2f} | {late} |"


def by_cell(found: Found) -> Iterator[str]:
    """One line a kind and window."""
    heads = [f"{m:,} × {f}" for m in BASELINES for f in FEATURES]
    yield "| kind | rows a window | " + " | ".join(heads) + " |"
    yield "| --- | ---: |" + " ---: |" * len(heads)
    for kind in KINDS:
        for n in WINDOWS:
            cells = [shown(found.get((kind, m, n, f), {})) for m in BASELINES for f in FEATURES]
            yield f"| {kind} | {n:,} | " + " | ".join(cells) + " |"


def is_over(seeds: Mapping[int, int]) -> bool:
    """Whether a cell's alarms exceed its budget by the 99 % lower Poisson bound, Bonferroni over all cells."""
    level = 0.01 / len(KINDS) / len(BASELINES) / len(WINDOWS) / len(FEATURES)
    return lower_bound(sum(seeds.values()), level) > ALLOWED * len(seeds)


def shown(seeds: Mapping[int, int]) -> str:
    alarms = list(seeds.values())
    return f"{np.mean(alarms):.2f} ({max(alarms)})" if alarms else "–"


def written(found: Found, page: Path) -> None:
    """Put the report between the marks of a page."""
    text = page.read_text()
    for name, lines in REPORTS.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = before + begin + "\n".join(lines(found)) + "\n" + end + after
    page.write_text(text)


REPORTS: Mapping[str, Callable[[Found], Iterator[str]]] = {"null summary": summary, "null table": by_cell}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baselines", type=int, default=20)
    parser.add_argument(
        "--features", type=int, nargs="+", choices=FEATURES, default=FEATURES, help="only these columns"
    )
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--into", type=Path, help="with --report: the page to put it into, between its marks")
    asked = parser.parse_args()
    if not asked.report:
        fill(asked.baselines, asked.features)
    if asked.into:
        written(read(), asked.into)
    else:
        print("\n\n".join("\n".join(lines(read())) for lines in REPORTS.values()))


if __name__ == "__main__":
    main()
