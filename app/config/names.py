"""The names that a process is told in its environment or in .env."""

from dataclasses import dataclass

from app.config import kinds
from app.config.kinds import Kind


@dataclass(frozen=True, slots=True)
class Name:
    """A setting: what it is called, what it takes, and what it is without being set.

    ``path`` is the place of a book's number in its TOML file; a book's file sets what has no
    ``default``. ``default`` None without a path: not set.
    """

    name: str
    kind: Kind
    help: str
    default: str | None = None
    path: str = ""
    secret: bool = False


PROCESS: tuple[Name, ...] = (
    Name(
        "TRADING_MODE",
        kinds.choice("PAPER", "REAL"),
        "REAL must stand in the environment and in .env alike, and needs --confirm-real-trading",
        "PAPER",
    ),
    Name("AUTO_MODE", kinds.FLAG, "0: decide, record and report, but submit nothing", "1"),
    Name(
        "TEST_MODE_ENABLED",
        kinds.FLAG,
        "1: the smaller test numbers of the book's [test] tables",
        "0",
    ),
    Name("DISABLE_REAL_TRADING", kinds.FLAG, "1: refuse to start with TRADING_MODE=REAL", "0"),
    Name("DISABLE_SLACK_ALERTS", kinds.FLAG, "1: nothing is sent to Slack", "0"),
    Name(
        "DATABASE_URL",
        kinds.url("postgresql", "postgresql+psycopg2", "postgres", host=False),
        "your PostgreSQL (15 or newer); not set: the embedded one of `metronome up`",
        secret=True,
    ),
    Name(
        "REDIS_URL",
        kinds.REDIS,
        "your Redis or Valkey, databases 0 and 1; not set: the embedded one of `metronome up`",
        secret=True,
    ),
    Name("ALPACA_API_KEY", kinds.TEXT, "the key's id; paper ones start with PK", secret=True),
    Name("ALPACA_SECRET_KEY", kinds.TEXT, "the key's secret", secret=True),
    Name(
        "ALPACA_TRADING_URL",
        kinds.url("https", "http"),
        "not set: https://paper-api.alpaca.markets, or https://api.alpaca.markets where REAL",
    ),
    Name(
        "ALPACA_DATA_URL",
        kinds.url("https", "http"),
        "where quotes and bars come from",
        "https://data.alpaca.markets",
    ),
    Name(
        "ALPACA_STREAM_URL",
        kinds.url("wss", "ws"),
        "order updates; not set: /stream of the trading URL",
    ),
    Name(
        "ALPACA_DATA_STREAM_URL",
        kinds.url("wss", "ws"),
        "bars and news as they come; not set: Alpaca's own, by ALPACA_FEED",
    ),
    Name(
        "ALPHAVANTAGE_API_KEY",
        kinds.TEXT,
        "the key for Alpha Vantage's news; not set: none from there",
        secret=True,
    ),
    Name(
        "ALPHAVANTAGE_URL",
        kinds.url("https", "http"),
        "where Alpha Vantage answers",
        "https://www.alphavantage.co",
    ),
    Name(
        "EDGAR_USER_AGENT",
        kinds.AGENT,
        "who asks the SEC for filings, as it demands; not set: no filings",
    ),
    Name("EDGAR_URL", kinds.url("https", "http"), "where filings are", "https://www.sec.gov"),
    Name(
        "OPENAI_API_KEY",
        kinds.TEXT,
        "the key of the language model; not set: it is never asked",
        secret=True,
    ),
    Name(
        "OPENAI_BASE_URL",
        kinds.url("https", "http"),
        "any server that speaks OpenAI's protocol",
        "https://api.openai.com/v1",
    ),
    Name(
        "PAPER_CASH",
        kinds.amount("1", "1000000000"),
        'what the ledger of a book with broker = "paper" begins with',
        "100000",
    ),
    Name(
        "ALPACA_FEED",
        kinds.choice("iex", "sip"),
        "the market data plan: of quotes, history and stream alike",
        "iex",
    ),
    Name(
        "MARKET_SPEED",
        kinds.number("0.01", "10000"),
        "market seconds per wall second; other than 1 only against a simulated exchange",
        "1",
    ),
    Name("API_HOST", kinds.HOST, "where the API listens", "127.0.0.1"),
    Name(
        "API_PORT",
        kinds.count(0, 65535),
        "0: any free port; not set under `metronome up`: the first free one from 8000",
        "8000",
    ),
    Name(
        "API_TOKEN",
        kinds.TOKEN,
        "what callers of the API must send; not set: only /health answers",
        secret=True,
    ),
    Name(
        "RESOLVE_DELAYS_SECONDS",
        kinds.DELAYS,
        "wall seconds between look-ups of an order in doubt; after the last it is not there",
        "2,5,15,60",
    ),
    Name(
        "ADOPT_POSITIONS",
        kinds.FLAG,
        "1: a book that never traded takes over what the account holds of its universe, and sells "
        "it by its rules; 0: such a position stops entries",
        "0",
    ),
    Name("WORKER_CONCURRENCY", kinds.count(1, 64), "children of a worker", "2"),
    Name("METRONOME_STATE", kinds.PATH, "the folder of everything kept on disk", ".metronome"),
    Name(
        "METRONOME_BOOKS",
        kinds.NAMES,
        "the books to run, by their file in books/; at a broker's account one only",
        "us_baskets",
    ),
    Name(
        "LOG_LEVEL",
        kinds.choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        "the least that is logged",
        "INFO",
    ),
)
