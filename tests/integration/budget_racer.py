"""A process that spends a book's budget for the model as fast as it can; light to start."""

from datetime import UTC, date, datetime
from multiprocessing.synchronize import Barrier

from app.engine.book import Book
from app.engine.model_cost import worst_usd
from app.engine.model_prompt import Prompt
from app.engine.verdicts import Reason
from app.io.store import model_calls
from app.io.store.database import Database
from app.io.store.model_calls import Call, Outcome

AT = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)
DAY = date(2026, 3, 20)
TRIES = 6


def a_call(of: Book, text: str, at: datetime = AT, day: date = DAY) -> Call:
    prompt = Prompt("a-model", "1", "Judge.", text, 100)
    return Call(at, day, "AAPL", f"e:{text}", prompt, worst_usd(prompt, of.model))


def race(url: str, of: Book, start: Barrier, name: int) -> None:
    """Reserve, call nobody, settle some of it at half its price, and die over the rest."""
    database = Database(url, f"racer-{name}")
    with database.begin():
        pass
    start.wait(60)
    for n in range(TRIES):
        with database.begin() as db:
            got = model_calls.reserve(db, of, a_call(of, f"{name}-{n}"))
        if isinstance(got, int) and n % 2:
            half = a_call(of, "x").worst_usd / 2
            with database.begin() as db:
                model_calls.settle(db, got, Outcome(Reason.PASSED, half, answer={}))
    database.dispose()
