"""The world that chaos is made in: a stack of real processes with a proxy before its servers."""

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.local.environment import any_free_port
from app.local.procfile import read_procfile
from app.local.stack import Event, Stack
from app.sim.faults import DEFAULT_SECONDS, Kind
from proof.chaos.addresses import SERVERS

#: As many as are likely to be working while one of them is killed.
CHILDREN = 4
ROOT = Path(__file__).parents[2]
#: How likely a fault of each kind is. Few of those that strike any request, or nothing would be
#: traded; many of those that strike an order alone.
_LIKELY: dict[Kind, float] = {
    **dict.fromkeys(Kind, 0.05),
    Kind.SLOW: 0.2,
    Kind.RATE_LIMIT_429: 0.12,
    Kind.HTML_ERROR: 0.12,
    Kind.STREAM_DISCONNECT: 0.05,
    Kind.EVENTUAL_VISIBILITY: 0.3,
    Kind.ACCEPT_THEN_DROP: 0.2,
    Kind.ERROR_504_AFTER_ACCEPT: 0.2,
    Kind.PARTIAL_FILL: 0.4,
    Kind.LATE_FILL: 0.3,
    Kind.DUPLICATE_FILL: 0.3,
    Kind.OUT_OF_ORDER_FILLS: 0.3,
}
#: An order that is slow to be answered is one that a kill finds under way.
_SECONDS = {**DEFAULT_SECONDS, Kind.SLOW: 0.6}
FAULTS = [
    {"kind": kind, "probability": likely, "seconds": _SECONDS.get(kind, 0.0)}
    for kind, likely in _LIKELY.items()
]
#: The world's first moment in New York: the session has begun. Market seconds from there to 15:30,
#: when nothing is being closed yet.
START, MARKET_S = "09:40", 21_000
#: Ticks expire after a part of their slot: were it faster, most would before they are taken.
FASTEST, SLOWEST = 20.0, 4.0
#: Wall seconds that the book has until its first order.
STARTING_S = 60.0
#: Wall seconds between two readings of texts, which are not the point: each holds a child for long.
READ_EVERY_S = 10.0
READING = ("NEWS_EVERY_SECONDS", "FILINGS_EVERY_SECONDS")

#: Each of these stocks is bought where it rises, and its partner where it falls, as if that were an
#: inverse fund of it: whatever the market does, half of the universe is to be bought.
PAIRS = {
    "AAPL": "SQQQ",
    "NVDA": "SOXS",
    "MSFT": "AMZN",
    "TSLA": "META",
    "GOOGL": "NFLX",
    "AMD": "AVGO",
}

#: A book that trades a lot: what it decides is not the point, that it has orders in flight is.
LIVELY = {
    "TIER_A_TICKERS": ",".join((*PAIRS, *PAIRS.values())),
    "TIER_B_TICKERS": "none",
    "BENCH_TICKERS": "none",
    "INVERSE_ETFS": ",".join(f"{bought}:{stock}" for stock, bought in PAIRS.items()),
    "MAX_INVERSE_SHARE": "0.5",
    "FUND_LEVERAGE": ",".join(f"{bought}:-1" for bought in PAIRS.values()),
    "BASKETS": ",".join(f"{bought}:{bought}:{stock}" for stock, bought in PAIRS.items()),
    "MIXER_THRESHOLD": "0.005",
    "RTH_CUTOFF": "0.005",
    "MIXER_COOLDOWN_SECONDS": "1",
    "DIRECTION_LOCK_SECONDS": "1",
    "TIER_A_DAILY_CAP": "10000",
    "TIER_B_DAILY_CAP": "10000",
    "BENCH_DAILY_CAP": "10000",
    "RTH_DAILY_CAP": "100000",
    "CAP_SLOT_SECONDS": "30",
    "DAILY_LOSS_LIMIT": "0.4",
    # No entry is made where the last comparison is older than five of these.
    "RECONCILE_EVERY_SECONDS": "40",
    "STOPS_EVERY_SECONDS": "15",
    "MAX_DATA_AGE_SECONDS": "600",
    "MAX_PRICE_AGE_SECONDS": "600",
    "MAX_INTENT_AGE_SECONDS": "300",
    "BASKET_MIN_SIGNALS": "1",
    "BASKET_MIN_NEGATIVE_SHARE": "0.2",
    "BASKET_MAX_MEAN": "-0.001",
    "BASKET_TICKS": "1",
    "ETF_LOCK_SECONDS": "5",
    # Three minutes of the wall: so long may a sale in doubt be looked up and sent again.
    "STOP_WITHIN_SECONDS": "3600",
    # Losing trades must not end the trading, nor a few positions keep others out.
    "KELLY_MIN_TRADES": "100000",
    "MAX_POSITIONS": "12",
    "MIN_SLOTS": "12",
    "MAX_CONCURRENT_RISK": "0.4",
    "MAX_LOOK_THROUGH": "10",
    "ORDERS_PER_MINUTE": "500",
    # Positions end soon: each is an entry, a stop at the broker, its cancel and a sale.
    "STOP_LOSS_PCT": "0.001",
    "TAKE_PROFIT_PCT": "0.0005",
    "TRAILING_STOP_PCT": "0.0005",
    "TRAILING_AFTER_PCT": "0.0005",
    "OPPOSITE_SCORE": "0.01",
    "TREND_BREAK_SCORE": "0.05",
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
    market = f"--synthetic {wish.seed} --seed {wish.seed} --start {START}"
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
