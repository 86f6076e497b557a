"""Why: the chain of gates behind what a symbol did or did not do, read from the ledger."""

from datetime import datetime

from app.io.store import verdicts
from app.io.store.database import Database
from app.io.store.verdicts import Decision


def why(database: Database, book: str, symbol: str, at: datetime | None) -> list[Decision]:
    """Return the newest chain of decisions about a symbol at or before ``at``, oldest first."""
    with database.begin() as db:
        return verdicts.chain(db, book, symbol, at)
