"""The tables of the catalog, the same on SQLite and PostgreSQL. Times are Unix nanoseconds; the empty version is none.

What is only read back whole is one blob (MessagePack, see documents.py); what is searched is a column of its own.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class ForeignText(TypeDecorator[str]):
    """Text that came from outside: what PostgreSQL cannot store (NUL, lone surrogates) becomes U+FFFD, in queries too."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _sequence(name: str = "id") -> Column[int]:
    """A key that ascends and is never given twice, even after rows were deleted."""
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _time(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, ForeignText, nullable=False)


MODELS = Table(
    "models",
    METADATA,
    Column("name", ForeignText, primary_key=True),
    Column("declaration", Text, nullable=False),
    Column("declared", Boolean, nullable=False),
    _time("updated_ns"),
    Column("proposal", Text),
)

BASELINES = Table(
    "baselines",
    METADATA,
    _sequence("sequence"),
    _text("id"),
    _text("model"),
    _count("rows"),
    _text("path"),
    _time("created_ns"),
    Column("profile", LargeBinary, nullable=False),
    UniqueConstraint("model", "id"),
    sqlite_autoincrement=True,
)

BATCHES = Table(
    "batches",
    METADATA,
    Column("sidecar", ForeignText, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _time("accepted_ns"),
    Index(None, "accepted_ns"),
)

MISSING_BATCHES = Table(
    "missing_batches",
    METADATA,
    Column("sidecar", ForeignText, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _time("start_ns"),
    _time("end_ns"),
)
"""Batches that another one was spooled behind and that have not come; what they told of lies between the two times."""

TAPS = Table(
    "taps",
    METADATA,
    _sequence(),
    _text("sidecar"),
    _time("start_ns"),
    _time("end_ns"),
    _count("connections"),
    _count("connections_copied"),
    _count("bytes"),
    _count("bytes_copied"),
    Column("reasons", LargeBinary),
    Index(None, "sidecar", "start_ns"),
    sqlite_autoincrement=True,
)
"""What passed at the tap; `reasons` holds the counts by reason of what was not copied, null where all was."""

SIDECAR_MODELS = Table(
    "sidecar_models",
    METADATA,
    Column("sidecar", ForeignText, primary_key=True),
    Column("model", ForeignText, primary_key=True),
)

GAPS = Table(
    "gaps",
    METADATA,
    _sequence(),
    _text("sidecar"),
    _time("start_ns"),
    _time("end_ns"),
    _text("reason"),
    _count("connections"),
    _count("bytes"),
    _count("exchanges_estimated"),
    Index(None, "sidecar", "start_ns"),
    sqlite_autoincrement=True,
)

LEDGERS = Table(
    "ledgers",
    METADATA,
    _sequence(),
    Column("model", ForeignText),
    _text("version"),
    _time("start_ns"),
    _time("end_ns"),
    _count("seen"),
    _count("captured"),
    _count("sampled_out"),
    _count("not_inference"),
    Column("reasons", LargeBinary),
    Index(None, "model", "start_ns"),
    sqlite_autoincrement=True,
)
"""`reasons` holds the counts by reason of what was dropped and undecodable; null where there were none."""

TELEMETRY = Table(
    "telemetry",
    METADATA,
    _sequence(),
    _text("sidecar"),
    _time("start_ns"),
    _time("end_ns"),
    Column("device", ForeignText),
    Column("model", ForeignText),
    Column("body", LargeBinary, nullable=False),
    Index(None, "sidecar", "start_ns"),
    Index(None, "model", "start_ns"),
    Index(None, "device", "start_ns"),
    sqlite_autoincrement=True,
)
"""Samples: of a device, or of what a server did for a model; `body` is the record."""

SEGMENTS = Table(
    "segments",
    METADATA,
    _sequence(),
    Column("kind", Text, nullable=False),
    _text("model"),
    _text("version"),
    _text("path"),
    _count("rows"),
    _time("start_ns"),
    _time("end_ns"),
    _time("created_ns"),
    Column("state", Text, nullable=False),
    UniqueConstraint("path"),
    Index(None, "kind", "model", "start_ns"),
    Index(None, "state"),
    sqlite_autoincrement=True,
)
"""`state` is one of the states of segments.py: a dropped segment stays until its file had time to go."""

WINDOWS = Table(
    "windows",
    METADATA,
    _sequence(),
    _text("model"),
    _text("version"),
    _text("rule"),
    _time("start_ns"),
    _time("end_ns"),
    Column("revision", Integer, nullable=False),
    Column("status", Text, nullable=False),
    _count("n_window"),
    _time("closed_ns"),
    _count("labelled"),
    _count("seen"),
    _count("captured"),
    _count("sampled_out"),
    _count("dropped"),
    _count("undecodable"),
    Column("baseline", ForeignText),
    Column("reason", ForeignText),
    Column("code", Text),
    UniqueConstraint("model", "version", "rule", "start_ns", "end_ns"),
    Index(None, "model", "start_ns"),
    sqlite_autoincrement=True,
)
"""The latest revision of each window; what earlier revisions said is in the publications and measurement segments."""

WINDOW_TILES = Table(
    "window_tiles",
    METADATA,
    Column("window_id", ForeignKey(WINDOWS.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("tiles", LargeBinary, nullable=False),
)

MEMORIES = Table(
    "memories",
    METADATA,
    Column("key", ForeignText, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

ALERTS = Table(
    "alerts",
    METADATA,
    Column("fingerprint", ForeignText, primary_key=True),
    _text("model"),
    Column("body", LargeBinary, nullable=False),
    Index(None, "model"),
)

TRANSITIONS = Table(
    "transitions",
    METADATA,
    _sequence(),
    _text("fingerprint"),
    _text("model"),
    Column("start_ns", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Index(None, "model", "start_ns"),
    Index(None, "fingerprint"),
    sqlite_autoincrement=True,
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    _sequence(),
    Column("transition_id", ForeignKey(TRANSITIONS.c.id), nullable=False),
    _text("fingerprint"),
    _text("receiver"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    _time("due_ns"),
    Column("finished_ns", BigInteger),
    Column("reason", ForeignText),
    Index(None, "state", "due_ns"),
    Index(None, "fingerprint", "receiver"),
    sqlite_autoincrement=True,
)

PUBLICATIONS = Table(
    "publications",
    METADATA,
    _sequence("sequence"),
    _time("closed_ns"),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

EXPORTERS = Table(
    "exporters",
    METADATA,
    Column("name", ForeignText, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
)
"""The last publication that each exporter has taken."""

HOLDS = Table(
    "holds",
    METADATA,
    Column("fingerprint", ForeignText, primary_key=True),
    Column("since_ns", BigInteger, primary_key=True, autoincrement=False),
    _text("model"),
    _text("version"),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _text("said"),
    Column("until_ns", BigInteger),
    Column("outcome", Text),
    Index(None, "since_ns"),
)
"""Times in which nobody was told of an open alert."""

OWED_OPINIONS = Table(
    "owed_opinions",
    METADATA,
    _sequence(),
    _text("model"),
    _text("version"),
    _text("rule"),
    _time("start_ns"),
    _time("end_ns"),
    Column("of_rows", Boolean, nullable=False),
    Column("of_labels", Boolean, nullable=False),
    _time("owed_ns"),
    UniqueConstraint("model", "version", "rule", "start_ns", "end_ns"),
    sqlite_autoincrement=True,
)
"""Closed windows of which another library has yet to be asked."""

SILENCES = Table(
    "silences",
    METADATA,
    Column("id", ForeignText, primary_key=True),
    Column("model", ForeignText),
    Column("kind", Text),
    _time("start_ns"),
    _time("end_ns"),
    _text("creator"),
    _text("comment"),
)
