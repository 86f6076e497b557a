"""What the settings say of real money: the mode, the account, the limits and the alarms."""

from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import urlsplit

from app.config import changes
from app.config.modes import LIVE_HOST, LIVE_KEY, PAPER_HOST
from app.config.settings import Settings
from app.engine.book import Book, Mode
from app.engine.readiness import Item, item

#: Limits looser than these are no limits for a first account; the shipped ones are tighter.
LOOSEST_DAILY_LOSS = Decimal("0.05")
MOST_POSITIONS = 10
MOST_ORDERS_PER_MINUTE = 60


def of_settings(settings: Settings) -> Iterator[Item]:
    """Yield what can be said without asking anybody."""
    yield item(
        "mode",
        settings.mode is Mode.REAL and settings.auto and not settings.test_mode,
        f"TRADING_MODE={settings.mode}, AUTO_MODE={settings.auto:d}, "
        f"TEST_MODE_ENABLED={settings.test_mode:d}",
        "Set TRADING_MODE=REAL in the environment and in .env, AUTO_MODE=1, TEST_MODE_ENABLED=0.",
    )
    yield _keys(settings)
    yield _hosts(settings)
    for book in settings.books:
        yield from _of_book(book, asks_model=settings.sources.openai_key is not None)
    yield item(
        "alarms",
        settings.slack_disabled,
        "nothing is sent to anybody: DISABLE_SLACK_ALERTS=1 says so"
        if settings.slack_disabled
        else "this version sends no alarm, and nobody has said that this is known",
        "Set DISABLE_SLACK_ALERTS=1 once somebody watches `metronome status` while it trades.",
    )


def to_be_rehearsed(settings: Settings, book_id: str) -> dict[str, str]:
    """Return what has to be in force while a book rehearses: what is to trade, on a paper account.

    A simulated exchange is none: its days are as fast and as kind as somebody set them.
    """
    paper = {"TRADING_MODE": "PAPER", "ALPACA_TRADING_URL": PAPER_HOST, "MARKET_SPEED": "1"}
    return {**changes.in_force(settings, book_id, {}).values, **paper}


def _keys(settings: Settings) -> Item:
    key, secret = settings.alpaca.key, settings.alpaca.secret
    real = key is not None and key.reveal().startswith(LIVE_KEY)
    said = "not set" if key is None else f"starts with {'' if real else 'something else than '}AK"
    missing = "" if secret else ", its secret is not set"
    return item(
        "keys",
        real and secret is not None,
        f"the account's key {said}{missing}",
        "Set ALPACA_API_KEY and ALPACA_SECRET_KEY of the real account.",
    )


def _hosts(settings: Settings) -> Item:
    urls = (urlsplit(settings.alpaca.trading_url), urlsplit(settings.alpaca.stream_url))
    safe = all(u.scheme in ("https", "wss") and u.hostname == LIVE_HOST for u in urls)
    return item(
        "hosts",
        safe,
        f"orders go to {urls[0].hostname} ({urls[0].scheme}), their news come from "
        f"{urls[1].hostname} ({urls[1].scheme})",
        f"Leave ALPACA_TRADING_URL and ALPACA_STREAM_URL out: REAL means {LIVE_HOST} over TLS.",
    )


def _of_book(book: Book, *, asks_model: bool) -> Iterator[Item]:
    risk, model = book.risk, book.model
    yield item(
        "broker",
        book.broker != "paper",
        f"{book.id} trades at {book.broker}",
        f"Give {book.id} a broker in its file: `paper` is a ledger of our own.",
    )
    yield item(
        "limits",
        risk.daily_loss_limit <= LOOSEST_DAILY_LOSS and risk.max_positions <= MOST_POSITIONS,
        f"{book.id} stops entries at a loss of {risk.daily_loss_limit} of equity in a day and "
        f"holds {risk.max_positions} positions at most",
        f"Set DAILY_LOSS_LIMIT to {LOOSEST_DAILY_LOSS} or less, MAX_POSITIONS to "
        f"{MOST_POSITIONS} or less.",
    )
    yield item(
        "fuse",
        risk.orders_per_minute <= MOST_ORDERS_PER_MINUTE,
        f"{book.id} stops entries after {risk.orders_per_minute} orders within a minute",
        f"Set ORDERS_PER_MINUTE to {MOST_ORDERS_PER_MINUTE} or less.",
    )
    asked = model.enabled and asks_model
    yield item(
        "model",
        not asked or (model.monthly_usd > 0 and model.monthly_krw > 0 and model.calls_per_day > 0),
        f"{book.id} asks {model.name} {model.calls_per_day} times a day at most, for "
        f"{model.monthly_usd} USD and {model.monthly_krw} KRW a month"
        if asked
        else f"{book.id} asks no language model",
        "Set LLM_MONTHLY_USD, LLM_MONTHLY_KRW and LLM_DAILY_CALLS above 0, or leave the key out.",
    )
