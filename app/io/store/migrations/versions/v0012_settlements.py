"""Every move of a session, what each day came to, and what the broker charged."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"

TIME = sa.DateTime(timezone=True)
WRITTEN = sa.text("clock_timestamp()")
PHASES = "'OFFLINE', 'INITIALIZING', 'READY', 'TRADING', 'CLOSING', 'CLOSED', 'STOPPED'"
MONEY = (
    "realised",
    "unrealised",
    "fees",
    "cash_open",
    "cash_close",
    "broker_cash",
    "equity_open",
    "equity_close",
)


def upgrade() -> None:
    """Make the tables."""
    _market_states()
    _daily_settlements()
    _fees()


def _market_states() -> None:
    op.create_table(
        "market_states",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("written_wall", TIME, server_default=WRITTEN, nullable=False),
        *(
            sa.CheckConstraint(f"{name} IN ({PHASES})", name=op.f(f"ck_market_states_{name}"))
            for name in ("from_state", "to_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_market_states")),
        comment="every move of a session; where it is now stands in sessions",
    )
    op.create_index(op.f("ix_market_states_book_date"), "market_states", ["book", "date"])


def _daily_settlements() -> None:
    op.create_table(
        "daily_settlements",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Numeric(), nullable=False) for name in MONEY),
        sa.Column("broker_equity", sa.Numeric()),
        sa.Column("trades", sa.Integer(), nullable=False),
        sa.Column("positions", JSONB(), nullable=False),
        sa.Column("written_wall", TIME, server_default=WRITTEN, nullable=False),
        sa.PrimaryKeyConstraint("book", "date", name=op.f("pk_daily_settlements")),
        comment="the day in the book's own money beside the broker's;"
        " positions are those of the close",
    )


def _fees() -> None:
    op.create_table(
        "fees",
        sa.Column("broker", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=False),
        sa.Column("written_wall", TIME, server_default=WRITTEN, nullable=False),
        sa.PrimaryKeyConstraint("broker", "id", name=op.f("pk_fees")),
        comment="what the broker charged, by its own date; settled_on is the settlement"
        " it counts in",
    )
    op.create_index(op.f("ix_fees_book_settled_on"), "fees", ["book", "settled_on"])
