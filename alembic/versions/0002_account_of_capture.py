"""The account of capture: batches that never came, and what passed at the tap. Older code knows neither table and needs none.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "missing_batches",
        sa.Column("sidecar", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sidecar", "sequence", name="pk_missing_batches"),
    )
    op.create_table(
        "taps",
        sa.Column("id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("sidecar", sa.Text(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("connections", sa.BigInteger(), nullable=False),
        sa.Column("connections_copied", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("bytes_copied", sa.BigInteger(), nullable=False),
        sa.Column("reasons", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_taps"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_taps_sidecar_start_ns", "taps", ["sidecar", "start_ns"])
