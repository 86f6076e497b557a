"""How much less cash the broker has than the book's own ledger says."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the column; nothing is short until the next comparison says so."""
    op.add_column(
        "book_states",
        sa.Column("cash_short", sa.Numeric(), server_default=sa.text("0"), nullable=False),
    )
