"""Calls to the language model: the ledger of its budget, and of what was asked and answered.

Of each row ``cost_usd`` counts once it is settled, ``reserved_usd`` before: money that may have
been spent counts as spent, for ever where a process died between the two. ``day`` is the
exchange's date of the market's time ``at``. Rows are only added under one lock a book, so that no
number of processes can pass a limit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.engine import Connection

from app.engine.book import Book
from app.engine.model_prompt import Prompt
from app.engine.opinions import Opinion
from app.engine.verdicts import Reason, Verdict
from app.io.store.schema import model_calls
from app.io.store.taping import change, locking, note, reading

_m = model_calls.c

#: An outcome besides the reasons: certainly not sent. It cost nothing and is no call.
UNSENT = "unsent"
#: After these the same content may be asked again at once; every other call is its one attempt.
AGAIN = (UNSENT, Reason.MODEL_RATE_LIMITED)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is about to be made; ``day`` is the exchange's date of ``at``."""

    at: datetime
    day: date
    symbol: str
    event_id: str
    prompt: Prompt
    worst_usd: Decimal


@dataclass(frozen=True, slots=True)
class Known:
    """A call about the same content; ``outcome`` is None while nobody settled it."""

    id: int
    at: datetime
    outcome: str | None
    answer: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: a Reason (PASSED: a valid answer) or UNSENT.

    ``cost_usd`` None is the worst case that was reserved.
    """

    name: str
    cost_usd: Decimal | None
    answer: Mapping[str, Any] | None = None
    model: str | None = None
    request_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """A day's calls and its month's money, each with its limit."""

    calls: int
    calls_limit: int
    usd: Decimal
    usd_limit: Decimal
    krw: Decimal
    krw_limit: Decimal


class Made(NamedTuple):
    """Calls to the model in a span of time, and what they cost."""

    calls: int
    usd: Decimal


def known(db: Connection, book: Book, key: str, at: datetime) -> Known | None:
    """Return the call about a content within ``model.cache`` of ``at``: a valid one, else the last.

    One that is still open, or that ended without an answer, is known too: a content is paid for
    once, unless it certainly did not reach the model.
    """
    query = (
        sa.select(_m.id, _m.at, _m.outcome, _m.answer)
        .where(*_kept(book, at), _m.content_key == key)
        .order_by(sa.case((_m.outcome == Reason.PASSED, 0), else_=1), _m.id.desc())
        .limit(1)
    )
    row = db.execute(query).one_or_none()
    return None if row is None else Known(*row)


@locking
def reserve(db: Connection, book: Book, call: Call) -> int | Known | Verdict:
    """Write a call down with the most that it can cost, and return its number.

    Returns what is known where another process was first with the same content, and a refusal
    where a limit would be passed. The caller commits before it calls: the lock ends there.
    """
    lock = "SELECT pg_advisory_xact_lock(hashtext('model_calls'), hashtext(:book))"
    db.execute(sa.text(lock), {"book": book.id})
    other = known(db, book, call.prompt.key, call.at)
    if other is not None:
        return other
    return _refusal(spent(db, book, call.day), call, book) or _insert(db, book, call)


def _refusal(so_far: Spent, call: Call, book: Book) -> Verdict | None:
    if not so_far.calls < so_far.calls_limit:
        return Verdict("model", Reason.MODEL_CALLS_SPENT, so_far.calls, so_far.calls_limit)
    usd = so_far.usd + call.worst_usd
    krw = so_far.krw + call.worst_usd * book.model.krw_per_usd
    for money, limit in ((krw, so_far.krw_limit), (usd, so_far.usd_limit)):
        if not money <= limit:
            return Verdict("model", Reason.MODEL_MONEY_SPENT, money, limit)
    return None


def _insert(db: Connection, book: Book, call: Call) -> int:
    prompt = call.prompt
    row = model_calls.insert().values(
        book=book.id,
        at=call.at,
        day=call.day,
        symbol=call.symbol,
        event_id=call.event_id,
        content_key=prompt.key,
        prompt_version=prompt.version,
        prompt=f"{prompt.instructions}\n\n{prompt.text}",
        asked_model=prompt.model,
        state="RESERVED",
        reserved_usd=call.worst_usd,
        krw_per_usd=book.model.krw_per_usd,
    )
    number: int = db.execute(row.returning(_m.id)).scalar_one()
    note(db, "model_calls.opened", number, call.at, call.symbol, call.event_id, prompt.key)
    return number


@change
def settle(db: Connection, call: int, outcome: Outcome) -> bool:
    """Write down how a call ended; False where it was settled before, which changes nothing.

    A cost above what was reserved is written down as it is, and later reservations see it.
    """
    row = (
        model_calls.update()
        .where(_m.id == call, _m.state == "RESERVED")
        .values(
            state="SETTLED",
            cost_usd=_m.reserved_usd if outcome.cost_usd is None else outcome.cost_usd,
            outcome=outcome.name,
            answer=sa.null() if outcome.answer is None else outcome.answer,
            answered_model=outcome.model,
            request_id=outcome.request_id,
            input_tokens=outcome.input_tokens,
            output_tokens=outcome.output_tokens,
            answered_wall=sa.func.clock_timestamp(),
        )
    )
    return db.execute(row).rowcount == 1


def spent(db: Connection, book: Book, day: date) -> Spent:
    """Return a day's calls and the money of the month until its end, open reservations included."""
    first = day.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    usd = sa.func.coalesce(_m.cost_usd, _m.reserved_usd)
    calls = sa.func.count().filter(_m.day == day, _m.outcome.is_distinct_from(UNSENT))
    sums = (sa.func.coalesce(sa.func.sum(money), 0) for money in (usd, usd * _m.krw_per_usd))
    query = sa.select(calls, *sums).where(_m.book == book.id, _m.day >= first, _m.day < after)
    n, dollars, won = db.execute(query).one()
    policy = book.model
    return Spent(
        calls=n,
        calls_limit=policy.calls_per_day,
        usd=dollars,
        usd_limit=policy.monthly_usd,
        krw=won,
        krw_limit=policy.monthly_krw,
    )


def made(
    db: Connection, book_id: str, since: datetime | None = None, until: datetime | None = None
) -> Made:
    """Count the calls in [since, until), and the dollars: billed, or else reserved."""
    of = [_m.book == book_id, _m.outcome.is_distinct_from(UNSENT)]
    of += [_m.at >= since] if since else []
    of += [_m.at < until] if until else []
    usd = sa.func.coalesce(sa.func.sum(sa.func.coalesce(_m.cost_usd, _m.reserved_usd)), 0)
    return Made(*db.execute(sa.select(sa.func.count(), usd).where(*of)).one())


class Asked(NamedTuple):
    """A call, and the content that it was about."""

    call: Known
    symbol: str
    event_id: str
    key: str


def listing(db: Connection, book_id: str, since: datetime) -> list[Asked]:
    """Return the calls from ``since`` on, oldest first, open ones too."""
    columns = (_m.id, _m.at, _m.outcome, _m.answer, _m.symbol, _m.event_id, _m.content_key)
    query = sa.select(*columns).where(_m.book == book_id, _m.at >= since).order_by(_m.id)
    return [Asked(Known(*row[:4]), *row[4:]) for row in db.execute(query)]


@reading
def opinions(db: Connection, book_id: str, since: datetime) -> tuple[Opinion, ...]:
    """Return the valid answers from ``since`` on, the newest of each symbol and event."""
    query = (
        sa.select(_m.id, _m.at, _m.symbol, _m.event_id, _m.answer)
        .where(_m.book == book_id, _m.at >= since, _m.outcome == Reason.PASSED)
        .ext(distinct_on(_m.symbol, _m.event_id))
        .order_by(_m.symbol, _m.event_id, _m.id.desc())
    )
    rows = db.execute(query)
    found = [
        opinion(r.event_id, r.symbol, Known(r.id, r.at, Reason.PASSED, r.answer)) for r in rows
    ]
    return tuple(sorted(found, key=lambda o: (o.at, o.call)))


def opinion(event_id: str, symbol: str, call: Known) -> Opinion:
    """Return what a valid answer says of an event; it is as old as the call."""
    assert call.answer is not None
    stance, confidence = (float(call.answer[name]) for name in ("stance", "confidence"))
    return Opinion(event_id, symbol, call.at, stance, confidence, call.id)


@reading
def kept(db: Connection, book: Book, at: datetime) -> frozenset[str]:
    """Return the contents of which ``known`` knows a call; asking about them costs nothing."""
    return frozenset(db.execute(sa.select(_m.content_key).where(*_kept(book, at))).scalars())


def _kept(book: Book, at: datetime) -> Iterator[sa.ColumnElement[bool]]:
    yield _m.book == book.id
    yield _m.at > at - book.model.cache
    yield _m.at < at + book.model.cache
    yield sa.or_(_m.outcome.is_(None), _m.outcome.not_in(AGAIN))
