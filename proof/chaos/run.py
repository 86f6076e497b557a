"""One run: the stack is started, chaos is made, it is left in quiet, and then it is judged."""

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from app.config import load
from app.engine.book import Book
from app.engine.errors import Transient
from app.io.clock import monotonic, wall
from app.io.store.database import Database
from app.local.environment import HOST, simulated
from app.local.stack import Event, Stack
from proof.chaos import world
from proof.chaos.assault import Assault, Struck
from proof.chaos.figures import Figures
from proof.chaos.recovery import Blow, longest_pause, recoveries
from proof.chaos.verdict import Account, Exchange, begin_to_witness, compare, work_done
from proof.chaos.victims import Victim, victims
from proof.chaos.watch import Seen, Watch

Say = Callable[[str], None]
#: Three pooled connections and one for leases, or for beat's lock.
CONNECTIONS_EACH = 4
#: The processes that ask the database: the pool's children, beat and the feed.
PROCESSES = world.CHILDREN + 2
COMPARE_WITHIN_S = 15.0
SERVER_OF = {
    Victim.VALKEY: "redis",
    Victim.POSTGRES: "postgres",
    Victim.BACKEND: "postgres",
}
CONNECTED = (Victim.WORKER, Victim.CHILD, Victim.BEAT, Victim.FEED)


def run(folder: Path, wish: world.Wish, say: Say, on_event: Callable[[Event], None]) -> Figures:
    """Make chaos over a new state folder and count. Raises KeyboardInterrupt when stopped."""
    ports = world.free_ports()
    stack = world.stack(folder, wish, ports, on_event)
    with _stopped_by_signals(stack), stack:
        database, exchange = (
            Database(stack.urls["database"], "chaos"),
            Exchange(stack.urls["exchange"]),
        )
        try:
            return _live(stack, wish, (database, exchange, ports["control"]), say)
        finally:
            exchange.close()
            database.dispose()


def _live(
    stack: Stack, wish: world.Wish, doors: tuple[Database, Exchange, int], say: Say
) -> Figures:
    database, exchange, control = doors
    book, assault = the_book(wish), Assault(stack, Random(wish.seed))
    begin_to_witness(database)
    watch = Watch(stack.urls["database"], stack.urls["redis"], lambda: connected(stack))
    _wait_for_work(stack, database)
    watch.start()
    try:
        began = wall().timestamp()
        _rage(assault, wish, exchange, control, say)
        ended = wall().timestamp()
        harm = _calm(exchange, assault, control)
        broker_faults = exchange.faults()
        say(f"quiet for {wish.quiet_s:g} s: no kills, no faults")
        _rest(assault, wish.quiet_s)
        account = _settled(assault, database, exchange, book)
    finally:
        assault.relent()
        watch.stop()
    works = work_done(database)
    killed, stopped = assault.counts()
    return Figures(
        seed=wish.seed,
        minutes=wish.minutes,
        speed=wish.speed,
        kills=killed,
        stops=stopped,
        broker_faults=broker_faults,
        proxy_faults=harm["counts"],
        account=account,
        recoveries=tuple(recoveries(blows(assault.struck, watch.seen, harm["stalls"]), works)),
        began=began,
        longest_pause_s=longest_pause(works, began, ended),
        connections=_connections(watch.seen),
        deeds=tuple(in_words(assault.struck, harm["stalls"], began)),
    )


def the_book(wish: world.Wish) -> Book:
    """Return the book that the processes trade."""
    return load({**os.environ, **world.environment(wish), **simulated(1, wish.speed)}).books[0]


def connected(stack: Stack) -> frozenset[int]:
    """Return the ids of the processes that may hold connections now."""
    running = victims(stack)
    return frozenset(process.pid for kind in CONNECTED for process in running[kind])


def in_words(
    struck: list[Struck], stalls: list[tuple[str, float, float]], began: float
) -> list[str]:
    """Return a line for everything that was done, by seconds since the beginning."""
    done = [(s.at, s.victim.value, f"{s.stop_s:.1f} s" if s.stop_s else "killed") for s in struck]
    done += [(at, front, f"reply stalled {seconds:.1f} s") for front, at, seconds in stalls]
    return [f"{at - began:6.1f} {who}: {what}" for at, who, what in sorted(done)]


def blows(struck: list[Struck], seen: Seen, stalls: list[tuple[str, float, float]]) -> list[Blow]:
    """Return what kept work from being done. The feed does none, a lost reply takes no server."""
    kills = {(pid, s.at) for s in struck if s.stop_s is None for pid in s.gone}
    found = []
    for one in struck:
        if one.victim is Victim.FEED:
            continue
        until = one.at
        if one.stop_s is not None:
            ends = [at for pid, at in kills if pid == one.pid and at > one.at]
            until = min([one.at + one.stop_s, *ends])
        elif one.victim in SERVER_OF:
            until = seen.back_after(SERVER_OF[one.victim], one.at)
        found.append(Blow(one.victim, one.at, until, one.gone))
    servers = (s for s in stalls if s[0] != "exchange")
    return found + [Blow("stall", at, at + seconds) for _, at, seconds in servers]


def _rage(assault: Assault, wish: world.Wish, exchange: Exchange, control: int, say: Say) -> None:
    order_proxy(control, "storm")
    due, told = monotonic(), 0.0
    deadline = due + wish.minutes * 60
    while (now := monotonic()) < deadline:
        due += assault.gap()
        _rest(assault, due - now)
        assault.strike()
        if now - told > 5:
            told = now
            killed, stopped = assault.counts()
            say(
                f"{deadline - now:4.0f} s to go: {sum(killed.values())} kills,"
                f" {sum(stopped.values())} stops, {sum(exchange.faults().values())} broker faults,"
                f" {exchange.ask('/sim/state')['orders']} orders"
            )


def _calm(exchange: Exchange, assault: Assault, control: int) -> dict[str, Any]:
    """End every harm; return what the proxy did."""
    assault.relent()
    exchange.calm()
    return order_proxy(control, "calm")


def _settled(assault: Assault, database: Database, exchange: Exchange, book: Book) -> Account:
    """Compare the books until they agree: what is under way this very moment is no breach."""
    deadline = monotonic() + COMPARE_WITHIN_S
    while True:
        account = compare(database, exchange, book)
        if account.is_sound or monotonic() > deadline:
            return account
        _rest(assault, 0.3)


def _wait_for_work(stack: Stack, database: Database) -> None:
    """Wait until tasks are carried out: chaos is not about the first start."""
    while not work_done(database):
        if stack.wait(0.2):
            raise KeyboardInterrupt


def _rest(assault: Assault, seconds: float) -> None:
    if assault.rest(seconds):
        raise KeyboardInterrupt


def _connections(seen: Seen) -> dict[str, int]:
    return {
        "one process": seen.most_of_one,
        "one process, bound": CONNECTIONS_EACH,
        "all processes": seen.most_of_all,
        "all processes, bound": CONNECTIONS_EACH * PROCESSES,
        "samples": seen.samples,
    }


def order_proxy(port: int, order: str) -> dict[str, Any]:
    """Tell the proxy to rage or to be calm; return what it has done. Raises Transient."""
    try:
        with socket.create_connection((HOST, port), 5) as to:
            to.sendall(f"{order}\n".encode())
            with to.makefile() as answer:
                told: dict[str, Any] = json.loads(answer.readline())
                return told
    except (OSError, ValueError) as error:
        raise Transient(f"proxy: {error}") from error


@contextmanager
def _stopped_by_signals(stack: Stack) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the run in order."""
    signs = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(sign, lambda *_: stack.request_stop()) for sign in signs]
    try:
        yield
    finally:
        for sign, handler in zip(signs, before, strict=True):
            signal.signal(sign, handler)
