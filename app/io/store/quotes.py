"""The newest quote of each symbol."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from app.engine.market import Quote
from app.io.store.schema import quotes
from app.io.store.taping import change, reading

_VALUES = ("at", "bid", "ask", "last", "day_volume")


_LOAD = (
    sa.select(quotes.c.symbol, *(quotes.c[name] for name in _VALUES))
    .where(quotes.c.book == sa.bindparam("book"))
    .order_by(quotes.c.symbol)
)
_NEW = insert(quotes)
_SAVE = _NEW.on_conflict_do_update(
    index_elements=[quotes.c.book, quotes.c.symbol],
    set_={name: _NEW.excluded[name] for name in _VALUES},
    where=quotes.c.at <= _NEW.excluded.at,
)


@change
def save(db: Connection, book: str, new: Sequence[Quote]) -> None:
    """Keep the newest quote of each symbol: an older one never replaces a newer one."""
    newest = {q.symbol: q for q in sorted(new, key=lambda q: q.at)}
    if not newest:
        return
    rows = [
        {"book": book, "symbol": symbol, **{name: getattr(q, name) for name in _VALUES}}
        for symbol, q in sorted(newest.items())
    ]
    db.execute(_SAVE, rows)


@reading
def load(db: Connection, book: str, symbols: Sequence[str] | None = None) -> dict[str, Quote]:
    """Return the newest quotes by symbol, of all symbols unless some are named."""
    query = _LOAD if symbols is None else _LOAD.where(quotes.c.symbol.in_(symbols))
    return {row.symbol: Quote(*row) for row in db.execute(query, {"book": book})}
