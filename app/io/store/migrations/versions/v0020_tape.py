"""The tape as turns in their order; what was on it before could not be played again."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make the table anew."""
    op.drop_table("tape")
    op.create_table(
        "tape",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("book", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True)),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tape")),
        comment="what a book's turns changed and decided, in their order; bodies are compressed",
    )
    op.create_index(op.f("ix_tape_book_id"), "tape", ["book", "id"])
    bases = sa.text("kind = 'base'")
    op.create_index("ix_tape_bases", "tape", ["book", "at"], postgresql_where=bases)
