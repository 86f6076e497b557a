"""Everything that one simulated world consists of, built once and shared by its endpoints."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from itertools import count
from typing import Any

from app.engine.errors import InvalidData
from app.sim.exchange import Exchange, Update
from app.sim.faults import Door, Faults, Kind
from app.sim.happenings import Happenings
from app.sim.hub import DataHub, TradeHub
from app.sim.keeper import Keeper
from app.sim.limits import DailyCount, RateLimit, SecondLimit
from app.sim.orders import Order
from app.sim.replies import configurations
from app.sim.settings import Access
from app.sim.times import new_york
from app.sim.timetable import Session, Timetable
from app.sim.visibility import Visibility

HISTORY_SESSIONS = 6
#: Requests a second to EDGAR, and a simulated minute to the model.
EDGAR_PER_SECOND, MODEL_PER_MINUTE = 10, 500


@dataclass(frozen=True, slots=True)
class Doors:
    """How often the services beside the exchange may be asked; ``answers`` numbers the model's."""

    news: DailyCount
    edgar: SecondLimit
    model: RateLimit
    answers: Iterator[int]


@dataclass(frozen=True, slots=True)
class World:
    """An exchange with its doors: who may come in, what goes wrong, who listens.

    ``untold`` are updates that nobody has heard of yet; without ``keeper`` nothing is remembered.
    """

    exchange: Exchange
    access: Access
    limits: RateLimit
    faults: Faults
    visibility: Visibility
    trades: TradeHub
    data: DataHub
    happenings: Happenings
    doors: Doors
    configurations: dict[str, Any]
    keeper: Keeper | None
    untold: list[Update]

    def settle(self) -> None:
        """Write down what has happened, then tell those who listen. Raises OSError."""
        if self.keeper is not None:
            self.keeper.keep(self.configurations)
        while self.untold:
            self.trades.publish(self.untold.pop(0))

    def leave(self) -> None:
        """Write the world down as it is now, to the moment. Raises OSError."""
        self.exchange.advance()
        if self.keeper is not None:
            self.keeper.keep(self.configurations, lead_s=0.0)


def session_of(timetable: Timetable, day: date) -> Session:
    """Return the session of a day. Raises InvalidData for a day without one."""
    session = timetable.on(day)
    if session is None:
        later = timetable.next_open(new_york(day)).day
        raise InvalidData(
            f"--date {day}: the exchange is closed that day; the next session is {later}"
        )
    return session


def sessions_around(timetable: Timetable, session: Session) -> list[Session]:
    """Return the sessions that a synthetic market needs: history, the day and the one after."""
    index = timetable.sessions.index(session)
    return timetable.sessions[max(0, index - HISTORY_SESSIONS) : index + 2]


def build(
    exchange: Exchange,
    access: Access,
    faults: Faults,
    happenings: Happenings,
    keeper: Keeper | None = None,
    *,
    remembered: dict[str, Any] | None = None,
) -> World:
    """Put doors on an exchange; ``remembered`` is the account's configuration, if it had one."""
    untold: list[Update] = []
    exchange.on_update = untold.append
    exchange.arrival_limit = lambda order: partial_limit(faults, order)
    return World(
        exchange=exchange,
        access=access,
        limits=RateLimit(access.requests_per_minute),
        faults=faults,
        visibility=Visibility(faults),
        trades=TradeHub(faults),
        data=DataHub(exchange, faults, happenings),
        happenings=happenings,
        doors=Doors(
            news=DailyCount(access.news_per_day),
            edgar=SecondLimit(EDGAR_PER_SECOND),
            model=RateLimit(MODEL_PER_MINUTE),
            answers=count(1),
        ),
        configurations=remembered or configurations(exchange.terms),
        keeper=keeper,
        untold=untold,
    )


def partial_limit(faults: Faults, order: Order) -> Decimal | None:
    """Return how much of a new order may fill at once if the fault is drawn, else None."""
    if order.tif == "fok" or order.leaves < 2:
        return None
    if faults.draw(Kind.PARTIAL_FILL, Door.TRADING) is None:
        return None
    part = (order.leaves * Decimal(faults.share())).to_integral_value(rounding=ROUND_FLOOR)
    return max(part, Decimal(1))
