"""The first catalog: every table of the first release. Nothing came before it.

Revision: 0001, after nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite gives ascending keys to INTEGER columns only."""


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_alerts"),
    )
    op.create_index("ix_alerts_model", "alerts", ["model"])
    op.create_table(
        "baselines",
        sa.Column("sequence", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_baselines"),
        sa.UniqueConstraint("model", "id", name="uq_baselines_model_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "batches",
        sa.Column("sidecar", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("accepted_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sidecar", "sequence", name="pk_batches"),
    )
    op.create_index("ix_batches_accepted_ns", "batches", ["accepted_ns"])
    op.create_table(
        "exporters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_exporters"),
    )
    op.create_table(
        "gaps",
        sa.Column("id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("sidecar", sa.Text(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("connections", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("exchanges_estimated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gaps"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_gaps_sidecar_start_ns", "gaps", ["sidecar", "start_ns"])
    op.create_table(
        "ledgers",
        sa.Column("id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("sampled_out", sa.BigInteger(), nullable=False),
        sa.Column("not_inference", sa.BigInteger(), nullable=False),
        sa.Column("reasons", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_ledgers"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledgers_model_start_ns", "ledgers", ["model", "start_ns"])
    op.create_table(
        "memories",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_memories"),
    )
    op.create_table(
        "models",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("declaration", sa.Text(), nullable=False),
        sa.Column("declared", sa.Boolean(), nullable=False),
        sa.Column("updated_ns", sa.BigInteger(), nullable=False),
        sa.Column("proposal", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_models"),
    )
    op.create_table(
        "publications",
        sa.Column("sequence", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("closed_ns", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_publications"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "segments",
        sa.Column("id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_segments"),
        sa.UniqueConstraint("path", name="uq_segments_path"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_segments_state", "segments", ["state"])
    op.create_index("ix_segments_kind_model_start_ns", "segments", ["kind", "model", "start_ns"])
    op.create_table(
        "sidecar_models",
        sa.Column("sidecar", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sidecar", "model", name="pk_sidecar_models"),
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_silences"),
    )
    op.create_table(
        "transitions",
        sa.Column("id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_transitions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_transitions_fingerprint", "transitions", ["fingerprint"])
    op.create_index("ix_transitions_model_start_ns", "transitions", ["model", "start_ns"])
    op.create_table(
        "windows",
        sa.Column("id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("n_window", sa.BigInteger(), nullable=False),
        sa.Column("closed_ns", sa.BigInteger(), nullable=False),
        sa.Column("labelled", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("sampled_out", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.Column("undecodable", sa.BigInteger(), nullable=False),
        sa.Column("baseline", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_windows"),
        sa.UniqueConstraint(
            "model", "version", "rule", "start_ns", "end_ns", name="uq_windows_model_version_rule_start_ns_end_ns"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_windows_model_start_ns", "windows", ["model", "start_ns"])
    op.create_table(
        "deliveries",
        sa.Column("id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("transition_id", _SEQUENCE, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ns", sa.BigInteger(), nullable=False),
        sa.Column("finished_ns", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["transition_id"], ["transitions.id"], name="fk_deliveries_transition_id_transitions"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_fingerprint_receiver", "deliveries", ["fingerprint", "receiver"])
    op.create_index("ix_deliveries_state_due_ns", "deliveries", ["state", "due_ns"])
    op.create_table(
        "window_tiles",
        sa.Column("window_id", _SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("tiles", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["window_id"], ["windows.id"], name="fk_window_tiles_window_id_windows", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("window_id", name="pk_window_tiles"),
    )
