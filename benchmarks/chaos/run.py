"""The chaos suite with more time: each trouble of `tests/system/chaos` under minutes of load, and what was found as a table.

    python -m benchmarks.chaos.run [--seconds 120] [CASE ...]

CASE is part of a test's name, such as `disk` or `kills`. Needs what the system tests need: Linux, a C compiler, root for
the small disk and for the passive tap. Ends with 1 where a case did not hold.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
COLUMNS = ("case", "sent", "lost", "changed", "seen", "estimated", "dropped", "batches_missing")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=120.0, help="of load in each case")
    options.add_argument("cases", nargs="*", metavar="CASE")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        report.touch()
        told = {"OUTRIDER_CHAOS_SECONDS": str(chosen.seconds), "OUTRIDER_CHAOS_REPORT": str(report)}
        command = [sys.executable, "-m", "pytest", "--system", "-q", "tests/system/chaos"]
        command += ["-k", " or ".join(chosen.cases)] if chosen.cases else []
        code = subprocess.run(command, cwd=ROOT, env=os.environ | told, check=False).returncode
        print_table([json.loads(line) for line in report.read_text().splitlines()])
    return code


def print_table(found: list[dict[str, object]]) -> None:
    print(f"\n| {' | '.join(COLUMNS)} | most memory, MiB |")
    print(f"|---{'|---:' * (len(COLUMNS) - 1)}|---|")
    for line in found:
        memory = line["memory_mib"]
        assert isinstance(memory, dict)
        weights = ", ".join(f"{role} {mib}" for role, mib in sorted(memory.items()))
        print(f"| {' | '.join(str(line[name]) for name in COLUMNS)} | {weights} |")


if __name__ == "__main__":
    sys.exit(main())
