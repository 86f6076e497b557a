"""What tests about a book's day share: its hours, and what it left in the tables."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pipeline_market import NOON, SECOND
from pipeline_world import World

from app.engine.errors import Rejected
from app.engine.orders import Purpose
from app.engine.portfolio import Account, Fee
from app.io.store import market_states, recovery, reports, sessions, settlements
from app.io.store.settlements import Settlement
from app.pipeline.report import END_OF_DAY

#: Friday, 2026-03-20, and the Monday after it.
OPEN, CLOSE = NOON.replace(hour=13, minute=30), NOON.replace(hour=20)
MONDAY = datetime.fromisoformat("2026-03-23T13:30:00+00:00")
MONDAYS_CLOSE = MONDAY.replace(hour=20, minute=0)


@dataclass
class Teller:
    """The paper ledger as another bank would keep it: deposits, fees, blocks, a key refused."""

    ledger: object
    deposited: Decimal = Decimal(0)
    charged: tuple[Fee, ...] = ()
    changes: dict[str, object] | None = None
    refuses: bool = False

    def __getattr__(self, name: str) -> object:
        if self.refuses:
            raise Rejected("unauthorized", "request is not authorized")
        return getattr(self.ledger, name)

    def account(self) -> Account:
        said = self.__getattr__("account")()  # type: ignore[operator]
        moved = self.deposited - sum((fee.amount for fee in self.charged), Decimal(0))
        values = {"cash": said.cash + moved, "equity": said.equity + moved}
        values |= {"buying_power": said.buying_power + moved, "id": said.id}
        return Account(**(values | (self.changes or {})))

    def fees(self, since: date) -> list[Fee]:
        return [fee for fee in self.charged if fee.date >= since]


def teller(world: World) -> Teller:
    """Put a bank of its own rules before the world's ledger."""
    made = Teller(world.broker.ledger)
    world.broker.ledger = made  # type: ignore[assignment]
    return made


def sell(world: World, symbol: str, purpose: Purpose = Purpose.STOP_LOSS) -> None:
    world.intend(symbol, purpose)
    world.run()
    world.stream(world.order(symbol))
    world.run()
    world.wait(SECOND)


def the_day(world: World, at: datetime) -> sessions.SessionRow:
    with world.to.database.begin() as db:
        found = sessions.load(db, world.book.id, at.date())
    assert found is not None
    return found


def moves(world: World, at: datetime) -> list[str]:
    """Return where a date's session went, oldest first."""
    with world.to.database.begin() as db:
        return [move.to_state for move in market_states.of_day(db, world.book.id, at.date())]


def whys(world: World, at: datetime) -> dict[str, str]:
    with world.to.database.begin() as db:
        found = market_states.of_day(db, world.book.id, at.date())
    return {move.to_state: move.why for move in found}


def settled(world: World, at: datetime) -> Settlement:
    with world.to.database.begin() as db:
        found = settlements.load(db, world.book.id, at.date())
    assert found is not None
    return found


def noted(world: World, kind: str) -> list[tuple[str, str | None, str | None, str]]:
    """Return (subject, ours, theirs, action) of what was noted of a kind."""
    with world.to.database.begin() as db:
        found = recovery.listing(db, world.book.id)
    return [(d.subject, d.ours, d.theirs, d.action) for d in found if d.kind == kind]


def close(world: World) -> str:
    world.at(CLOSE)
    return world.open()


def rows(world: World, table: str) -> int:
    with world.to.database.begin() as db:
        return int(db.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def page(world: World) -> tuple[dict[str, Any], str]:
    with world.to.database.begin() as db:
        found = reports.load(db, world.book.id, NOON.date(), END_OF_DAY)
    assert found is not None
    return dict(found.body), found.html


def a_busy_day(world: World) -> None:
    """Fills in parts, a gain, a loss, and one position that is held overnight."""
    world.broker.parts = 3
    for symbol, sold_at in (("AAPL", "103.37"), ("MSFT", "191.33")):
        world.buy(symbol)
        world.price(symbol, sold_at)
        sell(world, symbol)
    world.buy("NVDA")
    world.price("NVDA", "51.27")
