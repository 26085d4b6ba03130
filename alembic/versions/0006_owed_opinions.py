"""Closed windows of which another library has yet to be asked, so that a restart forgets none and none is asked of twice.

Older code does not know the table: it asks before it closes a window, and leaves what is owed as it is.

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "owed_opinions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("of_rows", sa.Boolean(), nullable=False),
        sa.Column("of_labels", sa.Boolean(), nullable=False),
        sa.Column("owed_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_owed_opinions"),
        sa.UniqueConstraint(
            "model", "version", "rule", "start_ns", "end_ns", name="uq_owed_opinions_model_version_rule_start_ns_end_ns"
        ),
        sqlite_autoincrement=True,
    )
