"""What an event says and where it is from, how far feeds were read, and the model's ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Widen events, make the other two."""
    _events()
    _model_calls()
    op.create_index(op.f("ix_quarantine_book_at"), "quarantine", ["book", "at"])
    op.create_table(
        "feed_marks",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("read_to", TIME, nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("said", sa.Text()),
        sa.PrimaryKeyConstraint("book", "feed", name=op.f("pk_feed_marks")),
        comment="how far a feed has been read, and what it said when it last failed",
    )


def _events() -> None:
    # Nothing wrote events before this version.
    for name in ("source", "title", "summary"):
        op.add_column("events", sa.Column(name, sa.Text(), nullable=False))
    op.add_column("events", sa.Column("relevance", sa.Double(), nullable=False))
    op.add_column("events", sa.Column("tone", sa.Double()))
    op.create_index(op.f("ix_events_book_first_seen_at"), "events", ["book", "first_seen_at"])


def _model_calls() -> None:
    needed = ("symbol", "event_id", "content_key", "prompt_version", "prompt", "asked_model")
    op.create_table(
        "model_calls",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in (*needed, "state")),
        sa.Column("reserved_usd", sa.Numeric(), nullable=False),
        sa.Column("cost_usd", sa.Numeric()),
        sa.Column("krw_per_usd", sa.Numeric(), nullable=False),
        *(sa.Column(name, sa.Integer()) for name in ("input_tokens", "output_tokens")),
        *(sa.Column(name, sa.Text()) for name in ("answered_model", "request_id", "outcome")),
        sa.Column("answer", JSONB()),
        sa.Column("asked_wall", TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("answered_wall", TIME),
        sa.CheckConstraint("state IN ('RESERVED', 'SETTLED')", name=op.f("ck_model_calls_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_calls")),
        comment="the budget's ledger: a row counts with cost_usd once settled, reserved_usd before",
    )
    op.create_index(op.f("ix_model_calls_book_day"), "model_calls", ["book", "day"])
    op.create_index(
        op.f("ix_model_calls_book_content_key_at"), "model_calls", ["book", "content_key", "at"]
    )
    op.create_index(op.f("ix_model_calls_book_at"), "model_calls", ["book", "at"])
