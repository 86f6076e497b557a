"""What a user typed for an exchange: checked, and the part of it that makes a world itself."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from app.engine.errors import InvalidData
from app.sim.faults import Faults, parse_rules

#: A quiet spring Friday without a holiday around it.
DEFAULT_DATE = datetime.date(2026, 3, 20)


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of the command, as typed."""

    port: int = 8080
    bars: Path | None = None
    synthetic: int | None = None
    date: str | None = None
    speed: float = 1.0
    faults: str | None = None
    start: str = "09:20"
    cash: float = 100_000
    margin: bool = False
    seed: int = 1
    spread_bps: float = 2.0
    slippage_bps: float = 1.0
    participation: float = 0.1
    fee_per_share: float = 0.0
    rate_limit: int = 200
    news: Path | None = None
    news_per_day: int | None = None
    key: str | None = None
    memory: Path | None = None

    def day(self) -> datetime.date:
        """Return the trading day. Raises InvalidData."""
        if self.date is None:
            return DEFAULT_DATE
        try:
            return datetime.date.fromisoformat(self.date)
        except ValueError:
            raise InvalidData(
                f"--date {self.date!r} is not a date; write it as 2026-03-20"
            ) from None

    def time_of_day(self) -> datetime.time:
        """Return the time in New York at which the clock starts. Raises InvalidData."""
        try:
            return datetime.time.fromisoformat(self.start)
        except ValueError:
            raise InvalidData(f"--start {self.start!r} is not a time; write it as 09:20") from None

    def fault_rules(self) -> Faults:
        """Return the faults in force at the start. Raises InvalidData."""
        rules, seed = parse_rules(self.faults) if self.faults else ([], None)
        return Faults(rules, self.seed if seed is None else seed)

    def world(self) -> dict[str, str | None]:
        """Return what a memory must have in common with its world, option by option.

        Speed, faults, keys and limits may be others when a world goes on.
        """
        return {
            "--bars": None if self.bars is None else str(self.bars.resolve()),
            "--synthetic": None if self.synthetic is None else str(self.synthetic),
            "--date": self.day().isoformat(),
            "--start": f"{self.time_of_day():%H:%M:%S}",
            "--cash": f"{self.cash:.15g}",
            "--margin": "yes" if self.margin else None,
            "--seed": str(self.seed),
            "--spread-bps": f"{self.spread_bps:.15g}",
            "--slippage-bps": f"{self.slippage_bps:.15g}",
            "--participation": f"{self.participation:.15g}",
            "--fee-per-share": f"{self.fee_per_share:.15g}" if self.fee_per_share else None,
            "--news": None if self.news is None else str(self.news.resolve()),
        }


def check(wish: Wish) -> None:
    """Raise InvalidData for the first option that is out of its range or not written as it must."""
    if (wish.bars is None) == (wish.synthetic is None):
        raise InvalidData("give either --bars DIR or --synthetic SEED")
    if wish.news is not None and wish.bars is None:
        raise InvalidData("--news is about a recorded day: it needs --bars DIR")
    wish.day(), wish.time_of_day(), wish.fault_rules()
    limits = {
        "--port": (wish.port, 1, 65_535),
        "--speed": (wish.speed, 0.01, 10_000),
        "--cash": (wish.cash, 0.01, 1e12),
        "--spread-bps": (wish.spread_bps, 0, 1000),
        "--slippage-bps": (wish.slippage_bps, 0, 1000),
        "--participation": (wish.participation, 0, 1),
        "--fee-per-share": (wish.fee_per_share, 0, 100),
        "--synthetic": (wish.synthetic or 0, 0, 2**31),
        "--seed": (wish.seed, 0, 2**31),
        "--rate-limit": (wish.rate_limit, 1, 1e9),
        "--news-per-day": (1 if wish.news_per_day is None else wish.news_per_day, 1, 1e9),
    }
    for name, (value, smallest, largest) in limits.items():
        if not smallest <= value <= largest:
            raise InvalidData(f"{name} {value}: must be from {smallest:g} to {largest:g}")
    if wish.key is not None and ":" not in wish.key:
        raise InvalidData("--key must be ID:SECRET")
