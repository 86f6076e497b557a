"""Tables of a run: figures, months, gates, reasons and trades, as a page shows them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from app.engine.funnel import Refused, Stage
from app.lab import formats
from app.lab.daily import Daily, monthly, yearly
from app.lab.drawdown import Fall
from app.lab.figures import Day, Figures, returns, traded
from app.lab.result import Codes, Result, Trades

Line = tuple[str, str]
#: A month that returned less is hardly coloured, even where no other returned more.
_PALE = 0.001


@dataclass(frozen=True, slots=True)
class Cell:
    """A month's or a year's return: as text, and as how strongly it is coloured, in [-1, 1]."""

    text: str
    heat: float


@dataclass(frozen=True, slots=True)
class Reason:
    """What trades came to that were opened, or closed, by the same; ``width`` in [-100, 100]."""

    name: str
    count: int
    win_rate: str
    average: str
    gained: str
    width: float


def figure_groups(
    of: Figures, currency: str, zone: ZoneInfo, trials: int
) -> list[tuple[str, list[Line]]]:
    """Return the figures in groups: what each is, and its value as text."""
    trades = of.traded
    luck = ("Sharpe ratio that luck alone would reach", formats.ratio(of.expected_max_sharpe))
    return [
        ("Return", _return(of, currency)),
        ("Risk", _risk(of, currency, zone)),
        ("Reward for risk", _reward(of) + ([luck] if trials > 1 else [])),
        (
            "Trades",
            [
                ("Trades", f"{trades.count:,}"),
                ("Win rate", formats.percent(trades.win_rate)),
                ("Profit factor", formats.ratio(trades.profit_factor)),
                (f"Expectancy, {currency} a trade", formats.money(trades.expectancy)),
                (f"Average win, {currency}", formats.money(trades.average_win)),
                (f"Average loss, {currency}", formats.money(trades.average_loss)),
                (f"Fees, {currency}", formats.money(trades.fees)),
                ("Turnover, times equity a year", formats.ratio(of.turnover)),
            ],
        ),
    ]


def _return(of: Figures, currency: str) -> list[Line]:
    return [
        (f"Equity at the end, {currency}", formats.money(of.equity)),
        ("Total return", formats.percent(of.total_return)),
        ("Growth a year (CAGR)", formats.percent(of.cagr)),
        (f"Gained by trades after fees, {currency}", formats.money(of.traded.gained)),
        ("Best day", _day(of.best_day)),
        ("Worst day", _day(of.worst_day)),
        ("Sessions", f"{of.days:,}"),
    ]


def _risk(of: Figures, currency: str, zone: ZoneInfo) -> list[Line]:
    return [
        *_fall(of.drawdown, currency, zone),
        ("Longest under water", formats.span(of.under_water)),
        ("Volatility a year", formats.percent(of.volatility)),
        ("Time in the market", formats.percent(of.in_market)),
        ("Exposure, mean", formats.percent(of.exposure)),
    ]


def _reward(of: Figures) -> list[Line]:
    return [
        ("Sharpe ratio", formats.ratio(of.sharpe)),
        ("Sortino ratio", formats.ratio(of.sortino)),
        ("Calmar ratio", formats.ratio(of.calmar)),
        ("Probability that it is no luck (deflated Sharpe)", formats.percent(of.deflated_sharpe)),
    ]


def _fall(fall: Fall | None, currency: str, zone: ZoneInfo) -> list[Line]:
    if fall is None:
        return [("Maximum drawdown", "none")]
    again = fall.recovered_at
    return [
        ("Maximum drawdown", formats.percent(-fall.share)),
        (f"as money, {currency}", formats.money(-fall.amount)),
        ("from its peak", formats.moment(fall.peak_at, zone)),
        ("to its bottom", formats.moment(fall.bottom_at, zone)),
        ("recovered", "not yet" if again is None else formats.moment(again, zone)),
    ]


def _day(of: Day | None) -> str:
    return formats.NONE if of is None else f"{formats.percent(of.returned)} on {of.date}"


def month_rows(days: Daily) -> list[tuple[int, list[Cell]]]:
    """Return a row a year: twelve months, and the year as a whole."""
    months = monthly(days)
    strongest = max([_PALE, *map(abs, months.values())])
    return [
        (
            year,
            [_cell(months.get((year, month)), strongest) for month in range(1, 13)]
            + [_cell(whole, strongest)],
        )
        for year, whole in sorted(yearly(months).items())
    ]


def _cell(gained: float | None, strongest: float) -> Cell:
    if gained is None:
        return Cell("", 0.0)
    return Cell(formats.percent(gained), max(-1.0, min(1.0, gained / strongest)))


def nothing_happened(funnel: Sequence[Stage]) -> list[str]:
    """Return, a sentence a stage, what was seen, what passed, and which gates stopped the rest."""
    return [_stopped(stage) for stage in funnel if stage.refused]


def _stopped(stage: Stage) -> str:
    most_first = sorted(stage.refused, key=lambda refused: -refused.count)
    gates = ", ".join(
        f"{each.count:,} by {each.gate} ({each.reason.replace('_', ' ')}), {_of(each)}"
        for each in most_first
    )
    through = f"{stage.passed:,}" if stage.passed else "none"
    return f"Of {stage.taken:,} {stage.what} {through} passed; stopped were {gates}."


def _of(gate: Refused) -> str:
    share = formats.percent(gate.count / gate.reached if gate.reached else None)
    return f"{share} of what reached it"


def reasons(of: Trades, by: Codes) -> list[Reason]:
    """Return what trades came to by the reason in ``by``, from the best to the worst."""
    gained = of.gained
    sums = np.bincount(by, weights=gained, minlength=len(of.why))
    strongest = float(np.abs(sums).max(initial=0)) or 1.0
    return [
        _reason(of, by == code, of.why[code], 100 * float(sums[code]) / strongest)
        for code in np.argsort(-sums, kind="stable")
        if (by == code).any()
    ]


def _reason(
    of: Trades, which: np.ndarray[tuple[int], np.dtype[np.bool_]], name: str, width: float
) -> Reason:
    came = traded(of.gained[which], 0.0)
    return Reason(
        name=name,
        count=came.count,
        win_rate=formats.percent(came.win_rate),
        average=formats.money(came.expectancy),
        gained=formats.gain(came.gained),
        width=width,
    )


def trade_rows(of: Result, most: int) -> Iterator[dict[str, str]]:
    """Return the first ``most`` trades, in the order in which they ended."""
    trades, came, zone = of.trades, returns(of.trades), ZoneInfo(of.zone)
    entered = formats.moments(trades.entry_at[:most], zone)
    left = formats.moments(trades.exit_at[:most], zone)
    gained = trades.gained
    for n in range(min(most, len(trades))):
        yield {
            "symbol": trades.symbols[trades.symbol[n]],
            "quantity": formats.quantity(trades.quantity[n]),
            "entered": str(entered[n]),
            "entry": formats.price(trades.entry_price[n]),
            "opened_by": trades.why[trades.opened_by[n]],
            "left": str(left[n]),
            "exit": formats.price(trades.exit_price[n]),
            "closed_by": trades.why[trades.closed_by[n]],
            "fees": formats.money(trades.fees[n]),
            "worst": formats.percent(trades.worst[n]),
            "best": formats.percent(trades.best[n]),
            "gained": formats.gain(gained[n]),
            "came": formats.percent(came[n]),
        }
