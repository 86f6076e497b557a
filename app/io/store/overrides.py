"""Settings changed on a running book, by name."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.io.store.schema import overrides


def set(
    db: Connection,
    book: str,
    name: str,
    value: str,
    source: str,
    *,
    at: datetime,
    until: datetime | None = None,
) -> None:
    """Put a setting's text in the place of what was set, until a time if one is given."""
    values = {"value": value, "source": source, "set_at": at, "until_at": until}
    db.execute(
        insert(overrides)
        .values(book=book, name=name, **values)
        .on_conflict_do_update(index_elements=["book", "name"], set_=values)
    )
