"""The judge: what must hold after every event, asked of the tables and of the broker itself."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.engine.orders import FINAL, Order, Purpose, Side
from app.pipeline.invariants import summed
from proof.sim.broker import MemoryBroker
from proof.sim.kept import Kept
from proof.sim.stage import Stage

IN_DOUBT = "('SUBMITTING', 'UNKNOWN')"
#: What no order may be for in each state of a book. Written out: the product has its own table.
FORBIDDEN = {
    "ACTIVE": frozenset[Purpose](),
    "REDUCING": frozenset({Purpose.ENTRY}),
    "FLATTENING": frozenset({Purpose.ENTRY, Purpose.PRE_CLOSE}),
    "HALTED": frozenset(Purpose),
}
#: These stay in every state: a halt takes no protection away.
STAYS = frozenset({Purpose.PROTECT})
WAITING = {
    "signals wait": "SELECT count(*) AS n FROM signals WHERE routed_at IS NULL",
    "commands wait": "SELECT count(*) AS n FROM commands WHERE done_wall IS NULL",
}
ZERO = Decimal(0)


@dataclass
class Judge:
    """Collects breaches; ``fences`` are the moments at which each fence was handed out."""

    stage: Stage
    broker: MemoryBroker
    breaches: list[str] = field(default_factory=list)
    runs: Counter[tuple[str, int]] = field(default_factory=Counter)
    ended: dict[str, tuple[str, Decimal]] = field(default_factory=dict)
    fences: dict[int, datetime] = field(default_factory=dict)

    def handed_out(self, fence: int) -> None:
        """Note when a fence was handed out: from then on no lower one may start anything."""
        self.fences[fence] = self.broker.session().at

    def arriving(self, order: Order) -> None:
        """Look at the tables as an order reaches the broker: it must be there, and alone."""
        doubtful = self.stage.rows(
            f"SELECT client_id, state FROM orders WHERE symbol = :symbol AND side = :side"
            f" AND state IN {IN_DOUBT}",
            symbol=order.symbol,
            side=order.side,
        )
        known = {row.client_id for row in doubtful}
        mine = self.stage.rows(
            "SELECT state, fence, submitting_wall FROM orders WHERE client_id = :id",
            id=order.client_id,
        )
        if not mine or mine[0].submitting_wall is None:
            self._breach(f"{order.client_id[:6]} was sent before it was committed")
        elif any(
            f > mine[0].fence and at < mine[0].submitting_wall for f, at in self.fences.items()
        ):
            self._breach(f"{order.client_id[:6]} was started by an owner that had lost the book")
        elif self._blocked(order, mine[0].submitting_wall):
            self._breach(f"{order.client_id[:6]} was started in a state that forbids it")
        if len(known) > 1:
            self._breach(f"{len(known)} orders to {order.side} {order.symbol} are in doubt at once")

    def _blocked(self, order: Order, started: datetime) -> bool:
        """Was the book in a state that forbids such an order before it was started?"""
        (book,) = self.stage.rows("SELECT status, set_at FROM book_states")
        return book.set_at < started and order.purpose in FORBIDDEN[book.status]

    def defect(self, said: str) -> None:
        """Note what a process could not make sense of: nothing that happens here is senseless."""
        self._breach(said)

    def ran(self, task: str, slot: int) -> None:
        """Count a run of a slot."""
        self.runs[task, slot] += 1
        if self.runs[task, slot] > 1:
            self._breach(f"slot {slot} of {task} ran twice")

    def after_event(self) -> None:
        """Check what holds at every moment."""
        for said in (*self._orders(), *self._fills()):
            self._breach(said)

    def after_quiet(self) -> None:
        """Check what holds once nothing has gone wrong for a while."""
        for said in self.unsettled():
            self._breach(said)

    def limits(self, breached: Iterable[str]) -> None:
        """Add the limits of the book that were passed."""
        for said in breached:
            self._breach(f"limit: {said}")

    def unsettled(self) -> list[str]:
        """Say what our tables and the broker do not agree on yet, and what is still to be done."""
        ours = {row.client_id: row for row in self._order_rows()}
        frozen = self._frozen(ours)
        waits = {ours[name].symbol for name in frozen}
        differ = [*self._differences(ours, frozen), *self._positions(waits)]
        return [*differ, *self._undone(), *self._exposed(waits)]

    def _differences(self, ours: Mapping[str, Any], frozen: Set[str]) -> Iterator[str]:
        theirs = {k.ticket.client_id: k for k in self.broker.book.values() if not k.stated.replaces}
        for name, kept in theirs.items():
            mine, (last, has) = ours.get(name), self._end_of(kept)
            if mine is None:
                yield f"{name[:6]} is a ghost: the broker has it and we do not"
            elif name in frozen:
                continue
            elif (mine.state, mine.filled_quantity) != (last.stated.state, has):
                have = f"{mine.state} {mine.filled_quantity}"
                yield f"{name[:6]} is {have} here and {last.stated.state} {has} there"
        for name, mine in ours.items():
            if mine.state in ("SUBMITTING", "UNKNOWN", "NEW") and name not in frozen:
                yield f"{name[:6]} is still {mine.state}"
            if name not in theirs and mine.state in ("SUBMITTED", "PARTIAL", "FILLED"):
                yield f"{name[:6]} is {mine.state}, and the broker never had it"

    def _end_of(self, kept: Kept) -> tuple[Kept, Decimal]:
        """Return the last of the orders that replaced one another, and what all have filled."""
        filled = kept.stated.filled_quantity
        while kept.stated.replaced_by:
            kept = self.broker.book[kept.stated.replaced_by]
            filled += kept.stated.filled_quantity
        return kept, filled

    def _undone(self) -> Iterator[str]:
        """Say what waits and should not any more: signals on their way, what people asked for."""
        for what, query in WAITING.items():
            (row,) = self.stage.rows(query)
            if row.n:
                yield f"{row.n} {what}"

    def _exposed(self, waits: Set[str]) -> Iterator[str]:
        """Say what is held without a sale that protects it, and what works that may not."""
        (book,) = self.stage.rows("SELECT status FROM book_states")
        working = self.broker.working()
        for kept in working:
            if kept.ticket.purpose in FORBIDDEN[book.status] - STAYS:
                name, purpose = kept.ticket.client_id[:6], kept.ticket.purpose
                yield f"{name} ({purpose}) works, and the book is {book.status}"
        if book.status == "HALTED":
            return
        for symbol, position in self.broker.held.items():
            sales = [k for k in working if (k.ticket.symbol, k.ticket.side) == (symbol, Side.SELL)]
            covered = sum((k.outstanding for k in sales), ZERO)
            if covered < position.quantity and symbol not in waits:
                yield f"{covered} of {position.quantity} {symbol} are protected"

    def _frozen(self, ours: Mapping[str, Any]) -> set[str]:
        """Return what waits for a person: without client ids, an order that is none or any of some.

        Where exactly one order at the broker is nobody's and looks like it, it must be that one.
        What is to be sent of the same symbol and side waits behind it.
        """
        if self.broker.client_ids:
            return set()
        links = self.stage.rows("SELECT broker_id FROM order_links")
        claimed = {row.broker_id for row in (*ours.values(), *links)}
        looks = Counter(
            (k.stated.symbol, k.stated.side, k.stated.quantity)
            for k in self.broker.book.values()
            if k.stated.broker_id not in claimed
        )
        in_doubt = [row for row in ours.values() if row.state == "UNKNOWN"]
        lost = [row for row in in_doubt if looks[row.symbol, row.side, row.quantity] != 1]
        blocked = {(row.symbol, row.side) for row in lost}
        behind = [r for r in ours.values() if r.state == "NEW" and (r.symbol, r.side) in blocked]
        return {row.client_id for row in (*lost, *behind)}

    def _orders(self) -> Iterator[str]:
        rows = self._order_rows()
        for row in rows:
            now = (row.state, row.filled_quantity)
            before = self.ended.get(row.client_id)
            if before is not None and before != now:
                yield f"{row.client_id[:6]} went from {before} to {now} after its end"
            if row.state in {state.value for state in FINAL}:
                self.ended[row.client_id] = now
        intents = {row.client_id: row.intent_id for row in rows}
        sent = Counter(k.ticket.client_id for k in self.broker.book.values())
        per_intent = Counter(intents.get(name, name) for name in sent.elements())
        for intent, count in per_intent.items():
            if count > 1:
                yield f"intent {intent[:6]} has {count} orders at the broker"

    def _fills(self) -> Iterator[str]:
        """Compare fills with positions and with what the broker filled, and count none twice."""
        rows = self.stage.rows(
            "SELECT symbol, side, quantity, client_id, broker_order_id, cumulative FROM fills"
        )
        # An order and the one that replaced it may both come to the same number of shares.
        keys = Counter((row.client_id, row.broker_order_id, row.cumulative) for row in rows)
        for (name, _, cumulative), count in keys.items():
            if count > 1:
                yield f"the fill of {name[:6]} to {cumulative} counts {count} times"
        held = self._held()
        executed: Any = [_Fill(r.symbol, Side(r.side), r.quantity) for r in rows]
        if summed(executed, ()) != held:
            yield f"positions {held} are not the fills' {summed(executed, ())}"

    def _positions(self, waits: Set[str]) -> Iterator[str]:
        theirs = {s: p.quantity for s, p in self.broker.held.items() if p.quantity}
        mine = self._held()
        for symbol in sorted((mine.keys() | theirs.keys()) - waits):
            if mine.get(symbol) != theirs.get(symbol):
                yield f"we hold {mine.get(symbol)} {symbol}, the broker {theirs.get(symbol)}"

    def _held(self) -> dict[str, Decimal]:
        rows = self.stage.rows("SELECT symbol, quantity FROM positions WHERE quantity <> 0")
        return {row.symbol: row.quantity for row in rows}

    def _order_rows(self) -> list[Any]:
        return self.stage.rows(
            "SELECT client_id, intent_id, broker_id, symbol, side, purpose, state, filled_quantity,"
            " quantity FROM orders"
        )

    def _breach(self, said: str) -> None:
        if said not in self.breaches:
            self.breaches.append(said)


@dataclass(frozen=True, slots=True)
class _Fill:
    symbol: str
    side: Side
    quantity: Decimal
