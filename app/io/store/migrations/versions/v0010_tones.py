"""When the tone of an event became known, where another source said it later."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column; the tones so far came with their events."""
    op.add_column("events", sa.Column("tone_at", sa.DateTime(timezone=True)))
