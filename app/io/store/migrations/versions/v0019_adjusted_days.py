"""What shares that came or left without a fill were worth then, and what that was of a day."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the columns; what was accepted before counts as if it had been worth its cost."""
    op.add_column("adjustments", sa.Column("price", sa.Numeric))
    nothing = sa.text("0")
    adjusted = sa.Column("adjusted", sa.Numeric, server_default=nothing, nullable=False)
    op.add_column("daily_settlements", adjusted)
