"""Which code computed a number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import monitor
from outrider.code_version import code_version
from outrider.main import installed_version


def test_it_is_the_version_and_a_hash_of_what_computes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same files have the same, whoever asks; one changed file has another."""
    first = code_version()
    assert first == code_version()
    assert re.fullmatch(re.escape(installed_version()) + r"\+[0-9a-f]{12}", first)
    for source in Path(next(iter(monitor.__path__))).glob("*.py"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr(monitor, "__path__", [str(tmp_path)])
    other = code_version()
    assert other != first
    (tmp_path / "errors.py").write_text("# changed\n")
    assert code_version() not in (first, other)
