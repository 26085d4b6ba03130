"""The file of refused documents."""

from __future__ import annotations

from pathlib import Path

from monitor.exporters.dead_letters import DeadLetters


def test_the_file_stops_growing_at_its_limit(tmp_path: Path) -> None:
    """What no longer fits is said to be lost, and what was there stays."""
    letters = DeadLetters(tmp_path / "a" / "dead.ndjson", bytes_max=200)
    kept = [letters.add("s", str(i), "r", {"x": i}) for i in range(10)]
    assert kept[0] and not kept[-1]
    assert len((tmp_path / "a" / "dead.ndjson").read_text().splitlines()) == sum(kept)
