"""Since when a position has been held with nothing at the broker that would sell all of it."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the column; what is bare by now is bare from the next pass on."""
    op.add_column("positions", sa.Column("bare_since", sa.DateTime(timezone=True)))
