"""`metronome config at`: the settings that were in force at a moment, as the log has them."""

import json as jsonlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.moments import ACCEPTED, moment
from app.cli.reading import Reader, reading
from app.engine.errors import InvalidData

if TYPE_CHECKING:
    from datetime import datetime

    from app.io.store.settings_log import Entry


def at(
    when: Annotated[str, typer.Argument(metavar="TIME", help=ACCEPTED)],
    diff: Annotated[
        bool, typer.Option("--diff", help="Only what is different in force now.")
    ] = False,
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print the settings that were in force then, why, and the commit of the code that ran."""
    with reading(book, "config") as reader:
        then, now = _entries(reader, moment(reader, "TIME", when))
    different = _differences(then.values, now.values)
    if as_json:
        from app.api.running import in_force_view

        told = in_force_view(reader.book.id, then).model_dump(mode="json")
        print(jsonlib.dumps(told | {"different_now": different} if diff else told, indent=2))
        return
    since = f"{then.at.astimezone(reader.calendar.zone):%Y-%m-%d %H:%M:%S %Z}"
    print(f"{reader.book.id}: {then.fingerprint}, in force since {since} ({then.why})")
    print(f"commit {then.commit or 'not known'}")
    rows = different if diff else {name: (text,) for name, text in then.values.items()}
    width = max(map(len, rows), default=0)
    for name, texts in rows.items():
        print(f"{name:<{width}}  {' -> '.join(text or '-' for text in texts)}")
    if diff and not different:
        print("The same values are in force now.")


def _entries(reader: Reader, when: "datetime") -> tuple["Entry", "Entry"]:
    """Return what was in force and what is. Raises InvalidData before the first record."""
    from app.io.store import settings_log

    with reader.database.begin() as db:
        then = settings_log.newest(db, reader.book.id, when)
        now = settings_log.newest(db, reader.book.id)
        first = settings_log.first_at(db, reader.book.id)
    if then is None or now is None:
        zone = reader.calendar.zone
        begins = "no task has run in this database"
        if first is not None:
            begins = f"the first record is of {first.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
        raise InvalidData(
            f"Nothing is known of the settings of {reader.book.id} at "
            f"{when.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}: {begins}."
        )
    return then, now


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what a setting was and is, by name, of all that are not the same text."""
    names = dict.fromkeys((*then, *now))
    pairs = {name: (then.get(name, ""), now.get(name, "")) for name in names}
    return {name: (before, after) for name, (before, after) in pairs.items() if before != after}
