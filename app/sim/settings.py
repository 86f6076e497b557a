"""What a simulated world can be told, as one value."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Terms:
    """How the exchange trades. ``participation`` is the share of a bar's volume that may fill.

    A ``multiplier`` above 1 is that of a margin account, which may sell short.
    """

    cash: Decimal = Decimal(100_000)
    spread_bps: Decimal = Decimal(2)
    slippage_bps: Decimal = Decimal(1)
    participation: Decimal = Decimal("0.1")
    fee_per_share: Decimal = Decimal(0)
    multiplier: Decimal = Decimal(1)

    @property
    def may_short(self) -> bool:
        return self.multiplier > 1


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call and how often. ``key`` is ``ID:SECRET``; None lets any pair in.

    ``news_per_day`` are Alpha Vantage's calls; None: as many as one likes.
    """

    key: str | None = field(default=None, repr=False)
    requests_per_minute: int = 200
    news_per_day: int | None = None

    def allows(self, key: object, secret: object) -> bool:
        """May a client with this pair come in?"""
        if not key or not secret:
            return False
        return self.key is None or self.key == f"{key}:{secret}"
