"""Coverage-guided fuzzing of every reader of foreign bytes, one after the other.

    pip install atheris
    python -m benchmarks.fuzz.run [--runs 1000000] [--seconds N] [--work DIR] [--keep] [HARNESS ...]

Each harness (tests/fuzz/harnesses.py) runs in a process of its own under libFuzzer: an input that takes 10 s or lets the
process grow beyond 1 GiB counts as found, like anything that is raised. What is found lies in the work directory. With
`--keep` the corpus is minimised and written to tests/fuzz/corpus, which the tests begin from.
"""

import argparse
import hashlib
import json
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.fuzz.minimise import minimised
from tests.fuzz.corpus import read_corpus, write_corpus
from tests.fuzz.harnesses import HARNESSES

ROOT = Path(__file__).parent.parent.parent
SECONDS_MAX = 10
RSS_MIB_MAX = 1024
INPUT_BYTES_MAX = 4096
"""Longer inputs find the same code again."""


def run(name: str, runs: int, seconds_max: int, work: Path, *, keep: bool) -> dict[str, object]:
    """Fuzz one harness; what came of it."""
    found = work / name / "corpus"
    found.mkdir(parents=True, exist_ok=True)
    for each in [*HARNESSES[name].seeds, *read_corpus(name)]:
        (found / hashlib.sha256(each).hexdigest()[:16]).write_bytes(each)
    limits = [f"-timeout={SECONDS_MAX}", f"-rss_limit_mb={RSS_MIB_MAX}", f"-max_len={INPUT_BYTES_MAX}"]
    began = time.monotonic()
    log = work / name / "log"
    common = [sys.executable, "-m", "benchmarks.fuzz.one", name, *limits, f"-artifact_prefix={work / name}/"]
    with log.open("wb") as output:
        ended = subprocess.run(
            [*common, f"-runs={runs}", f"-max_total_time={seconds_max}", "-print_final_stats=1", "-seed=1", str(found)],
            stderr=output,
            stdout=output,
            cwd=ROOT,
            check=False,
        )
    seconds = time.monotonic() - began
    told = log.read_text(errors="replace")
    units = re.search(r"number_of_executed_units:\s*(\d+)", told)
    rss = re.search(r"peak_rss_mb:\s*(\d+)", told)
    covered = re.findall(r"cov: (\d+)", told)
    result: dict[str, object] = {
        "harness": name,
        "inputs": int(units[1]) if units else 0,
        "seconds": round(seconds),
        "peak_rss_mib": int(rss[1]) if rss else None,
        "edges": int(covered[-1]) if covered else None,
        "found": [path.name for path in (work / name).glob("*-*")],
        "status": ended.returncode,
    }
    if keep:
        take = HARNESSES[name].take
        result["corpus"] = write_corpus(name, minimised((path.read_bytes() for path in found.iterdir()), take))
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=0, help="for each harness; 0: as long as it takes")
    parser.add_argument("--work", type=Path, default=ROOT / ".fuzz")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("harnesses", nargs="*")
    asked = parser.parse_args()
    failed = 0
    for name in asked.harnesses or HARNESSES:
        result = run(name, asked.runs, asked.seconds, asked.work, keep=asked.keep)
        failed += bool(result["found"] or result["status"])
        print(json.dumps(result), flush=True)
    print(json.dumps({"children_peak_rss_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
