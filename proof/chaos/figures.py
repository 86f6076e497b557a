"""What a run came to: the figures, the aims beside them, the table that is printed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from rich.table import Table

from proof.chaos.recovery import SEVERAL, Recovery
from proof.chaos.verdict import Account
from proof.chaos.victims import Victim

KILLS_A_MINUTE, BROKER_FAULTS_A_MINUTE = 30, 100
WORKER_S, OTHERS_S = 5.0, 10.0
#: So many recoveries are told with their moment, beside the deeds that led to them.
SLOWEST = 10
#: Worst seconds until work is done again, by what was killed or stopped. Stalls are the proxy's.
RECOVER_WITHIN_S = {
    Victim.WORKER.value: WORKER_S,
    Victim.CHILD.value: WORKER_S,
    Victim.BEAT.value: OTHERS_S,
    Victim.VALKEY.value: OTHERS_S,
    Victim.POSTGRES.value: OTHERS_S,
    Victim.BACKEND.value: OTHERS_S,
    "stall": OTHERS_S,
    SEVERAL: OTHERS_S,
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was counted in one run; seconds are wall seconds.

    ``kills_while_sending`` are those that struck while an order was sent, and those of its sender.
    """

    seed: int
    minutes: float
    speed: float
    kills: Mapping[str, int]
    stops: Mapping[str, int]
    kills_while_sending: tuple[int, int]
    broker_faults: Mapping[str, int]
    other_faults: int
    proxy_faults: Mapping[str, int]
    account: Account
    recoveries: tuple[Recovery, ...]
    children_back: tuple[Recovery, ...]
    began: float
    longest_pause_s: float
    connections: Mapping[str, int]
    deeds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. ``aim`` is empty where there is none; ``holds`` then as well."""

    what: str
    measured: str
    aim: str = ""
    holds: bool = True


def lines(of: Figures) -> Iterator[Line]:
    """Return every line of the table, in its order."""
    kills, least = sum(of.kills.values()), round(KILLS_A_MINUTE * of.minutes)
    yield Line("kills", f"{kills}", f"≥ {least}", kills >= least)
    yield from (Line(f"  of a {who}", f"{n}") for who, n in sorted(of.kills.items()))
    sending, sender = of.kills_while_sending
    yield Line("kills while an order was sent", f"{sending}", "> 0", sending > 0)
    yield Line("  of the process that sent it", f"{sender}")
    yield Line("stops", f"{sum(of.stops.values())}")
    least = round(BROKER_FAULTS_A_MINUTE * of.minutes)
    faults = sum(of.broker_faults.values())
    yield Line("broker faults", f"{faults}", f"≥ {least}", faults >= least)
    yield from (Line(f"  {what}", f"{n}") for what, n in sorted(of.broker_faults.items()))
    yield Line("faults of prices, news, filings, the model", f"{of.other_faults}")
    yield Line("proxy faults", f"{sum(of.proxy_faults.values())}", "> 0", bool(of.proxy_faults))
    yield from (Line(f"  {what}", f"{n}") for what, n in sorted(of.proxy_faults.items()))
    yield Line("orders", f"{of.account.orders}", "> 0", of.account.orders > 0)
    yield Line("fills", f"{of.account.fills}", "> 0", of.account.fills > 0)
    yield from (Line(what, f"{n}", "0", n == 0) for what, n in wrongs(of.account).items())
    yield from _recovered("worst recovery", of.recoveries)
    alone = {recovery.kind for recovery in of.recoveries}
    for kind in sorted(
        kind for kind in RECOVER_WITHIN_S if of.kills.get(kind) and kind not in alone
    ):
        aim = f"≤ {RECOVER_WITHIN_S[kind]:g} s"
        yield Line(f"worst recovery, {kind}", "not measured", aim, False)
    yield from _recovered("all children back", of.children_back)
    yield Line("longest time without finished work", f"{of.longest_pause_s:.1f} s")
    yield from _connected(of.connections)
    yield Line("book at the end", of.account.status)


def wrongs(account: Account) -> dict[str, int]:
    """Return what must be 0, by name."""
    counted = asdict(account.breaches)
    return {
        "duplicates": counted.pop("duplicate_orders"),
        "lost": account.lost,
        "ghosts": counted.pop("ghost_orders"),
        "states that differ": len(account.states_differ),
        "slots run twice": account.slots_run_twice,
        **{what.replace("_", " "): n for what, n in counted.items()},
    }


def worst(recovered: Iterable[Recovery]) -> dict[str, tuple[float, int]]:
    """Return the longest recovery and how many there were, by kind."""
    found: dict[str, list[float]] = {}
    for recovery in recovered:
        found.setdefault(recovery.kind, []).append(recovery.seconds)
    return {kind: (max(times), len(times)) for kind, times in sorted(found.items())}


def slowest(recovered: Iterable[Recovery]) -> list[Recovery]:
    """Return the longest recoveries, the worst first."""
    return sorted(recovered, key=lambda one: -one.seconds)[:SLOWEST]


def _recovered(told: str, recovered: Iterable[Recovery]) -> Iterator[Line]:
    for kind, (seconds, count) in worst(recovered).items():
        within = RECOVER_WITHIN_S[kind]
        measured = f"{seconds:.1f} s" if isfinite(seconds) else "never"
        what = f"{told}, {kind} ({count} times)"
        yield Line(what, measured, f"≤ {within:g} s", seconds <= within)


def _connected(seen: Mapping[str, int]) -> Iterator[Line]:
    for who in ("one process", "all processes"):
        most, bound = seen[who], seen[f"{who}, bound"]
        yield Line(f"most connections of {who}", f"{most}", f"≤ {bound}", 0 < most <= bound)


def table(of: Figures) -> Table:
    """Return the table to print."""
    title = f"chaos: {of.minutes:g} minutes, seed {of.seed}, market × {of.speed:.0f}"
    shown = Table(title=title)
    for column in ("what", "measured", "aim", ""):
        shown.add_column(column, justify="left" if column in ("what", "") else "right")
    for line in lines(of):
        mark = "" if not line.aim else "[green]✓[/]" if line.holds else "[red]✗[/]"
        shown.add_row(line.what, line.measured, line.aim, mark)
    return shown


def missed(of: Figures) -> list[str]:
    """Return a line for each aim that was missed."""
    return [f"{n.what.strip()}: {n.measured}, aim {n.aim}" for n in lines(of) if not n.holds]


def as_json(of: Figures) -> dict[str, Any]:
    """Return plain values."""
    return {
        "seed": of.seed,
        "minutes": of.minutes,
        "speed": round(of.speed, 1),
        "kills": {str(who): n for who, n in of.kills.items()},
        "stops": {str(who): n for who, n in of.stops.items()},
        "kills_while_sending": of.kills_while_sending[0],
        "kills_of_senders": of.kills_while_sending[1],
        "broker_faults": dict(of.broker_faults),
        "other_faults": of.other_faults,
        "proxy_faults": dict(of.proxy_faults),
        "orders": of.account.orders,
        "fills": of.account.fills,
        "slots": of.account.slots,
        **{what.replace(" ", "_"): n for what, n in wrongs(of.account).items()},
        "recoveries": _worst(of.recoveries),
        "children_back": _worst(of.children_back),
        "slowest_recoveries": [_recovery(of, one) for one in slowest(of.recoveries)],
        "slowest_children_back": [_recovery(of, one) for one in slowest(of.children_back)],
        "longest_pause_s": round(of.longest_pause_s, 2),
        "connections": dict(of.connections),
        "book": of.account.status,
        "differing_states": list(of.account.states_differ),
        "missed": missed(of),
        "deeds": list(of.deeds),
    }


def _worst(recovered: Iterable[Recovery]) -> dict[str, dict[str, float | int | None]]:
    return {
        str(kind): {"worst_s": _rounded(seconds), "count": n}
        for kind, (seconds, n) in worst(recovered).items()
    }


def _recovery(of: Figures, one: Recovery) -> dict[str, Any]:
    return {
        "after": one.kind,
        "blows": one.blows,
        "from_s": _rounded(one.back - of.began),
        "seconds": _rounded(one.seconds),
    }


def _rounded(seconds: float) -> float | None:
    return round(seconds, 2) if isfinite(seconds) else None
