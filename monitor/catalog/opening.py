"""Connecting to a catalog: the engine with its pragmas, the writer's lock, and the migrations that bring it up to date."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from monitor.catalog.sql_catalog import WRITES, SqlCatalog
from monitor.errors import Fault, InvalidInput, Unavailable

BUSY_TIMEOUT_MS = 30_000
"""How long a statement waits for another process's write to SQLite: longer than any transaction here."""
CONNECT_TIMEOUT_S = 10
"""How long we wait for PostgreSQL to take a connection before we say that it is unavailable."""
POOL_SIZE = 5
"""Connections kept open: web, scheduler and exporters; more come and go up to twice as many."""
WRITER_LOCK = 0x6F75747269646572
"""Key of PostgreSQL's advisory lock for writers (`outrider` in ASCII). With one writer at a time sequences commit in order."""


def open_catalog(url: str) -> SqlCatalog:
    """The catalog at a `sqlite:///FILE` or `postgresql://…` URL, its tables brought up to date.

    Raises InvalidInput for a URL that is not usable or a catalog of a newer version, Unavailable where nobody answers.
    """
    engine = _engine(_url(url))
    try:
        catalog = SqlCatalog(engine)
        catalog.write(_migrate)
    except (CommandError, OSError) as error:
        engine.dispose()
        raise InvalidInput(
            Fault("catalog", f"a schema that this version cannot use ({error})", "one that it made")
        ) from error
    except Unavailable:
        engine.dispose()
        raise
    return catalog


def migrations_folder() -> Path:
    """The Alembic scripts: inside the package where installed from a wheel, at the root of a checkout otherwise."""
    here = Path(__file__).parent
    installed = here / "migrations"
    return installed if installed.is_dir() else here.parents[1] / "alembic"


def _url(text_of_url: str) -> URL:
    try:
        url = make_url(text_of_url)
    except ArgumentError as error:
        raise InvalidInput(Fault("catalog", "a text that is not a URL", "sqlite:///FILE or postgresql://…")) from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise InvalidInput(Fault("catalog", url.render_as_string(), "sqlite:///FILE or postgresql://…"))
    if url.database in (None, "", ":memory:"):
        # Every thread of a pool would see a database of its own.
        raise InvalidInput(Fault("catalog", url.render_as_string(), "sqlite:///FILE with a file"))
    return url


def _engine(url: URL) -> Engine:
    sqlite = url.get_backend_name() == "sqlite"
    arguments: dict[str, Any] = (
        {"timeout": BUSY_TIMEOUT_MS / 1000} if sqlite else {"connect_timeout": CONNECT_TIMEOUT_S}
    )
    try:
        engine = create_engine(
            url, connect_args=arguments, pool_size=POOL_SIZE, max_overflow=POOL_SIZE, pool_pre_ping=not sqlite
        )
    except (ArgumentError, NoSuchModuleError) as error:
        raise InvalidInput(Fault("catalog", url.render_as_string(), "a usable database URL")) from error
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "begin", _begin_postgresql)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Python's driver would begin transactions late and commit before DDL; _begin_sqlite begins them instead.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: a transaction that reads first could otherwise fail when it comes to write.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(WRITES):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
    else:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise CommandError(str(error.orig)) from error
