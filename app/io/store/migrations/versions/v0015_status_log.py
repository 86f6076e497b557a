"""Every status that a book was set to: when, by whom, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the table; of what was before, only the status that a book has now is known."""
    op.create_table(
        "status_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column(
            "written_wall",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "status IN ('ACTIVE', 'REDUCING', 'FLATTENING', 'HALTED')",
            name=op.f("ck_status_log_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_log")),
        comment="every status that a book was set to; the one of now stands in book_states",
    )
    op.create_index(op.f("ix_status_log_book_at"), "status_log", ["book", "at"])
    op.execute(
        "INSERT INTO status_log (book, at, status, why, set_by)"
        " SELECT book, set_at, status, why, set_by FROM book_states"
    )
