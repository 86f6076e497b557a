"""Why: the chain of gates behind what a symbol did or did not do, read from the ledger."""

from datetime import datetime

from app.io.store import chains
from app.io.store.chains import Decision
from app.io.store.database import Database


def why(database: Database, book: str, symbol: str, at: datetime | None) -> list[Decision]:
    """Return the newest chain of decisions about a symbol at or before ``at``, oldest first."""
    with database.begin() as db:
        return chains.chain(db, book, symbol, at)
