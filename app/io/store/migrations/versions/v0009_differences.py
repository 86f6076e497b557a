"""What the broker holds of a position, while its number and ours differ."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column; the next comparison of books fills it."""
    op.add_column("positions", sa.Column("at_broker", sa.Numeric()))
