"""Which code computed a window, so that one that is computed again can be told from one that another release computed.

Older code does not write the column, and reads the others by name.

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("windows", sa.Column("code", sa.Text(), nullable=True))
