"""The world that chaos is made in: a stack of real processes with a proxy before its servers."""

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.local.environment import any_free_port
from app.local.procfile import read_procfile
from app.local.stack import Event, Stack
from proof.chaos.addresses import SERVERS

#: As many as are likely to be working while one of them is killed.
CHILDREN = 4
ROOT = Path(__file__).parents[2]
#: Every kind of fault of the exchange, and how likely each is wherever it may happen: what strikes
#: any request less, or nothing would be traded; what strikes an order more, for they are few.
FAULTS = ",".join(
    (
        "all@0.1",
        "slow@0.2,rate_limit_429@0.12,html_error@0.12,eventual_visibility@0.3",
        "accept_then_drop@0.2,error_504_after_accept@0.2",
        "partial_fill@0.4,late_fill@0.3,duplicate_fill@0.3,out_of_order_fills@0.3",
    )
)
#: The world's first moment in New York: the session has begun. Market seconds from there to 15:30,
#: when nothing is being closed yet.
START, MARKET_S = "09:40", 21_000
#: Ticks expire after a part of their slot: were it faster, most would before they are taken.
FASTEST, SLOWEST = 20.0, 4.0
STARTING_S = 15.0
#: Wall seconds between two readings of texts, which are not the point either.
READ_EVERY_S = 2.0
READING = ("NEWS_EVERY_SECONDS", "FILINGS_EVERY_SECONDS")

#: A book that trades a lot: what it decides is not the point, that it has orders in flight is.
LIVELY = {
    "MIXER_THRESHOLD": "0.03",
    "RTH_CUTOFF": "0.03",
    "MIXER_COOLDOWN_SECONDS": "30",
    "DIRECTION_LOCK_SECONDS": "30",
    "TIER_A_DAILY_CAP": "2000",
    "TIER_B_DAILY_CAP": "2000",
    "BENCH_DAILY_CAP": "2000",
    "RTH_DAILY_CAP": "2000",
    "CAP_SLOT_SECONDS": "30",
    "DAILY_LOSS_LIMIT": "0.4",
    "RECONCILE_EVERY_SECONDS": "20",
    "MAX_DATA_AGE_SECONDS": "600",
    "MAX_PRICE_AGE_SECONDS": "600",
    "MAX_INTENT_AGE_SECONDS": "300",
    "BASKET_MIN_SIGNALS": "1",
    "BASKET_MIN_NEGATIVE_SHARE": "0.2",
    "BASKET_MAX_MEAN": "-0.03",
    "ORDERS_PER_MINUTE": "120",
    "STOP_LOSS_PCT": "0.004",
    "TAKE_PROFIT_PCT": "0.004",
    "TRAILING_STOP_PCT": "0.002",
    "TRAILING_AFTER_PCT": "0.002",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """How long, from which seed, and how fast the market goes meanwhile."""

    minutes: float
    seed: int
    quiet_s: float = 60.0

    @property
    def speed(self) -> float:
        """Market seconds a wall second, so that chaos and quiet lie within one session."""
        wall_s = STARTING_S + self.minutes * 60 + self.quiet_s
        return max(min(MARKET_S / wall_s, FASTEST), SLOWEST)


def free_ports() -> dict[str, int]:
    """Return a port for the proxy before each server, and one to control it."""
    ports: dict[str, int] = {}
    while len(ports) < len(SERVERS) + 1:
        port = any_free_port()
        if port not in ports.values():
            ports[[*SERVERS, "control"][len(ports)]] = port
    return ports


def stack(
    folder: Path, wish: Wish, ports: dict[str, int], on_event: Callable[[Event], None]
) -> Stack:
    """Return the stack, not started: as `metronome up --sim`, but that a proxy stands between."""
    return Stack(
        folder,
        processes=commands(wish, ports),
        environment=environment(wish),
        on_event=on_event,
        sim=True,
        speed=wish.speed,
    )


def commands(wish: Wish, ports: dict[str, int]) -> dict[str, str]:
    """Return the Procfile's processes: the exchange misbehaves, the others are behind the proxy."""
    listed, python = read_procfile(), shlex.quote(sys.executable)
    told = " ".join(f"--{name} {ports[name]}" for name in SERVERS)
    proxy = f"{python} -m proof.chaos.proxy --seed {wish.seed} {told} --control {ports['control']}"
    market = f"--synthetic {wish.seed} --seed {wish.seed} --start {START} --faults {FAULTS}"
    return {
        "postgres": listed["postgres"],
        "redis": listed["redis"],
        "exchange": f"{listed['exchange']} {market}",
        "proxy": proxy,
        **{
            name: f"{python} -m proof.chaos.behind {told} {name}"
            for name in ("worker", "beat", "feed")
        },
    }


def environment(wish: Wish) -> dict[str, str]:
    """Return what every process is told: nothing of the user's accounts or servers."""
    return {
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "PYTHONPATH": str(ROOT),
        # Killed processes start again: none must compile everything anew.
        "PYTHONDONTWRITEBYTECODE": "",
        "TRADING_MODE": "PAPER",
        "AUTO_MODE": "1",
        "DISABLE_SLACK_ALERTS": "1",
        "METRONOME_BOOKS": "us_baskets",
        "WORKER_CONCURRENCY": f"{CHILDREN}",
        "LOG_LEVEL": "WARNING",
        "RESOLVE_DELAYS_SECONDS": "0.5,1,2",
        "ALPHAVANTAGE_CALLS_PER_DAY": "100000",
        "LLM_TIMEOUT_SECONDS": "1.5",
        **{name: f"{READ_EVERY_S * wish.speed:g}" for name in READING},
        **LIVELY,
    }
