"""A catalog for every test of this contract: SQLite always, a real PostgreSQL with the system tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.catalog import open_catalog
from monitor.ports import Catalog
from tests.system.services.postgresql import PostgreSql, running_postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.db'}"
    server: PostgreSql = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def reopen(url: str) -> Iterator[Callable[[], Catalog]]:
    opened: list[Catalog] = []

    def open_again() -> Catalog:
        opened.append(open_catalog(url))
        return opened[-1]

    yield open_again
    for catalog in opened:
        catalog.close()


@pytest.fixture
def catalog(reopen: Callable[[], Catalog]) -> Catalog:
    return reopen()
