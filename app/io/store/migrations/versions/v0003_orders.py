"""Orders, fills, positions and money."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    _orders()
    _orders_indexes()
    _fills()
    _positions()
    _account_snapshots()


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("intent_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("time_in_force", sa.Text(), nullable=False),
        sa.Column("limit_price", sa.Numeric()),
        sa.Column("stop_price", sa.Numeric()),
        sa.Column("extended_hours", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("broker", sa.Text(), nullable=False),
        sa.Column("broker_id", sa.Text()),
        sa.Column("filled_quantity", sa.Numeric(), nullable=False),
        sa.Column("average_price", sa.Numeric()),
        sa.Column("reserved_risk", sa.Numeric(), nullable=False),
        sa.Column("reserved_notional", sa.Numeric(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_wall",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("submitting_wall", sa.DateTime(timezone=True)),
        sa.Column("accepted_wall", sa.DateTime(timezone=True)),
        sa.Column("resolve_after_wall", sa.DateTime(timezone=True)),
        sa.Column("resolve_tries", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "purpose IN ('entry', 'stop_loss', 'pre_close', 'flatten', 'clean_up')",
            name=op.f("ck_orders_purpose"),
        ),
        sa.CheckConstraint("side IN ('buy', 'sell')", name=op.f("ck_orders_side")),
        sa.CheckConstraint(
            "state IN ('NEW', 'SUBMITTING', 'UNKNOWN', 'SUBMITTED', 'PARTIAL', 'FILLED', "
            "'CANCELLED', 'REJECTED', 'EXPIRED')",
            name=op.f("ck_orders_state"),
        ),
        sa.CheckConstraint(
            "filled_quantity >= 0 AND filled_quantity <= quantity", name=op.f("ck_orders_filled")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_orders_quantity")),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_orders")),
        sa.UniqueConstraint("broker_id", name=op.f("uq_orders_broker_id")),
        sa.UniqueConstraint("intent_id", name=op.f("uq_orders_intent_id")),
    )


def _orders_indexes() -> None:
    op.create_index(op.f("ix_orders_book_created_at"), "orders", ["book", "created_at"])
    op.create_index(op.f("ix_orders_book_submitting_wall"), "orders", ["book", "submitting_wall"])
    op.create_index(
        "ix_orders_open",
        "orders",
        ["book", "symbol"],
        postgresql_where=sa.text(
            "state IN ('NEW', 'SUBMITTING', 'UNKNOWN', 'SUBMITTED', 'PARTIAL')"
        ),
    )
    op.create_index(
        "uq_orders_one_in_doubt",
        "orders",
        ["book", "symbol", "side"],
        unique=True,
        postgresql_where=sa.text("state IN ('SUBMITTING', 'UNKNOWN')"),
    )


def _fills() -> None:
    op.create_table(
        "fills",
        sa.Column("broker", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("broker_order_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("price", sa.Numeric(), nullable=False),
        sa.Column("cumulative", sa.Numeric(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "written_wall",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("side IN ('buy', 'sell')", name=op.f("ck_fills_side")),
        sa.CheckConstraint("quantity > 0 AND price > 0", name=op.f("ck_fills_positive")),
        sa.PrimaryKeyConstraint("broker", "execution_id", name=op.f("pk_fills")),
    )
    op.create_index(op.f("ix_fills_book_at"), "fills", ["book", "at"])
    op.create_index(op.f("ix_fills_client_id"), "fills", ["client_id"])


def _positions() -> None:
    op.create_table(
        "positions",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("average_price", sa.Numeric(), nullable=False),
        sa.Column("realised", sa.Numeric(), nullable=False),
        sa.Column("stop_price", sa.Numeric()),
        sa.Column("opened_at", sa.DateTime(timezone=True)),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("book", "symbol", name=op.f("pk_positions")),
    )


def _account_snapshots() -> None:
    op.create_table(
        "account_snapshots",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cash", sa.Numeric(), nullable=False),
        sa.Column("equity", sa.Numeric(), nullable=False),
        sa.Column("buying_power", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "written_wall",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_snapshots")),
        comment="kind is open, check or close; what the broker said",
    )
    op.create_index(op.f("ix_account_snapshots_book_at"), "account_snapshots", ["book", "at"])
