"""The rules by which positions end, in the order in which they are asked."""

from app.engine.book import Book
from app.engine.exits.end_of_day import end_of_day
from app.engine.exits.port import Exit, ExitContext
from app.engine.exits.stop_loss import stop_loss, stop_of, stop_price
from app.engine.orders import Intent

__all__ = ["EXITS", "Exit", "ExitContext", "due", "stop_of", "stop_price"]

EXITS: tuple[Exit, ...] = (stop_loss, end_of_day)


def due(book: Book, context: ExitContext) -> list[Intent]:
    """Ask every rule; the first that wants a symbol sold decides how."""
    wanted: dict[str, Intent] = {}
    for rule in EXITS:
        for intent in rule(book, context):
            wanted.setdefault(intent.symbol, intent)
    return list(wanted.values())
