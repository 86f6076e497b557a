"""Books that are halted and sell everything, and positions that change without a fill."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

TIME = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
STATUSES = "status IN ('ACTIVE', 'REDUCING', 'FLATTENING', 'HALTED')"
#: What ADOPT_POSITIONS took over before there was a table for it, at what it had cost. Average cost
#: keeps money in balance: that is what the position is carried at, less what was paid and realised.
ADOPTED = """
    INSERT INTO adjustments (book, at, symbol, quantity, average_price, set_by, why)
    SELECT r.book, r.at, r.subject, r.theirs::numeric,
           greatest((p.quantity * p.average_price - p.realised - coalesce(f.paid, 0))
                    / r.theirs::numeric, 0),
           'ADOPT_POSITIONS', 'held before the book''s first day'
      FROM recovery_logs r
      JOIN positions p ON p.book = r.book AND p.symbol = r.subject
      LEFT JOIN (SELECT book, symbol,
                        sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END * price) AS paid
                   FROM fills GROUP BY book, symbol) f
        ON f.book = r.book AND f.symbol = r.subject
     WHERE r.kind = 'position' AND r.action = 'adopted' AND r.theirs::numeric <> 0
"""


def upgrade() -> None:
    """Widen the check of states, and make the table with what was adopted so far."""
    name = op.f("ck_book_states_status")
    op.drop_constraint(name, "book_states", type_="check")
    op.create_check_constraint(name, "book_states", STATUSES)
    op.create_table(
        "adjustments",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("average_price", sa.Numeric(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("written_wall", TIME, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "quantity <> 0 AND average_price >= 0", name=op.f("ck_adjustments_numbers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
        comment="changes of a position without a fill: it is the sum of fills and of these",
    )
    op.create_index(op.f("ix_adjustments_book_at"), "adjustments", ["book", "at"])
    op.create_index(
        "ix_commands_waiting", "commands", ["book"], postgresql_where=sa.text("done_wall IS NULL")
    )
    op.execute(ADOPTED)
