"""Since when the broker has left every call unanswered."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table; a book without a row has not called its broker yet."""
    op.create_table(
        "broker_contact",
        sa.Column("book", sa.Text, nullable=False),
        sa.Column("reached_wall", TIME),
        sa.Column("missed_wall", TIME),
        sa.Column("told_wall", TIME),
        sa.PrimaryKeyConstraint("book", name=op.f("pk_broker_contact")),
        comment="the newest answer, the first call without one since, and when that was announced",
    )
