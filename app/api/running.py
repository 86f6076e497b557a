"""How a book is run: the settings in force at a moment, experiments, hourly key figures."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException

from app.api.desk import Desk
from app.api.models import (
    Changed,
    Experiments,
    ExperimentView,
    Figures,
    InForceView,
    Kpis,
)
from app.api.questions import ExperimentQuestion, KpiQuestion, SettingsQuestion
from app.engine.experiments import Experiment
from app.io.calendar import ExchangeCalendar
from app.io.store import experiments, overrides, settings_log
from app.io.store.kpis import Row
from app.io.store.overrides import Override
from app.io.store.settings_log import Entry
from app.pipeline import key_figures


def routes(desk: Desk) -> APIRouter:
    """Return the routes about how a book is run."""
    router = APIRouter(tags=["running"])

    @router.get("/settings")
    def in_force(asked: Annotated[SettingsQuestion, Query()]) -> InForceView:
        """Say which settings are in force, or were at a time."""
        book = desk.book(asked)
        with desk.database.begin() as db:
            entry = settings_log.newest(db, book.id, asked.at)
        if entry is None:
            raise HTTPException(404, f"nothing is known of the settings of {book.id} then")
        return in_force_view(book.id, entry)

    @router.get("/experiments")
    def newest_experiments(asked: Annotated[ExperimentQuestion, Query()]) -> Experiments:
        """List a book's experiments, and every setting that is changed on the running book."""
        book = desk.book(asked)
        with desk.database.begin() as db:
            found = experiments.newest(db, book.id, asked.limit)
            changed = overrides.standing(db, book.id)
        return experiments_view(book.id, found, changed)

    @router.get("/kpis")
    def hours(asked: Annotated[KpiQuestion, Query()]) -> Kpis:
        """List the key figures of a day of the exchange, hour by hour."""
        book = desk.book(asked)
        calendar = ExchangeCalendar(book.calendar)
        day, found = key_figures.of_day(desk.database, book.id, calendar, asked.date)
        return Kpis(book=book.id, date=day, hours=[figures_view(row) for row in found])

    return router


def in_force_view(book: str, entry: Entry) -> InForceView:
    """Return what was in force as it is shown."""
    return InForceView(
        book=book,
        since=entry.at,
        fingerprint=entry.fingerprint,
        why=entry.why,
        commit=entry.commit,
        values=dict(entry.values),
    )


def experiments_view(book: str, found: list[Experiment], changed: list[Override]) -> Experiments:
    """Return experiments and changed settings as they are shown."""
    return Experiments(
        book=book,
        experiments=[experiment_view(each) for each in found],
        changed=[
            Changed(name=o.name, value=o.value, source=o.source, since=o.set_at, until=o.until_at)
            for o in changed
        ],
    )


def experiment_view(of: Experiment) -> ExperimentView:
    """Return an experiment as it is shown; the counters behind its triggers are left out."""
    measured = of.measured
    if measured is not None:
        measured = {name: value for name, value in measured.items() if name != "readings"}
    return ExperimentView(
        name=of.name,
        state=of.state,
        changes=dict(of.changes),
        why=of.why,
        started_by=of.started_by,
        started_at=of.started_at,
        until_at=of.until_at,
        ended_at=of.ended_at,
        ended_why=of.ended_why,
        measured=measured,
    )


def figures_view(row: Row) -> Figures:
    """Return an hour's figures as they are shown; the counters behind them are left out."""
    body = {name: value for name, value in row.body.items() if name != "counters"}
    return Figures(at=row.at, figures=body)
