"""The monitor of the jobs' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitor.jobs.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House(tmp_path)
    yield opened
    opened.close()
