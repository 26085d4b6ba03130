"""A writer that is killed at any moment, again and again, loses nothing that append had returned for."""

import subprocess
import sys
from pathlib import Path
from random import Random

from collectors.records.encoding import decode_batch
from collectors.spool import Spool

WRITER = """
import sys
from pathlib import Path
from collectors.records.types import Gap
from collectors.spool import Spool

spool = Spool.open(Path(sys.argv[1]), free_space_floor_bytes=0, journal_bytes=3_000)
n = int(sys.argv[2])
while True:
    sequence = spool.append([Gap(start_ns=n, end_ns=n + 1, reason="x" * (n % 700))])
    sys.stdout.buffer.write(b"%d %d\\n" % (sequence, n))
    sys.stdout.buffer.flush()
    n += 1
"""
LIVES = 12


def test_a_killed_writer_loses_nothing_it_was_told_is_written(tmp_path: Path) -> None:
    """SIGKILL after a random number of appends: every number it printed is there, once, with its record, in order."""
    dice, told, start = Random(3), {}, 0
    for _ in range(LIVES):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "spool"), str(start)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(dice.randrange(1, 120))]
            writer.kill()
            lines += writer.stdout.readlines()
        for line in lines:
            if line.endswith(b"\n"):
                sequence, n = map(int, line.split())
                assert sequence not in told
                told[sequence], start = n, n + 1
    with Spool.open(tmp_path / "spool", free_space_floor_bytes=0) as spool:
        held = {sequence: decode_batch(payload) for sequence, payload in spool.read(0, 1 << 40)}
        assert spool.faults.damaged_regions == 0
    assert list(held) == sorted(held)
    assert {sequence: held[sequence].records[0].start_ns for sequence in told} == told  # type: ignore[union-attr]
    assert len(held) <= len(told) + LIVES, "at most the one that was being told of in each life"
