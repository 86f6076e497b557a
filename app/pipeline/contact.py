"""Contact: every call to the broker tells whether it was answered, and an outage is measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from app.adapters.port import Broker, BrokerClock, BrokerPosition, Capabilities
from app.engine.caution import OUTAGE
from app.engine.errors import AppError, OutcomeUnknown, Rejected, Transient
from app.engine.orders import BrokerOrder, Execution, Order
from app.engine.portfolio import Account, Fee
from app.io.clock import monotonic
from app.io.store import contacts, recovery
from app.io.store.database import Database
from app.io.store.recovery import Difference
from app.pipeline.services import Services

T = TypeVar("T")

#: Without any answer for this long, by the wall, the broker is asked for the time.
LISTEN = timedelta(seconds=15)
#: Wall seconds for which a process does not repeat what it has just written down.
SAY_AGAIN_S = 5.0


def watch(to: Services) -> str:
    """Ask the broker for the time where nobody has heard of it lately: a quiet book notices, too.

    A loss of the network then shows within two of the task's intervals and a time-out, and so does
    its end.
    """
    with to.database.begin() as db:
        unheard = contacts.unheard_for(db, to.book.id)
    if unheard is not None and unheard < LISTEN:
        return "heard of lately"
    if not to.buckets.take("broker", to.clock.now()).allowed:
        return "refused by the rate limit"
    try:
        to.broker.clock()
    except (Transient, Rejected, OutcomeUnknown) as error:
        return f"no answer: {error}"
    return "answered"


@dataclass(slots=True)
class Contact:
    """What this process has last written down about the line to a book's broker.

    ``now`` is the market's clock. Nothing here ever raises: the broker's answer matters more.
    """

    database: Database
    book_id: str
    now: Callable[[], datetime]
    log: Callable[..., None]
    _said: bool | None = None
    _said_at: float = 0.0

    def note(self, answered: bool) -> None:
        """Write down that a call was answered or not, unless that was written a moment ago."""
        if self._said is answered and monotonic() - self._said_at < SAY_AGAIN_S:
            return
        try:
            self._write(answered)
        except AppError as error:
            self.log("contact_not_noted", book=self.book_id, why=str(error))
        else:
            self._said, self._said_at = answered, monotonic()

    def _write(self, answered: bool) -> None:
        at = self.now()
        with self.database.begin() as db:
            if answered:
                silence = contacts.reached(db, self.book_id)
                tell, event, action = silence >= OUTAGE, "broker_reached", "entries go on"
            else:
                silence = contacts.missed(db, self.book_id)
                tell = silence >= OUTAGE and contacts.tell_once(db, self.book_id)
                event, action = "broker_unreachable", "entries stopped"
            if tell:
                theirs = f"no answer for {_seconds(silence)} s"
                row = Difference(at, "broker", "contact", None, theirs, action)
                recovery.add(db, self.book_id, row)
        if tell:
            self.log(event, book=self.book_id, seconds=_seconds(silence))


def _seconds(time: timedelta) -> int:
    return int(time.total_seconds())


@dataclass(frozen=True, slots=True)
class Watched:
    """A broker whose every answer, and every lack of one, is noted; otherwise it is that broker."""

    broker: Broker
    contact: Contact

    @property
    def name(self) -> str:
        return self.broker.name

    @property
    def capabilities(self) -> Capabilities:
        return self.broker.capabilities

    def submit(self, order: Order) -> BrokerOrder:
        return self._call(lambda: self.broker.submit(order))

    def cancel(self, broker_id: str) -> None:
        self._call(lambda: self.broker.cancel(broker_id))

    def replace(
        self, broker_id: str, *, quantity: Decimal | None = None, limit_price: Decimal | None = None
    ) -> BrokerOrder:
        return self._call(
            lambda: self.broker.replace(broker_id, quantity=quantity, limit_price=limit_price)
        )

    def order(self, broker_id: str) -> BrokerOrder | None:
        return self._call(lambda: self.broker.order(broker_id))

    def order_by_client_id(self, client_id: str) -> BrokerOrder | None:
        return self._call(lambda: self.broker.order_by_client_id(client_id))

    def open_orders(self) -> Sequence[BrokerOrder]:
        return self._call(self.broker.open_orders)

    def orders_since(self, since: datetime) -> Sequence[BrokerOrder]:
        return self._call(lambda: self.broker.orders_since(since))

    def executions(self, since: datetime) -> Sequence[Execution]:
        return self._call(lambda: self.broker.executions(since))

    def fees(self, since: date) -> Sequence[Fee]:
        return self._call(lambda: self.broker.fees(since))

    def positions(self) -> Mapping[str, BrokerPosition]:
        return self._call(self.broker.positions)

    def account(self) -> Account:
        return self._call(self.broker.account)

    def clock(self) -> BrokerClock:
        return self._call(self.broker.clock)

    def _call(self, ask: Callable[[], T]) -> T:
        try:
            answer = ask()
        except Rejected:
            self.contact.note(True)
            raise
        except Transient as error:
            # Who says how long to leave him alone has answered.
            self.contact.note(error.retry_after_s is not None)
            raise
        except OutcomeUnknown:
            self.contact.note(False)
            raise
        self.contact.note(True)
        return answer
