"""Experiments: started and stopped as people ask, ended in time, rolled back by their triggers."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from app.engine import experiments as rules
from app.engine import kpis
from app.engine.experiments import EXPERIMENT, ROLLBACK, Experiment, Measured, Reading, State
from app.io.store import experiments, happened, model_calls, overrides
from app.pipeline import commands, experiment_commands
from app.pipeline.counters import counters
from app.pipeline.services import Services

TIER_A = "quotes.tier_a"
#: A reading of the counters is kept once a minute: two hours of them are a short list.
KEEP_EVERY = timedelta(seconds=55)


def watch(to: Services) -> str:
    """Carry out what people asked for, then look whether the experiment that runs is to end."""
    carried_out = commands.carry_out(to, experiment_commands.KINDS)
    # Redis is asked before the transaction: nothing waits for it while a row is locked.
    reading = (counters(to) or {}).get(TIER_A)
    with to.database.begin() as db:
        running = experiments.running(db, to.book.id, lock=True)
        state = "none runs" if running is None else _look(to, db, running, reading)
    return f"{carried_out} commands, {state}"


def _look(to: Services, db: Connection, running: Experiment, reading: Reading | None) -> str:
    now = to.clock.now()
    if now >= running.until_at:
        _end(to, db, running, State.ENDED, "its time is over")
        return f"{running.name} ended"
    seen, readings = _measure(to, db, running, reading, now)
    fired = rules.fired(seen, to.book.model.calls_per_day)
    said = {
        "at": now.isoformat(),
        **asdict(seen),
        "fired": list(fired),
        "readings": [[r.at.isoformat(), r.granted, r.refused] for r in readings],
    }
    experiments.measure(db, to.book.id, running.name, said)
    if not fired:
        return f"{running.name} runs"
    for name, text in rules.settings_after(fired).items():
        overrides.set(db, to.book.id, name, text, f"{ROLLBACK}{running.name}", at=now)
    _end(to, db, running, State.ROLLED_BACK, ", ".join(fired))
    return f"{running.name} rolled back"


def _end(to: Services, db: Connection, running: Experiment, state: State, why: str) -> None:
    """End an experiment together with what it changed."""
    now = to.clock.now()
    overrides.drop(db, to.book.id, f"{EXPERIMENT}{running.name}", now)
    experiments.end(db, to.book.id, running.name, state, now, why)
    to.log(f"experiment_{state.lower()}", book=to.book.id, experiment=running.name, why=why)


def _measure(
    to: Services, db: Connection, running: Experiment, reading: Reading | None, now: datetime
) -> tuple[Measured, tuple[Reading, ...]]:
    """Return what the experiment did in the windows of its triggers, and the readings to keep."""
    book, begun = to.book.id, running.started_at
    hour, longer = max(now - rules.CHURN_WINDOW, begun), max(now - rules.LOAD_WINDOW, begun)
    scores = happened.scores(db, book, hour - kpis.FLIP_WITHIN, now)
    left = happened.exits(db, book, hour, now)
    readings = rules.kept(_readings(running.measured), now)
    newest = (reading,) if reading else ()
    granted, refused = rules.spent([*readings, *newest])
    if not readings or now - readings[-1].at >= KEEP_EVERY:
        readings = (*readings, *newest)
    seen = Measured(
        actionable=sum(score.at >= hour for score in scores),
        flip_flops=kpis.flip_flops(scores, hour),
        exits=left.all,
        stop_outs=left.stop_outs,
        model_calls=model_calls.made(db, book, longer, now).calls,
        granted=granted,
        refused=refused,
    )
    return seen, readings


def _readings(measured: Mapping[str, Any] | None) -> list[Reading]:
    kept = measured.get("readings", []) if measured else []
    return [Reading(datetime.fromisoformat(at), yes, no) for at, yes, no in kept]
