"""Sweeps of settings over days on the tape."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("book", sa.Text, nullable=False),
        sa.Column("trials", JSONB, nullable=False),
        sa.Column("dates", JSONB, nullable=False),
        _wall(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
    )
    op.create_table(
        "sweep_trials",
        sa.Column("sweep", sa.Text, nullable=False),
        sa.Column("trial", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("equity_open", sa.Numeric, nullable=False),
        sa.Column("gained", sa.Numeric, nullable=False),
        sa.Column("orders", sa.Integer, nullable=False),
        sa.Column("unanswered", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        _wall(),
        sa.PrimaryKeyConstraint("sweep", "trial", "date", name=op.f("pk_sweep_trials")),
    )


def _wall() -> sa.Column[object]:
    now = sa.text("clock_timestamp()")
    kind = sa.DateTime(timezone=True)
    return sa.Column("written_wall", kind, server_default=now, nullable=False)
