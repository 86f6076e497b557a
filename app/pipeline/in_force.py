"""In force: the settings that a task works with, those changed on the running book included."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy.engine import Connection

from app.engine.errors import InvalidData
from app.engine.experiments import EXPERIMENT, ROLLBACK, State
from app.engine.in_force import InForce
from app.io.store import experiments, overrides, settings_log
from app.io.store.overrides import Override
from app.io.store.settings_log import Entry
from app.pipeline.services import Services

Changes = Mapping[str, str]


def current(to: Services) -> Services:
    """Return the services with the book as it is now: one reading for everything a task does.

    A change that is wrong by now (the code or the other settings are not what they were) is left
    out, told and ended; it never stops the task. Whatever is new is noted in the log of settings.
    """
    with to.database.begin() as db:
        found, wrong = usable(to, overrides.active(db, to.book.id, to.clock.now()))
        for source, said in wrong:
            _end(to, db, source, said)
        if not found and to.noted.get(to.book.id) == to.settings:
            return to
        now = to.rebook(by_name(found))
        if to.noted.get(to.book.id) != now.fingerprint:
            _note(to, db, now, found)
    # After the commit: what is not in the table was not noted.
    to.noted[to.book.id] = now.fingerprint
    limits = to.buckets.limited(now.book.rate_limits)
    return replace(to, book=now.book, settings=now.fingerprint, buckets=limits)


def by_name(of: Iterable[Override]) -> dict[str, str]:
    """Return the text in force of each changed setting: rollbacks before experiments before tiers.

    Of two sources of the same rank the later one counts.
    """
    weakest_first = sorted(of, key=lambda each: (-rank(each.source), each.set_at))
    return {each.name: each.value for each in weakest_first}


def rank(source: str) -> int:
    """Return how strong a source is; 0 is the strongest, which holds until a person lifts it."""
    return next((n for n, kind in enumerate((ROLLBACK, EXPERIMENT)) if source.startswith(kind)), 2)


def usable(
    to: Services, active: Iterable[Override]
) -> tuple[list[Override], list[tuple[list[Override], str]]]:
    """Part the changes that can be made together from those that cannot, each with the reason.

    The stronger come first. What was changed together stays together, but each number of a
    rollback stands for itself: losing one must not lose the other.
    """
    strongest_first = sorted(active, key=lambda each: rank(each.source))
    groups: dict[tuple[str, ...], list[Override]] = {}
    for each in strongest_first:
        alone = each.source.startswith(ROLLBACK)
        groups.setdefault((each.source, each.name) if alone else (each.source,), []).append(each)
    if not groups or _said(to, strongest_first) is None:
        return strongest_first, []
    taken: list[Override] = []
    wrong: list[tuple[list[Override], str]] = []
    for group in groups.values():
        said = _said(to, [*taken, *group])
        if said is None:
            taken += group
        else:
            wrong.append((group, said))
    return taken, wrong


def _said(to: Services, together: Iterable[Override]) -> str | None:
    """Return what is wrong with changes, None where nothing is."""
    try:
        to.rebook(by_name(together))
    except InvalidData as error:
        return str(error)
    return None


def _end(to: Services, db: Connection, group: list[Override], said: str) -> None:
    """End changes that cannot be made, the experiment first that made them; tell of it once."""
    source, now = group[0].source, to.clock.now()
    name = source.removeprefix(EXPERIMENT)
    ended = source.startswith(EXPERIMENT) and experiments.end(
        db, to.book.id, name, State.STOPPED, now, f"no longer valid: {said}"
    )
    dropped = overrides.drop(db, to.book.id, source, now, [each.name for each in group])
    if ended or dropped:
        to.log("override_ignored", book=to.book.id, source=source, why=said)


def _note(to: Services, db: Connection, now: InForce, made_by: list[Override]) -> None:
    why = ", ".join(sorted({each.source for each in made_by})) or "the settings of the start"
    entry = Entry(to.clock.now(), now.fingerprint, why, to.commit, now.values)
    if settings_log.add_once(db, to.book.id, entry):
        to.log("settings_in_force", book=to.book.id, fingerprint=now.fingerprint, why=why)
