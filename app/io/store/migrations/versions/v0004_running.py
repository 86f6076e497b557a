"""Sessions, task slots, leases, commands, recovery, tape and reports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    _sessions()
    _task_slots()
    _leases()
    _commands()
    _recovery_logs()
    _tape()
    _reports()


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("open_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("close_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("equity_open", sa.Numeric()),
        sa.Column("cash_open", sa.Numeric()),
        sa.Column("equity_close", sa.Numeric()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("book", "date", name=op.f("pk_sessions")),
    )


def _task_slots() -> None:
    op.create_table(
        "task_slots",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column(
            "started_wall",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("finished_wall", sa.DateTime(timezone=True)),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.PrimaryKeyConstraint("book", "task", "slot", name=op.f("pk_task_slots")),
        comment="status is running, done, failed or skipped; "
        "the key is the guard against a second run",
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("backend_pid", sa.Integer(), nullable=False),
        sa.Column("backend_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("renewed_wall", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_wall", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("book", "name", name=op.f("pk_leases")),
    )


def _commands() -> None:
    op.create_table(
        "commands",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("arguments", JSONB(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column(
            "asked_wall",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("done_wall", sa.DateTime(timezone=True)),
        sa.Column("result", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
    )


def _recovery_logs() -> None:
    op.create_table(
        "recovery_logs",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("ours", sa.Text()),
        sa.Column("theirs", sa.Text()),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column(
            "written_wall",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_logs")),
    )


def _tape() -> None:
    op.create_table(
        "tape",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tape")),
    )
    op.create_index(op.f("ix_tape_book_at"), "tape", ["book", "at"])


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column(
            "written_wall",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("book", "date", "kind", name=op.f("pk_reports")),
    )
