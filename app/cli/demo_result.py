"""A demo's day in numbers: the report's, the exchange's beside them, and the invariants."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date as Date
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.cli.demo_watch import Watch
from app.engine.book import ModelPolicy
from app.engine.errors import AppError
from app.engine.rounding import cents, plain
from app.engine.verdicts import Reason
from app.io.calendar import ExchangeCalendar
from app.io.store import day_figures, orders, reports, sessions
from app.io.store.day_figures import DayFigures
from app.lab import days
from app.lab.replay import Replayed, replay
from app.pipeline.invariants import Theirs, check
from app.pipeline.report import END_OF_DAY, render


@dataclass(frozen=True, slots=True)
class Result:
    """What `--json` writes, the report's page, and how many invariants did not hold."""

    body: Mapping[str, Any]
    html: str
    breaches: int


def gather(watch: Watch, speed: float, started_at: datetime, wall_s: float) -> Result:
    """Put a settled day together. Raises AppError where its report is missing."""
    state, taken = watch.ask("/sim/state"), watch.ask("/sim/orders")
    positions = watch.held_there()
    with watch.database.begin() as db:
        session = sessions.current(db, watch.book.id)
        report = reports.load(db, watch.book.id, session.date, END_OF_DAY) if session else None
        if session is None or report is None:
            raise AppError("the session closed without a report")
        theirs = Theirs([order["client_order_id"] for order in taken], positions)
        breaches = check(db, watch.book, theirs, session.equity_open or Decimal(0))
        first = orders.first_accepted(db, watch.book.id)
        figures = day_figures.counted(db, watch.book.id)
    replayed = _again(watch, session.date)
    market = watch.ask("/sim/market")
    body = {
        **report.body,
        "market": market["source"],
        "derived": {s: told["derived"] for s, told in market["symbols"].items() if told["derived"]},
        "speed": speed,
        "wall_seconds": round(wall_s, 3),
        "seconds_to_first_order": first and round((first - started_at).total_seconds(), 3),
        "broker": {
            "orders": len(taken),
            "fills": state["fills"],
            "positions": {symbol: plain(quantity) for symbol, quantity in positions.items()},
            "equity": str(cents(Decimal(state["equity"]))),
        },
        "world": watch.ask("/sim/happenings")["counts"],
        "texts": {"news": figures.news, "filings": figures.filings, "spikes": figures.spikes},
        "model": _model(figures, watch.book.model),
        "reasons": len(set(report.body["verdicts"]) - {Reason.PASSED}),
        "replay": {"decisions": replayed.decisions.total(), "digest": replayed.replayed},
        "invariants": asdict(breaches) | {"replayed_otherwise": replayed.different},
    }
    page = render({**body, "note": note(body)})
    return Result(body, page, breaches.total + replayed.different)


def _again(watch: Watch, date: Date) -> Replayed:
    """Decide the day once more, from its tape."""
    with watch.database.begin() as db:
        day = days.day(db, watch.book.id, ExchangeCalendar(watch.book.calendar), date)
    return replay(day.book, day.rows)


def _model(figures: DayFigures, policy: ModelPolicy) -> dict[str, str | int]:
    """Return calls and dollars beside the most that there may be; the day is its whole month."""
    most = min(policy.monthly_usd, policy.monthly_krw / policy.krw_per_usd)
    return {
        "calls": figures.model_calls,
        "most_calls": policy.calls_per_day,
        "usd": plain(round(figures.model_usd, 6)),
        "most_usd": plain(round(most, 2)),
    }


def note(body: Mapping[str, Any]) -> str:
    """Say which market this was, and which of its prices nobody ever traded at."""
    derived = "".join(f"; {symbol} is derived: {how}" for symbol, how in body["derived"].items())
    return f"Simulated exchange, {body['market']}{derived}"
