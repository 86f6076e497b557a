"""The account that a book's orders and positions are in."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the column; a book that is there learns its account when it next agrees with a broker."""
    op.add_column("book_states", sa.Column("account", sa.Text))
