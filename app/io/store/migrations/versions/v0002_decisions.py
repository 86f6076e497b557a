"""What was decided, and why."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    _book_states()
    _signals()
    _verdicts()
    _verdict_slots()
    _intents()


def _book_states() -> None:
    op.create_table(
        "book_states",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("engine", JSONB(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("reconciled_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "status IN ('ACTIVE', 'REDUCING', 'HALTED')", name=op.f("ck_book_states_status")
        ),
        sa.PrimaryKeyConstraint("book", name=op.f("pk_book_states")),
    )


def _signals() -> None:
    op.create_table(
        "signals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("price", sa.Double(), nullable=False),
        sa.Column("components", JSONB(), nullable=False),
        sa.Column("routed_at", sa.DateTime(timezone=True)),
        sa.Column(
            "written_wall",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signals")),
        sa.UniqueConstraint("book", "symbol", "slot", name=op.f("uq_signals_book_symbol_slot")),
    )
    op.create_index(op.f("ix_signals_book_at"), "signals", ["book", "at"])
    op.create_index(
        "ix_signals_unrouted",
        "signals",
        ["book", "at"],
        postgresql_where=sa.text("routed_at IS NULL"),
    )


def _verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("measured", sa.Text()),
        sa.Column("limit", sa.Text()),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdicts")),
        comment="one row a gate and subject; subject is signal:ID, basket:NAME:TICK or intent:ID",
    )
    op.create_index(op.f("ix_verdicts_book_subject"), "verdicts", ["book", "subject"])
    op.create_index(op.f("ix_verdicts_book_symbol_at"), "verdicts", ["book", "symbol", "at"])


def _verdict_slots() -> None:
    op.create_table(
        "verdict_slots",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("symbols", ARRAY(sa.Text()), nullable=False),
        sa.Column("measured", ARRAY(sa.Text()), nullable=False),
        sa.Column("limit", ARRAY(sa.Text()), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "book", "at", "step", "gate", "reason", name=op.f("pk_verdict_slots")
        ),
        comment="refusals below noise: one compact row a slot, gate and reason; parallel arrays",
    )


def _intents() -> None:
    op.create_table(
        "intents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signals", ARRAY(sa.Text()), nullable=False),
        sa.Column("basket", sa.Text()),
        sa.Column("quantity", sa.Numeric()),
        sa.Column("time_in_force", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column(
            "written_wall",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "purpose IN ('entry', 'stop_loss', 'pre_close', 'flatten', 'clean_up')",
            name=op.f("ck_intents_purpose"),
        ),
        sa.CheckConstraint("side IN ('buy', 'sell')", name=op.f("ck_intents_side")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intents")),
    )
    op.create_index(op.f("ix_intents_book_at"), "intents", ["book", "at"])
    op.create_index(
        "ix_intents_undecided",
        "intents",
        ["book", "at"],
        postgresql_where=sa.text("decided_at IS NULL"),
    )
