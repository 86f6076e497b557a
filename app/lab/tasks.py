"""The research tasks: any number of workers on any machine play trials of a sweep."""

import os
from datetime import date
from functools import cache, lru_cache

from celery import shared_task

from app.config import load
from app.config.settings import Settings
from app.engine.errors import InvalidData
from app.io.calendar import ExchangeCalendar
from app.io.store import sweeps
from app.io.store.database import Database
from app.io.store.sweeps import Sweep
from app.lab import sweep
from app.lab.tape_file import Day

#: A day takes seconds. Less than a message is invisible for: a trial is not delivered twice.
SOFT_LIMIT_S, LIMIT_S = 240, 270


@shared_task(name="play_trial", soft_time_limit=SOFT_LIMIT_S, time_limit=LIMIT_S)
def play_trial(sweep_id: str, trial: int, day: str) -> None:
    """Play one trial of one day of a sweep; repeated it changes nothing."""
    found = _sweep(sweep_id)
    sweep.play_one(_database(), found, trial, _day(found.book, day))


@cache
def _settings() -> Settings:
    return load(os.environ, confirm_real=True)


@cache
def _database() -> Database:
    return Database(_settings().store_url(), "metronome-research")


@lru_cache(maxsize=4)
def _sweep(sweep_id: str) -> Sweep:
    with _database().begin() as db:
        found = sweeps.load(db, sweep_id)
    if found is None:
        raise InvalidData(f"no sweep is called {sweep_id}")
    return found


@lru_cache(maxsize=2)
def _day(book: str, day: str) -> Day:
    calendar = ExchangeCalendar(_settings().book(book).calendar)
    return sweep.day_of(_database(), book, calendar, date.fromisoformat(day))
