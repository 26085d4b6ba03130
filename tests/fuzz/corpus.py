"""The corpus that coverage-guided fuzzing left: one file for each harness, an input a line, in base64."""

import base64
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"

CORPUS_BYTES_MAX = 32 * 1024
"""Of one harness, so that all of them stay well below a megabyte; the smallest inputs are kept."""


def read_corpus(name: str) -> list[bytes]:
    """The inputs kept for a harness; none where it has not been fuzzed yet."""
    path = FOLDER / f"{name}.txt"
    return [base64.b64decode(line) for line in path.read_text().splitlines()] if path.exists() else []


def write_corpus(name: str, inputs: Iterable[bytes]) -> int:
    """Keep the smallest of these; returns how many."""
    lines: list[str] = []
    room = CORPUS_BYTES_MAX
    for each in sorted(set(inputs), key=lambda found: (len(found), found)):
        line = base64.b64encode(each).decode()
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    (FOLDER / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    return len(lines)
