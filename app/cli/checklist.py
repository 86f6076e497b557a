"""`metronome checklist`: what has to hold before real money, item by item; nothing is changed."""

import json as jsonlib
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.config import Settings
    from app.engine.readiness import Item

checklist = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@checklist.callback()
def main() -> None:
    """Verify what has to hold before something is done."""


@checklist.command()
def real(
    rehearsal: Annotated[
        str | None,
        typer.Option(help="The rehearsal's database: its URL, or the state folder it ran in."),
    ] = None,
    backup: Annotated[
        str | None, typer.Option(help="Where and when the database is backed up, for the record.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Verify the list from PAPER to REAL; exit with 1 where an item is refused."""
    from app.config import ConfigError, load
    from app.io.store.database import database_url

    if rehearsal is not None and "://" in rehearsal:
        database_url(rehearsal, "--rehearsal")
    try:
        settings = load(os.environ, confirm_real=True)
    except ConfigError as error:
        _refuse_settings([str(problem) for problem in error.problems], json=json)
        return
    from app.engine.readiness import in_order

    found = in_order(_items(settings, rehearsal, backup))
    if json:
        rows = [{"item": i.name, "ok": i.ok, "said": i.said, "do": i.do} for i in found]
        print(jsonlib.dumps({"ready": all(i.ok for i in found), "items": rows}, indent=2))
    else:
        _show(found)
    if not all(each.ok for each in found):
        sys.exit(1)


def _refuse_settings(problems: list[str], *, json: bool) -> None:
    """Say what is wrong with the settings: nothing else can be looked at before."""
    do = "Put the settings right; the other items are looked at then."
    if json:
        rows = [{"item": "mode", "ok": False, "said": said, "do": do} for said in problems]
        print(jsonlib.dumps({"ready": False, "items": rows}, indent=2))
    else:
        for said in problems:
            print(f"refused  mode  {said}")
        print(do)
    sys.exit(1)


def _items(settings: "Settings", rehearsal: str | None, backup: str | None) -> "Iterator[Item]":
    from app.config.readiness import of_settings
    from app.engine.readiness import item
    from app.jobs import readiness as found

    yield from of_settings(settings)
    yield item(
        "backup",
        bool(backup),
        f"noted: {backup}" if backup else "nothing is noted of a backup",
        'Back the database up, and say where and when: --backup "…".',
    )
    yield found.of_code()
    yield from found.of_broker(settings)
    with _own_database(settings) as url:
        yield from found.of_database(url, settings)
    yield found.of_redis(settings.app_redis_url() if settings.redis_url else None)
    yield found.of_disk(settings.state)
    with _rehearsed(settings, rehearsal) as url:
        yield from found.of_rehearsal(url, settings)


def _own_database(settings: "Settings") -> AbstractContextManager[str | None]:
    """Yield the URL of the database of these settings; None where it is yet to be made."""
    from app.local.account import server_account
    from app.local.folder import state_folder
    from app.local.running import open_database

    if settings.database_url:
        return nullcontext(settings.store_url())
    data = state_folder(settings.state, server_account()).postgres / "data"
    return open_database(settings.state) if data.exists() else nullcontext(None)


def _rehearsed(settings: "Settings", told: str | None) -> AbstractContextManager[str | None]:
    """Yield the URL of the rehearsal's database; on paper that is the database of now."""
    from app.engine.book import Mode
    from app.local.running import open_database

    if told is None:
        return _own_database(settings) if settings.mode is Mode.PAPER else nullcontext(None)
    return nullcontext(told) if "://" in told else open_database(Path(told))


def _show(found: "list[Item]") -> None:
    width = max(len(each.name) for each in found)
    for each in found:
        print(f"{'ok' if each.ok else 'refused':<7}  {each.name:<{width}}  {each.said}")
        if not each.ok:
            print(f"{'':<7}  {'':<{width}}  {each.do}")
    refused = sum(not each.ok for each in found)
    print(
        f"{refused} of {len(found)} items are refused: no real money yet."
        if refused
        else "Every item holds. Start with --confirm-real-trading."
    )
