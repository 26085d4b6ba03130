"""A store for every test of this contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.ports import SegmentStore
from monitor.segments.local_store import LocalSegmentStore


@pytest.fixture
def store(tmp_path: Path) -> SegmentStore:
    return LocalSegmentStore(tmp_path / "data [1]*?")
