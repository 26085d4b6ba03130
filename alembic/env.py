"""Runs the migrations on the connection it is given (the monitor at start-up, tests) or on that of alembic.ini."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, create_engine

from monitor.catalog.tables import METADATA, ForeignText


def render_item(kind: str, item: Any, _autogenerate: object) -> str | Literal[False]:
    """Migrations name no code of ours: it would change under them."""
    return "sa.Text()" if kind == "type" and isinstance(item, ForeignText) else False


def migrate(connection: Connection) -> None:
    # Both databases roll DDL back, so a migration that fails leaves the catalog as it was. SQLite alters tables by copy.
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        transactional_ddl=True,
        render_as_batch=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with create_engine(context.config.get_main_option("sqlalchemy.url")).begin() as own:
        migrate(own)
