"""`metronome summary`: what settled days came to, beside the broker's cash, and their trades."""

import json as jsonlib
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.moments import date as read_date
from app.cli.reading import reading
from app.cli.terminal import terminal

if TYPE_CHECKING:
    from datetime import date as Date
    from zoneinfo import ZoneInfo

    from rich.table import Table

    from app.api.models import Daily


def summary(
    date: Annotated[
        str | None,
        typer.Argument(help="A date of the exchange such as 2026-03-20; else the newest settled."),
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="First date of a range.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last date of a range.")] = None,
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Sum up settled days: profit, win rate, drawdown, fees, each trade's MAE and MFE."""
    from app.api.daily import daily_view
    from app.pipeline import summaries

    wanted = summaries.asked(_day("DATE", date), _day("--from", first), _day("--to", last))
    with reading(book, "summary") as reader, reader.database.begin() as db:
        found = summaries.of_days(db, reader.book.id, reader.calendar, wanted)
    told = daily_view(reader.book.id, found)
    if json:
        print(jsonlib.dumps(told.model_dump(mode="json"), indent=2))
    else:
        _show(told, reader.calendar.zone)


def _day(name: str, text: str | None) -> "Date | None":
    return None if text is None else read_date(name, text)


def _show(told: "Daily", zone: "ZoneInfo") -> None:
    """Print what the days come to, a line a day and a line a trade."""
    when = f"on {told.first}" if told.first == told.last else f"from {told.first} to {told.last}"
    out = terminal()
    out.print(f"{told.book} {when}", highlight=False)
    out.print(_totals(told))
    out.print(_days(told))
    if told.trades:
        out.print(_trades(told, zone))


def _totals(told: "Daily") -> "Table":
    table = _table()
    table.add_column("what")
    table.add_column("value", justify="right")
    for what, value in (
        ("profit", _money(told.profit)),
        ("realised", _money(told.realised)),
        ("unrealised at the close", _money(told.unrealised)),
        ("fees", _money(told.fees)),
        ("trades closed", str(told.trades_closed)),
        ("win rate", _percent(told.win_rate)),
        ("profit factor", "-" if told.profit_factor is None else f"{told.profit_factor:.2f}"),
        ("maximum drawdown", f"{_money(told.max_drawdown)} ({_percent(told.max_drawdown_share)})"),
    ):
        table.add_row(what, value)
    return table


def _days(told: "Daily") -> "Table":
    table = _table()
    table.add_column("day", no_wrap=True)
    for name in ("profit", "realised", "fees", "trades", "cash", "the broker's", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    for day in told.days:
        table.add_row(
            f"{day.date}{' late' if day.late else ''}",
            *(_money(amount) for amount in (day.profit, day.realised, day.fees)),
            str(day.trades_closed),
            *(_money(amount) for amount in (day.cash_close, day.broker_cash, day.difference)),
        )
    return table


def _trades(told: "Daily", zone: "ZoneInfo") -> "Table":
    table = _table()
    table.add_column("trade", no_wrap=True)
    for name in ("from", "to", "shares", "entry", "realised", "MAE", "MFE"):
        table.add_column(name, justify="right", no_wrap=True)
    for trade in told.trades:
        begin, end = (at.astimezone(zone) for at in (trade.opened_at, trade.closed_at))
        table.add_row(
            trade.symbol,
            f"{begin:%m-%d %H:%M}",
            f"{end:%H:%M}" if begin.date() == end.date() else f"{end:%m-%d %H:%M}",
            trade.quantity,
            trade.entry,
            _money(trade.realised),
            _percent(trade.adverse),
            _percent(trade.favourable),
        )
    return table


def _table() -> "Table":
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


def _money(amount: str) -> str:
    from decimal import Decimal

    return f"{Decimal(amount):,.2f}"


def _percent(share: float | str | None) -> str:
    return "-" if share is None else f"{100 * float(share):.2f} %"
