"""The rules by which positions end, in the order in which they are asked."""

from app.engine.book import Book
from app.engine.exits.end_of_day import end_of_day
from app.engine.exits.flatten import flatten
from app.engine.exits.gap import gap
from app.engine.exits.parking import pauses
from app.engine.exits.port import Exit, ExitContext, Gap, Sale
from app.engine.exits.retry import retry
from app.engine.exits.stop_loss import stop_loss, stop_of, stop_price
from app.engine.exits.take_profit import take_profit
from app.engine.exits.trailing_stop import trailing_stop
from app.engine.exits.trend_break import trend_break

__all__ = ["EXITS", "Exit", "ExitContext", "Gap", "Sale", "due", "stop_of", "stop_price"]

#: What a person asks for comes first; then what loses money, and of that the widest loss; then
#: what has been won; then opinions; then the time of day; and last what could not be sold before.
EXITS: tuple[Exit, ...] = (
    flatten,
    gap,
    stop_loss,
    trailing_stop,
    take_profit,
    trend_break,
    end_of_day,
    retry,
)


def due(book: Book, context: ExitContext) -> list[Sale]:
    """Ask every rule; the first that wants a symbol sold decides how.

    Where that is what is parked, the symbol waits for the end of its pause; the end of the day does
    not wait.
    """
    wanted: dict[str, Sale] = {}
    waiting: set[str] = set()
    for rule in EXITS:
        for one in rule(book, context):
            symbol, ends_day = one.intent.symbol, rule is end_of_day
            if pauses(context.parked.get(symbol), one.intent.purpose, context.at):
                waiting.add(symbol)
            if ends_day or symbol not in waiting:
                wanted.setdefault(symbol, one)
    return list(wanted.values())
