"""Opening a catalog: its migrations, its settings, and every way it can be refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text

from monitor.catalog import open_catalog
from monitor.catalog.opening import migrations_folder
from monitor.catalog.tables import METADATA
from monitor.errors import InvalidInput, Unavailable
from tests.system.services.postgresql import running_postgresql


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a database that the migrations have made."""
    if request.param == "sqlite":
        open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}").close()
        engine = create_engine(f"sqlite:///{tmp_path / 'catalog.db'}")
        with engine.connect() as connection:
            yield connection
        engine.dispose()
        return
    with running_postgresql() as server:
        url = server.new_database()
        open_catalog(url).close()
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            yield connection
        engine.dispose()


def test_tables_and_migrations_do_not_differ(migrated: Connection) -> None:
    """What the code takes the schema for is what the migrations make."""
    context = MigrationContext.configure(migrated, opts={"compare_type": True})
    assert compare_metadata(context, METADATA) == []


def test_every_constraint_has_a_name(migrated: Connection) -> None:
    """A constraint without a name cannot be changed by a later migration."""
    found = inspect(migrated)
    for table in METADATA.tables:
        keys: list[Any] = [*found.get_foreign_keys(table)]
        if migrated.dialect.name != "sqlite":  # where AUTOINCREMENT belongs to the column and has no name
            keys.append(found.get_pk_constraint(table))
        keys += [*found.get_unique_constraints(table), *found.get_check_constraints(table)]
        assert all(key["name"] for key in keys), table


def test_the_migrations_are_found_in_a_checkout() -> None:
    """Beside the packages; in a wheel inside this one."""
    assert (migrations_folder() / "env.py").is_file()
    assert not (migrations_folder() / "__init__.py").exists(), "it would hide the library"


def test_sqlite_is_durable_shared_and_strict(file: Path) -> None:
    """WAL, foreign keys, every commit synced."""
    catalog = open_catalog(f"sqlite:///{file}")
    pragmas = {
        name: catalog.read(lambda c, name=name: c.execute(text(f"PRAGMA {name}")).scalar())  # type: ignore[misc]
        for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
    }
    catalog.close()
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 30_000}


def test_readers_do_not_wait_for_the_writer(file: Path) -> None:
    """A read in the middle of a write answers with what was committed before."""
    catalog = open_catalog(f"sqlite:///{file}")

    def write(connection: Connection) -> None:
        connection.execute(text("INSERT INTO memories VALUES ('k', x'00')"))
        assert catalog.memory("k") is None

    catalog.write(write)
    assert catalog.memory("k") == b"\0"
    catalog.close()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:", "oracle+what://x"])
def test_an_unusable_url_is_refused(url: str) -> None:
    """With what was expected."""
    with pytest.raises(InvalidInput, match=r"sqlite:///FILE"):
        open_catalog(url)


def test_a_password_is_not_shown() -> None:
    """A refused URL may hold one."""
    with pytest.raises(InvalidInput) as refused:
        open_catalog("mysql://ana:secret@host/db")
    assert "secret" not in str(refused.value)


def test_a_catalog_that_nobody_serves_is_unavailable() -> None:
    """Port 1 takes no connections."""
    with pytest.raises(Unavailable, match="catalog"):
        open_catalog("postgresql://app@127.0.0.1:1/db")


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """SQLite makes files, not folders."""
    with pytest.raises(Unavailable, match="unable to open"):
        open_catalog(f"sqlite:///{tmp_path / 'absent' / 'catalog.db'}")


def test_a_file_that_is_no_database_is_refused(file: Path) -> None:
    """Not overwritten."""
    file.write_bytes(b"not a database" * 1000)
    with pytest.raises(Unavailable, match="not a database"):
        open_catalog(f"sqlite:///{file}")
    assert file.read_bytes() == b"not a database" * 1000


def test_a_catalog_of_a_newer_version_is_refused(file: Path) -> None:
    """Its revision is unknown here."""
    open_catalog(f"sqlite:///{file}").close()
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(InvalidInput, match="9999"):
        open_catalog(f"sqlite:///{file}")


def test_a_migration_that_fails_leaves_nothing(file: Path) -> None:
    """A table that is in the way stops the whole migration, DDL included."""
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE windows (x)")
    connection.close()
    with pytest.raises(InvalidInput, match="windows"):
        open_catalog(f"sqlite:///{file}")
    connection = sqlite3.connect(file)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    connection.close()
    assert tables == ["windows"]


@pytest.mark.system
def test_a_broken_connection_is_replaced() -> None:
    """After PostgreSQL ended our sessions the next call works."""
    with running_postgresql() as server:
        url = server.new_database()
        catalog = open_catalog(url)
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        assert catalog.models() == []
        catalog.close()


def test_what_is_committed_survives_a_kill(file: Path) -> None:
    """A process that dies right after a commit, without closing anything."""
    code = (
        "import os, sys; from monitor.catalog import open_catalog; from monitor.definitions import MonitoredModel;"
        "open_catalog(sys.argv[1]).put_model(MonitoredModel('income'), 1, declared=True);"
        "os.kill(os.getpid(), 9)"
    )
    died = subprocess.run([sys.executable, "-c", code, f"sqlite:///{file}"], check=False)
    assert died.returncode == -9
    catalog = open_catalog(f"sqlite:///{file}")
    assert [entry.name for entry in catalog.models()] == ["income"]
    catalog.close()


def test_a_closed_database_is_not_ready(file: Path) -> None:
    """The health page hears of it, and no error is raised."""
    catalog = open_catalog(f"sqlite:///{file}")
    catalog.close()
    for part in file.parent.iterdir():
        part.unlink()
    file.mkdir()
    assert not catalog.ready()
    catalog.close()
