"""The tree of settings: every value typed, frozen, and read once at the edge."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.config.errors import ConfigError, Problem
from app.engine.book import Book, Mode


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is never printed; ``reveal`` is for the one place that sends it."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        return self._text

    def __str__(self) -> str:
        return "****"

    def __format__(self, spec: str) -> str:
        return format("****", spec)


@dataclass(frozen=True, slots=True)
class Alpaca:
    """How to reach the broker."""

    key: Secret | None
    secret: Secret | None
    trading_url: str
    data_url: str
    stream_url: str
    data_stream_url: str
    feed: str

    def keys(self) -> tuple[Secret, Secret]:
        """Return the key's id and secret. Raises ConfigError where one is missing."""
        if self.key and self.secret:
            return self.key, self.secret
        pair = {"ALPACA_API_KEY": self.key, "ALPACA_SECRET_KEY": self.secret}
        hint = "Put it into .env, or run `metronome demo`, which needs none"
        raise ConfigError(
            [
                Problem(name, "not set", "a key of your Alpaca paper account", hint)
                for name, value in pair.items()
                if not value
            ]
        )


@dataclass(frozen=True, slots=True)
class Sources:
    """Where news, filings and the model are, and who we are there; None: not asked."""

    alphavantage_url: str
    alphavantage_key: Secret | None
    edgar_url: str
    edgar_agent: str | None
    openai_url: str
    openai_key: Secret | None


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API listens (port 0: any free one); without a token only health answers."""

    host: str
    port: int
    token: Secret | None


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective value as text, and where it came from."""

    name: str
    text: str
    origin: str
    secret: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that this process was told. URLs of servers are None where embedded ones serve."""

    mode: Mode
    auto: bool
    test_mode: bool
    real_disabled: bool
    slack_disabled: bool
    database_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    alpaca: Alpaca
    sources: Sources
    paper_cash: Decimal
    market_speed: float
    api: Api
    resolve_delays_s: tuple[float, ...]
    adopt_positions: bool
    worker_concurrency: int
    state: Path
    books: tuple[Book, ...]
    log_level: str
    origins: tuple[Setting, ...] = field(repr=False)

    def store_url(self) -> str:
        """Return the database's URL for SQLAlchemy. Raises ConfigError where none is set."""
        url = _needed("DATABASE_URL", self.database_url)
        return "postgresql+psycopg2://" + url.partition("://")[2]

    def broker_url(self) -> str:
        """Return Celery's URL: Redis database 0. Raises ConfigError where none is set."""
        return celery_url(_needed("REDIS_URL", self.redis_url))

    def app_redis_url(self) -> str:
        """Return the URL of streams and buckets: Redis database 1. Raises as ``broker_url``."""
        url = _needed("REDIS_URL", self.redis_url)
        return f"{url}?db=1" if url.startswith("unix:") else f"{url}/1"

    def book(self, book_id: str) -> Book:
        """Return one of the books. Raises ConfigError for a name that is none of them."""
        for book in self.books:
            if book.id == book_id:
                return book
        accepted = " or ".join(book.id for book in self.books)
        raise ConfigError([Problem("book", repr(book_id), accepted)])

    def secrets(self) -> tuple[str, ...]:
        """Return every text that must not be printed; logging masks them."""
        keys = (self.sources.alphavantage_key, self.sources.openai_key)
        held = (self.alpaca.key, self.alpaca.secret, self.api.token, *keys)
        urls = (urlsplit(url).password for url in (self.database_url, self.redis_url) if url)
        spelt = [text for password in urls if password for text in (password, unquote(password))]
        return tuple(dict.fromkeys([s.reveal() for s in held if s] + spelt))


def celery_url(url: str) -> str:
    """Return Celery's URL of a Redis: its database 0."""
    if url.startswith("unix:"):
        return f"redis+socket{url.removeprefix('unix')}?virtual_host=0"
    return f"{url}/0"


def _needed(name: str, url: str | None) -> str:
    if url:
        return url
    raise ConfigError(
        [Problem(name, "not set", "the URL of a server", "`metronome up` starts embedded servers")]
    )
