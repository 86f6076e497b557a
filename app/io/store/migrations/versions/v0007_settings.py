"""Key figures, experiments, and which settings were in force when."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0007"
down_revision = "0006"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _kpis()
    _experiments()
    _overrides()
    _settings_log()
    _tier_proposals()


def _kpis() -> None:
    op.create_table(
        "kpis",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column(
            "written_wall", TIME, server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("book", "at", name=op.f("pk_kpis")),
        comment="key figures of the hour that ends at ``at``",
    )


def _experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changes", JSONB(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("until_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("ended_why", sa.Text()),
        sa.Column("measured", JSONB()),
        sa.CheckConstraint(
            "state IN ('RUNNING', 'ENDED', 'STOPPED', 'ROLLED_BACK')",
            name=op.f("ck_experiments_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
    )
    op.create_index(
        "uq_experiments_one_running",
        "experiments",
        ["book"],
        unique=True,
        postgresql_where=sa.text("state = 'RUNNING'"),
    )


def _overrides() -> None:
    op.create_table(
        "overrides",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("set_at", TIME, nullable=False),
        sa.Column("until_at", TIME),
        sa.PrimaryKeyConstraint("book", "name", "source", name=op.f("pk_overrides")),
        comment="settings changed on a running book: by an experiment, a rollback or a tier "
        "proposal",
    )


def _settings_log() -> None:
    op.create_table(
        "settings_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text()),
        sa.Column("values", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settings_log")),
        comment="what was in force from ``at`` on; no secret is among the values",
    )
    op.create_index(op.f("ix_settings_log_book_at"), "settings_log", ["book", "at"])


def _tier_proposals() -> None:
    op.create_table(
        "tier_proposals",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        *(
            sa.Column(name, ARRAY(sa.Text()), nullable=False)
            for name in ("tier_a", "tier_b", "bench")
        ),
        sa.Column("volatility", JSONB(), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("book", "at", name=op.f("pk_tier_proposals")),
    )
