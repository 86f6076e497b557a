"""Refusals below noise in fewer bytes: lists of symbols stand once, numbers are packed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0008"
down_revision = "0007"

SUBJECTS = "one row a gate and subject: signal:ID, event:ID, basket:NAME:TICK or intent:ID"
SLOTS = (
    "refusals below noise, a row a slot, gate and reason: a bit for each symbol of the "
    "list (none: all of them), and the numbers of those as packing.py writes them"
)


def upgrade() -> None:
    """Make the table of lists, and rewrite what the slots say."""
    op.create_index(op.f("ix_verdicts_book_at"), "verdicts", ["book", "at"])
    op.create_table_comment("verdicts", SUBJECTS)
    op.create_table(
        "verdict_symbols",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("symbols", ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("book", "id", name=op.f("pk_verdict_symbols")),
        comment="lists of symbols that slots refer to; the id is a digest of the list",
    )
    _widen()
    _rewrite()
    for name in ("symbols", "measured_texts", "limit_texts"):
        op.drop_column("verdict_slots", name)
    for name in ("list", "count"):
        op.alter_column("verdict_slots", name, nullable=False)
    op.create_table_comment("verdict_slots", SLOTS)


def _widen() -> None:
    for name in ("measured", "limit"):
        op.alter_column("verdict_slots", name, new_column_name=f"{name}_texts")
    for column in (
        sa.Column("list", sa.Text()),
        sa.Column("members", sa.LargeBinary()),
        sa.Column("count", sa.Integer()),
        sa.Column("measured", sa.LargeBinary()),
        sa.Column("limit", sa.LargeBinary()),
    ):
        op.add_column("verdict_slots", column)


def _rewrite() -> None:
    """Keep what earlier versions wrote, as lists of texts; an id need only tell lists apart."""
    op.execute(
        """
        INSERT INTO verdict_symbols (book, id, symbols)
        SELECT DISTINCT book, md5(array_to_string(symbols, ' ')), symbols FROM verdict_slots
        """
    )
    op.execute(
        """
        UPDATE verdict_slots
           SET list = md5(array_to_string(symbols, ' ')), count = cardinality(symbols),
               measured = convert_to('j' || array_to_json(measured_texts)::text, 'UTF8'),
               "limit" = convert_to('j' || array_to_json(limit_texts)::text, 'UTF8')
        """
    )
