"""Samples of devices and servers, from which windows have their energy. Older code does not know the table and needs none.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "telemetry",
        sa.Column("id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("sidecar", sa.Text(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_telemetry"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_telemetry_sidecar_start_ns", "telemetry", ["sidecar", "start_ns"])
    op.create_index("ix_telemetry_model_start_ns", "telemetry", ["model", "start_ns"])
    op.create_index("ix_telemetry_device_start_ns", "telemetry", ["device", "start_ns"])
