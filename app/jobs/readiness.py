"""What servers, the broker and the code on this machine say of real money; nothing is changed."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy.exc import ProgrammingError

from app.adapters import BROKERS
from app.adapters.port import Broker
from app.config.readiness import to_be_rehearsed
from app.config.settings import Settings
from app.engine.book import Book, Mode
from app.engine.errors import AppError
from app.engine.readiness import Item, all_refused, item
from app.io import commit
from app.io.calendar import ExchangeCalendar
from app.io.clock import wall
from app.io.redis_clients import persistence
from app.io.store import book_states, capacity
from app.io.store.database import Database
from app.jobs import root
from app.pipeline import dress_rehearsal
from app.pipeline.dress_rehearsal import Wanted

#: Orders are signed and aged by the clock.
MOST_SKEW = timedelta(seconds=1)
LEAST_FREE_GB = 2


def of_code(root_of_code: Path = commit.ROOT) -> Item:
    """Say which commit runs, and whether the files are those of the commit."""
    known, changed = commit.commit_of(root_of_code), commit.changed_in(root_of_code)
    clean = changed is not None and not changed
    files = (
        "git cannot say what was changed" if changed is None else f"{len(changed)} files changed"
    )
    return item(
        "commit",
        known is not None and clean,
        f"commit {known or 'not known'}, {files}",
        "Check out a commit, with git, and leave its files as they are.",
    )


def of_broker(settings: Settings) -> Iterator[Item]:
    """Ask the broker of each book for its time, and what it can do."""
    asked = [book for book in settings.books if book.broker not in root.MARKETS]
    if not asked:
        yield from (Item(name, "no book has a broker to ask") for name in ("stops", "clock"))
    elif settings.alpaca.key is None or settings.alpaca.secret is None:
        yield from all_refused(("stops", "clock"), "the broker cannot be asked", "Set its keys.")
    else:
        for book in asked:
            broker = BROKERS[book.broker](root.connection_of(settings))
            yield _stops(book, broker)
            yield _clock(broker)


def _stops(book: Book, broker: Broker) -> Item:
    can, wanted = broker.capabilities.stop_orders, book.exits.broker_stops
    return item(
        "stops",
        can and wanted,
        f"{broker.name} keeps {'stops' if can else 'no stops'}, and {book.id} rests "
        f"{'its' if wanted else 'none of its'} stops there",
        "Set BROKER_STOPS=1: a stop at the broker holds when this machine does not.",
    )


def _clock(broker: Broker) -> Item:
    asked = wall()
    try:
        said = broker.clock().at
    except AppError as error:
        return Item("clock", f"{broker.name} did not say: {error}", "Put the key or line right.")
    off = abs(said - (asked + (wall() - asked) / 2))
    return item(
        "clock",
        off <= MOST_SKEW,
        f"this machine is {off.total_seconds():.3f} s off {broker.name}'s time",
        "Let the machine's clock be set by NTP.",
    )


def of_database(url: str | None, settings: Settings) -> Iterator[Item]:
    """Ask the database that real orders will be written to; None is one that is yet to be made."""
    if url is None:
        yield Item("database", "an embedded one of its own, made at the first start")
        yield Item("connections", "the embedded one's own")
        return
    found = Database(url, "metronome-checklist")
    most = (settings.worker_concurrency + 4) * 3
    try:
        with found.begin() as db:
            others = [b for b, m in book_states.modes(db).items() if m != Mode.REAL]
            free = capacity.free_connections(db)
    except AppError as error:
        names = ("database", "connections")
        yield from all_refused(names, str(error), "Check DATABASE_URL, and that the server runs.")
        return
    finally:
        found.dispose()
    yield item(
        "database",
        not others,
        f"it holds books that are PAPER: {', '.join(others)}"
        if others
        else "it holds no PAPER book",
        "Give REAL a database of its own: DATABASE_URL, or METRONOME_STATE for an embedded one.",
    )
    yield item(
        "connections",
        free >= most,
        f"{free} connections are free, {most} are needed at most",
        "Raise max_connections, or give the database to Metronome alone.",
    )


def of_redis(url: str | None) -> Item:
    """Ask Redis whether it keeps what it holds; None is the embedded one."""
    if url is None:
        return Item("redis", "the embedded one: append-only, noeviction")
    try:
        found = persistence(url)
    except AppError as error:
        return Item("redis", str(error), "Check REDIS_URL, and that the server runs.")
    return item(
        "redis",
        found == (True, "noeviction"),
        f"append-only {'on' if found[0] else 'off'}, maxmemory-policy {found[1]}",
        "Set appendonly yes and maxmemory-policy noeviction.",
    )


def of_disk(folder: Path) -> Item:
    """Say how much room the state folder has, or the nearest folder that exists above it."""
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free / 2**30
    return item(
        "disk",
        free >= LEAST_FREE_GB,
        f"{free:.1f} GB are free at {place}",
        f"Free {LEAST_FREE_GB} GB, or set METRONOME_STATE to a folder on another disk.",
    )


def of_rehearsal(url: str | None, settings: Settings) -> list[Item]:
    """Read what the rehearsal of each book left in its database; None where none is known."""
    do = "Name the rehearsal's database: --rehearsal with its URL, or the state folder it ran in."
    if url is None:
        return list(all_refused(dress_rehearsal.NAMES, "no rehearsal is known", do))
    found = Database(url, "metronome-checklist")
    items: list[Item] = []
    try:
        with found.begin() as db:
            for book in settings.books:
                values = to_be_rehearsed(settings, book.id)
                wanted = Wanted(book, commit.commit_of(), values)
                items += dress_rehearsal.look(db, wanted, ExchangeCalendar(book.calendar))
    except ProgrammingError:
        said = "that database does not have this version's tables"
        items += all_refused(dress_rehearsal.NAMES, said, do)
    except AppError as error:
        items += all_refused(dress_rehearsal.NAMES, str(error), do)
    finally:
        found.dispose()
    return items
