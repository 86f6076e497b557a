"""Each order's state here beside what the exchange says of it, by the judge's own dictionary."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.engine.orders import Order, OrderState

Told = Mapping[str, Any]

#: The exchange's words for what still works there.
_WORKS = frozenset({"pending_new", "accepted", "held", "new", "partially_filled"})
_ENDED = {
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}
#: What an order may be here that the exchange never took: it was given up unsent, or refused.
_NEVER_TAKEN = frozenset({OrderState.CANCELLED, OrderState.REJECTED})


def differing_states(made: Iterable[Order], taken: Sequence[Told]) -> list[str]:
    """Return a line for each order whose state here is another than at the exchange.

    An order that was replaced there is what the last of its successors is. One that it took twice
    has to be here what each of them is.
    """
    by_id = {told["id"]: told for told in taken}
    chains: dict[str, list[list[Told]]] = {}
    for told in taken:
        chains.setdefault(told["client_order_id"], []).append(_chain(told, by_id))
    return [
        f"{order.client_id}: {order.state} here, {_said(chains.get(order.client_id))} there"
        for order in made
        if not _agree(order.state, chains.get(order.client_id))
    ]


def _agree(state: OrderState, theirs: list[list[Told]] | None) -> bool:
    if theirs is None:
        return state in _NEVER_TAKEN
    return all(_meant(chain) is state for chain in theirs)


def _chain(told: Told, by_id: Mapping[str, Told]) -> list[Told]:
    """Return an order and its successors, the newest last."""
    chain = [told]
    while (after := by_id.get(chain[-1]["replaced_by"])) is not None and after not in chain:
        chain.append(after)
    return chain


def _meant(chain: list[Told]) -> OrderState | None:
    """Return what a chain is in our words; None, which no order is, for a word we do not know."""
    status = chain[-1]["status"]
    if status not in _WORKS:
        return _ENDED.get(status)
    filled = sum((Decimal(told["filled_qty"]) for told in chain), Decimal(0))
    return OrderState.PARTIAL if filled else OrderState.SUBMITTED


def _said(theirs: list[list[Told]] | None) -> str:
    if theirs is None:
        return "never taken"
    return ", ".join(chain[-1]["status"] for chain in theirs)
