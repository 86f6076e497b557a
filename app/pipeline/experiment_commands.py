"""What people ask of experiments, carried out: start one, stop it, lift what a rollback left."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData
from app.engine.experiments import EXPERIMENT, ROLLBACK, Experiment, State
from app.io.store import experiments, overrides
from app.io.store.commands import Command
from app.pipeline import in_force
from app.pipeline.commands import Carry, in_time
from app.pipeline.services import Services

#: The source of a proposal of tiers that was applied.
TIERS = "tiers"
MOST_SESSIONS, MOST_CHANGES, LONGEST_TEXT = 250, 50, 2000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def _start(to: Services, db: Connection, command: Command) -> str:
    """Start an experiment: its row and its changes, once all of it was found to be right."""
    asked, now = command.arguments, to.clock.now()
    name, wanted = _name(asked), _changes(asked)
    if name == TIERS:
        raise InvalidData(f"name: {TIERS!r} is what applied proposals of tiers are called")
    until = _until(to, asked, now)
    active = overrides.active(db, to.book.id, now)
    before, _ = in_force.usable(to, active)
    others = [each for each in before if not each.source.startswith(EXPERIMENT)]
    # By itself first: it names the settings as the table does, whatever they were called.
    changes = dict(to.rebook(wanted).changes)
    for each in others:
        if each.source.startswith(ROLLBACK) and each.name in changes:
            lift = each.source.removeprefix(ROLLBACK)
            raise InvalidData(
                f"{each.name} is held at {each.value} by {each.source}; "
                f"`metronome experiment lift {lift}` comes first"
            )
    base = in_force.by_name(others)
    if to.rebook(base | changes).book == to.rebook(base).book:
        raise InvalidData("it would change nothing: these are the values in force")
    new = Experiment(
        name, State.RUNNING, changes, command.why, command.asked_by, started_at=now, until_at=until
    )
    if not experiments.start(db, to.book.id, new):
        raise InvalidData(_taken(experiments.running(db, to.book.id)))
    for setting, text in changes.items():
        source = f"{EXPERIMENT}{name}"
        overrides.set(db, to.book.id, setting, text, source, at=now, until=until)
    return f"started: {name} runs until {until:%Y-%m-%d %H:%M:%S} UTC"


def _taken(running: Experiment | None) -> str:
    if running is None:
        return "another experiment was started in the same moment; look at `experiment status`"
    return (
        f"{running.name} runs until {running.until_at:%Y-%m-%d %H:%M:%S} UTC, and one runs at a "
        f"time; `metronome experiment stop {running.name}` comes first"
    )


def _stop(to: Services, db: Connection, command: Command) -> str:
    """Stop the experiment that runs; what it changed ends with it."""
    name, now = _name(command.arguments), to.clock.now()
    why = f"{command.asked_by}: {command.why}" if command.why else command.asked_by
    if not experiments.end(db, to.book.id, name, State.STOPPED, now, why):
        running = experiments.running(db, to.book.id)
        raise InvalidData(f"no experiment {name} runs; {running.name if running else 'none'} does")
    overrides.drop(db, to.book.id, f"{EXPERIMENT}{name}", now)
    return f"stopped: {name}"


def _lift(to: Services, db: Connection, command: Command) -> str:
    """Lift what a rollback left in force, or the tiers of an applied proposal."""
    name, now = _name(command.arguments), to.clock.now()
    source = name if name == TIERS else f"{ROLLBACK}{name}"
    if not overrides.drop(db, to.book.id, source, now):
        held = {each.source for each in overrides.active(db, to.book.id, now)}
        names = {each.removeprefix(ROLLBACK) for each in held if not each.startswith(EXPERIMENT)}
        raise InvalidData(f"{name} holds no setting; {', '.join(sorted(names)) or 'none'} does")
    return f"lifted: {name}"


KINDS: dict[str, Carry] = {
    "experiment.start": in_time(_start),
    "experiment.stop": in_time(_stop),
    "experiment.lift": in_time(_lift),
}


def _name(asked: Mapping[str, Any]) -> str:
    name = asked.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidData(
            f"name: {ascii(name)[:60]}; accepted: up to 40 letters, digits, - and _, not first"
        )
    return name


def _changes(asked: Mapping[str, Any]) -> dict[str, str]:
    changes = asked.get("changes")
    texts = changes.items() if isinstance(changes, Mapping) else ()
    right = all(isinstance(text, str) and 0 < len(text) <= LONGEST_TEXT for _, text in texts)
    if not texts or not right or len(texts) > MOST_CHANGES:
        raise InvalidData(
            f"changes: accepted: 1 to {MOST_CHANGES} of NAME=VALUE, each value of at most "
            f"{LONGEST_TEXT} characters"
        )
    return dict(texts)


def _until(to: Services, asked: Mapping[str, Any], now: datetime) -> datetime:
    """Return when an experiment ends: the close of its n-th session, or a stated time."""
    sessions, until = asked.get("sessions"), asked.get("until")
    if (sessions is None) == (until is None):
        raise InvalidData("accepted: a number of sessions, or a time at which it ends")
    if until is not None:
        return _stated(until, now)
    if type(sessions) is int and 1 <= sessions <= MOST_SESSIONS:
        return nth_close(to, now, sessions)
    raise InvalidData(
        f"sessions: {ascii(sessions)[:40]}; accepted: a whole number from 1 to {MOST_SESSIONS}"
    )


def nth_close(to: Services, now: datetime, sessions: int) -> datetime:
    """Return the close of the n-th session from now; the one that is under way is the first."""
    hours = to.calendar.session_for(now)
    if now >= hours.close:
        hours = to.calendar.next_after(hours.date)
    for _ in range(sessions - 1):
        hours = to.calendar.next_after(hours.date)
    return hours.close


def _stated(text: object, now: datetime) -> datetime:
    accepted = "accepted: a time with its zone that is still to come, a year ahead at most"
    try:
        until = datetime.fromisoformat(str(text))
        right = until.tzinfo is not None and 0 < (until - now).total_seconds() <= 366 * 86_400
    except (ValueError, OverflowError):
        right = False
    if not right:
        raise InvalidData(f"until: {ascii(text)[:60]}; {accepted}; it is {now.isoformat()}")
    return until.astimezone(UTC)
