"""Charges: what the broker took beside prices, asked for and counted once."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy.engine import Connection

from app.engine.portfolio import Fee
from app.io.store import fees, sessions
from app.pipeline.moves import under_way
from app.pipeline.services import Services

#: A broker may post a fee days after the trade that it is for.
POSTED_WITHIN = timedelta(days=7)


def charged_lately(to: Services, day: date) -> list[Fee]:
    """Ask the broker for the fees that may not have been known by a date, none before the book."""
    with to.database.begin() as db:
        first = sessions.first(db, to.book.id)
    since = day if first is None else max(first.date, day - POSTED_WITHIN)
    return list(to.broker.fees(since))


def count_today(to: Services, db: Connection, told: Sequence[Fee]) -> None:
    """Count fees in the session that is under way, as its settlement would.

    Without one nothing is stored: the next opening counts them.
    """
    if (session := under_way(to, db)) is not None:
        mine = [fee for fee in told if fee.date <= session.date]
        fees.insert_once(db, to.book.id, to.broker.name, mine, session.date)
