"""More reasons to sell: their purposes, stops that rest at the broker, peaks, parked exits."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TIME = sa.DateTime(timezone=True)
PURPOSES = (
    "purpose IN ('entry', 'protect', 'stop_loss', 'take_profit', 'trailing_stop', 'trend_break', "
    "'gap', 'opposite', 'pre_close', 'flatten', 'clean_up')"
)


def upgrade() -> None:
    """Widen the checks and the tables, make the one of parked exits."""
    for table in ("intents", "orders"):
        name = op.f(f"ck_{table}_purpose")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, PURPOSES)
    op.add_column("intents", sa.Column("stop_price", sa.Numeric()))
    op.add_column("positions", sa.Column("peak_price", sa.Numeric()))
    op.add_column("positions", sa.Column("through_at", TIME))
    op.create_table(
        "pending_exits",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("parked_at", TIME, nullable=False),
        sa.Column("retry_at", TIME, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.CheckConstraint(PURPOSES, name=op.f("ck_pending_exits_purpose")),
        sa.PrimaryKeyConstraint("book", "symbol", name=op.f("pk_pending_exits")),
        comment="exits that wait until orders are possible again; gone when retried or flat",
    )
