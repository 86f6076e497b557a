"""Sweep: every trial of a grid over every day of a tape, and what may be believed of the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.engine.errors import AppError
from app.engine.ids import digest
from app.io.calendar import Calendar
from app.io.store import sweeps
from app.io.store.database import Database
from app.io.store.sweeps import Played, Sweep
from app.lab import days
from app.lab.tape_file import Day
from app.lab.whatif import Wish, play

_NOTHING = Decimal(0)


def sweep_of(book: str, trials: Sequence[Mapping[str, str]], dates: Sequence[date]) -> Sweep:
    """Return a sweep with its name."""
    spelt = [",".join(f"{k}={v}" for k, v in sorted(each.items())) for each in trials]
    name = digest("sweep", book, *spelt, *(day.isoformat() for day in dates), length=16)
    return Sweep(name, book, tuple(trials), tuple(dates))


def day_of(database: Database, book: str, calendar: Calendar, wanted: date) -> Day:
    """Read a day from the tape."""
    with database.begin() as db:
        return days.day(db, book, calendar, wanted)


def play_one(database: Database, sweep: Sweep, trial: int, day: Day) -> Played:
    """Play one trial of one day and keep what it came to; what cannot be played says why."""
    wanted = date.fromisoformat(day.date)
    try:
        out = play(day.book, day.rows, Wish(sweep.trials[trial]))
        found = Played(
            trial=trial,
            date=wanted,
            equity_open=out.equity_open,
            gained=out.gained,
            orders=len(out.orders),
            unanswered=out.unanswered,
        )
    except AppError as error:
        found = Played(trial, wanted, _NOTHING, _NOTHING, 0, 0, str(error)[:500])
    with database.begin() as db:
        sweeps.add_once(db, sweep.id, [found])
    return found


@dataclass(frozen=True, slots=True)
class Trial:
    """What one combination came to over all days; ``returns`` are the days', as shares."""

    changes: Mapping[str, str]
    gained: Decimal
    returns: tuple[float, ...]
    orders: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class Forward:
    """One step of the walk: the best trial of the days before, and what it came to on the next."""

    date: date
    trial: int
    gained: Decimal


@dataclass(frozen=True, slots=True)
class Swept:
    """All trials, the best first by its place, and what choosing like that would have come to."""

    trials: tuple[Trial, ...]
    best: int
    forward: tuple[Forward, ...]
    failed: tuple[Played, ...]


#: The walk begins when so many days have been seen.
FIRST_DAYS = 2


def summed(sweep: Sweep, found: Sequence[Played]) -> Swept:
    """Sum a sweep up; trials that failed on any day count as having gained nothing there."""
    by_trial = [
        {one.date: one for one in found if one.trial == place and one.error is None}
        for place in range(len(sweep.trials))
    ]
    trials = tuple(
        _trial(changes, sweep.dates, of) for changes, of in zip(sweep.trials, by_trial, strict=True)
    )
    best = max(range(len(trials)), key=lambda place: (trials[place].gained, -place))
    forward = []
    for place, day in enumerate(sweep.dates):
        if place >= FIRST_DAYS:
            seen = sweep.dates[:place]
            chosen = max(
                range(len(trials)),
                key=lambda t: (sum((_gained(by_trial[t], d) for d in seen), _NOTHING), -t),
            )
            forward.append(Forward(day, chosen, _gained(by_trial[chosen], day)))
    return Swept(trials, best, tuple(forward), tuple(one for one in found if one.error))


def _trial(changes: Mapping[str, str], dates: Sequence[date], of: Mapping[date, Played]) -> Trial:
    return Trial(
        changes=changes,
        gained=sum((_gained(of, day) for day in dates), _NOTHING),
        returns=tuple(_return(of.get(day)) for day in dates),
        orders=sum(one.orders for one in of.values()),
        unanswered=sum(one.unanswered for one in of.values()),
    )


def _gained(of: Mapping[date, Played], day: date) -> Decimal:
    return of[day].gained if day in of else _NOTHING


def _return(one: Played | None) -> float:
    return float(one.gained / one.equity_open) if one and one.equity_open else 0.0
