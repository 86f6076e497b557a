"""How many more connections a database takes."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_FREE = sa.text(
    """
    SELECT current_setting('max_connections')::int
           - current_setting('superuser_reserved_connections')::int
           - (SELECT count(*) FROM pg_stat_activity
               WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
    """
)


def free_connections(db: Connection) -> int:
    """Return how many connections are free, this one counted as free."""
    return int(db.scalar(_FREE) or 0)
