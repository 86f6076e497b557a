"""One run: the stack is started, chaos is made, it is left in quiet, and then it is judged."""

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
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
from proof.chaos.aim import Aim
from proof.chaos.assault import Assault, Struck
from proof.chaos.figures import Figures
from proof.chaos.recovery import Blow, Recovery, Work, longest_pause, recoveries
from proof.chaos.solos import Solos
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
    aim, random = Aim(stack.urls["database"]), Random(wish.seed)
    book, assault = the_book(wish), Assault(stack, random, aim, Solos(Random(wish.seed)))
    begin_to_witness(database)
    watch = Watch(stack.urls["database"], stack.urls["redis"], lambda: clients(stack))
    _wait_for_orders(stack, exchange)
    watch.start()
    try:
        began = wall().timestamp()
        _rage(assault, wish, exchange, control, say)
        ended = wall().timestamp()
        harm = _calm(exchange, assault, control)
        broker_faults, other_faults = exchange.faults()
        say(f"quiet for {wish.quiet_s:g} s: no kills, no faults")
        _rest(assault, wish.quiet_s)
        account = _settled(assault, database, exchange, book)
    finally:
        assault.relent()
        aim.close()
        watch.stop()
    works, felt = work_done(database), blows(assault.struck, watch.seen, harm["stalls"])
    killed, stopped = assault.counts()
    return Figures(
        seed=wish.seed,
        minutes=wish.minutes,
        speed=wish.speed,
        kills=killed,
        stops=stopped,
        kills_while_sending=assault.while_sending(),
        broker_faults=broker_faults,
        other_faults=other_faults,
        proxy_faults=harm["counts"],
        account=account,
        recoveries=tuple(recoveries(felt, works)),
        children_back=tuple(children_back(felt, watch.seen)),
        began=began,
        longest_pause_s=longest_pause(works, began, ended),
        connections=_connections(watch.seen),
        deeds=tuple(in_words(assault.struck, harm["stalls"], began)),
    )


def the_book(wish: world.Wish) -> Book:
    """Return the book that the processes trade."""
    return load({**os.environ, **world.environment(wish), **simulated(1, wish.speed)}).books[0]


def clients(stack: Stack) -> dict[Victim, frozenset[int]]:
    """Return the ids of the processes that may hold connections now, by kind."""
    running = victims(stack)
    return {kind: frozenset(one.pid for one in running[kind]) for kind in CONNECTED}


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


def children_back(felt: list[Blow], seen: Seen) -> list[Recovery]:
    """Return how long it took until the pool had all its children, by what had taken some.

    Work goes on with those that are left: it would not tell that one is never replaced.
    """
    takes = [b for b in felt if b.kind is Victim.WORKER or (b.kind is Victim.CHILD and b.gone)]
    killed_at = {pid: blow.at for blow in takes for pid in blow.gone}

    def is_whole(at: float, pids: frozenset[int]) -> bool:
        living = [pid for pid in pids if killed_at.get(pid, inf) > at]
        return len(living) >= world.CHILDREN

    return recoveries(takes, [Work(at, at, 0) for at, pids in seen.children if is_whole(at, pids)])


def _rage(assault: Assault, wish: world.Wish, exchange: Exchange, control: int, say: Say) -> None:
    exchange.misbehave(world.FAULTS, wish.seed)
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
            faults = sum(exchange.faults()[0].values())
            say(
                f"{deadline - now:4.0f} s to go: {sum(killed.values())} kills,"
                f" {sum(stopped.values())} stops, {faults} broker faults,"
                f" {exchange.ask('/sim/state')['orders']} orders"
            )


def _calm(exchange: Exchange, assault: Assault, control: int) -> dict[str, Any]:
    """End every harm; return what the proxy did."""
    assault.relent()
    exchange.misbehave([], 0)
    return order_proxy(control, "calm")


def _settled(assault: Assault, database: Database, exchange: Exchange, book: Book) -> Account:
    """Compare the books until they agree: what is under way this very moment is no breach."""
    deadline = monotonic() + COMPARE_WITHIN_S
    while True:
        account = compare(database, exchange, book)
        if account.is_sound or monotonic() > deadline:
            return account
        _rest(assault, 0.3)


def _wait_for_orders(stack: Stack, exchange: Exchange) -> None:
    """Wait until the book trades: chaos is not about the first start.

    It begins anyway after a while; without orders the run misses its aims by itself.
    """
    deadline = monotonic() + world.STARTING_S
    while not exchange.ask("/sim/state")["orders"] and monotonic() < deadline:
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
