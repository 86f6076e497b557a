"""Memory: a book's state that the store's functions are called on in the place of a database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.engine.verdicts import Verdict
from app.io.memory.days import PendingExits, Recovery, Sessions, SettingsLog
from app.io.memory.decisions import BookStates, Intents, Signals
from app.io.memory.holdings import Accounts, Adjustments, Fees, Fills, Positions
from app.io.memory.market import Bars, Events, ModelCalls, Quotes
from app.io.memory.orders import OrderFigures, OrderLinks, Orders
from app.io.memory.state import State
from app.io.store.taping import HEARD, Call, happened


class Verdicts:
    """``store.verdicts``: nothing decides on what was said."""

    def add(
        self,
        book_id: str,
        at: datetime,
        settings: str,
        steps: Mapping[str, Sequence[tuple[str, str, Verdict]]],
    ) -> None:
        pass


class Contacts:
    """``store.contacts``: what the wall's clock answered when it was asked; else no silence."""

    def __init__(self) -> None:
        self.answers: list[timedelta] = []

    def silent_for(self, book_id: str) -> timedelta:
        return self.answers.pop(0) if self.answers else timedelta(0)


class Memory:
    """One book's state, and the calls that have changed it since it was last asked for them."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.contacts = Contacts()
        self.calls: list[Call] = []
        self._tables: dict[str, object] = {
            "accounts": Accounts(state),
            "adjustments": Adjustments(state),
            "bars": Bars(state),
            "book_states": BookStates(state),
            "contacts": self.contacts,
            "events": Events(state),
            "fees": Fees(state),
            "fills": Fills(state),
            "intents": Intents(state),
            "model_calls": ModelCalls(state),
            "order_figures": OrderFigures(state),
            "order_links": OrderLinks(state),
            "orders": Orders(state),
            "pending_exits": PendingExits(state),
            "positions": Positions(state),
            "quotes": Quotes(state),
            "recovery": Recovery(state),
            "sessions": Sessions(state),
            "settings_log": SettingsLog(state),
            "signals": Signals(state),
            "verdicts": Verdicts(),
        }
        self._functions: dict[str, Callable[..., Any]] = {}

    def function(self, name: str) -> Callable[..., Any]:
        """Return the function of the store that has this name, as it works here.

        Raises KeyError or AttributeError where there is none.
        """
        found = self._functions.get(name)
        if found is None:
            table, _, what = name.partition(".")
            if what.startswith("_"):
                raise KeyError(name)
            found = self._functions[name] = getattr(self._tables[table], what)
        return found

    def call(self, name: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Carry out a function of the store, and remember it if it changes or tells something."""
        answer = self.function(name)(*args, **named)
        if name in HEARD and happened(answer):
            self.calls.append((name, args, dict(named)))
        return answer

    def said(self) -> list[Call]:
        """Return what was changed and told since this was last asked."""
        calls, self.calls = self.calls, []
        return calls
