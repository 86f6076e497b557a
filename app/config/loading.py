"""Reading the settings: environment over .env over a book's file over defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from app.config import books, dotenv
from app.config.book_checks import check_accounts, check_book
from app.config.book_names import BOOK, FLAT_BOOK, NUMBERS
from app.config.errors import ConfigError, Problem
from app.config.modes import Told, check_process
from app.config.names import PROCESS, Name
from app.config.settings import Alpaca, Api, Secret, Setting, Settings, Sources
from app.engine.book import Book, Mode

ACCEPTED = {name.name: name for name in (*PROCESS, *NUMBERS)}
_OURS = "METRONOME_"


@dataclass(slots=True)
class _Reading:
    """What has been read so far, and what is wrong with it."""

    environ: Mapping[str, str]
    entries: Mapping[str, dotenv.Entry]
    env_file: str
    problems: list[Problem] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)

    def sources(self, name: Name, preset: tuple[str, str] | None) -> list[tuple[str, str]]:
        """Return (text, origin) where a setting is given, strongest first; empty is not given."""
        given = []
        if text := self.environ.get(name.name, "").strip():
            given.append((text, "environment"))
        if (entry := self.entries.get(name.name)) and entry.value:
            given.append((entry.value, f"{self.env_file} line {entry.line}"))
        if preset:
            given.append(preset)
        if name.default is not None:
            given.append((name.default, "default"))
        return given

    def value(self, label: str, name: Name, sources: list[tuple[str, str]]) -> Any:
        """Return the strongest value, None where there is none; note every source that is wrong."""
        text, origin = sources[0] if sources else ("", "not set")
        self.settings.append(Setting(label, text, origin, name.secret))
        values = []
        for given, where in sources:
            try:
                values.append(name.kind.parse(given))
            except ValueError:
                shown = "****" if name.secret else repr(given)
                said = f"{shown} ({where})"
                self.problems.append(Problem(label, said, name.kind.accepted))
                values.append(None)
        return values[0] if values else None


def load(
    environ: Mapping[str, str],
    env_file: Path = Path(".env"),
    books_dir: Path = books.PRESETS,
    *,
    confirm_real: bool = False,
) -> Settings:
    """Return the settings in force. Raises ConfigError, which names every wrong one.

    ``confirm_real`` is the operator's --confirm-real-trading; commands that only look pass True.
    """
    entries, problems = dotenv.read(env_file)
    reading = _Reading(environ, entries, env_file.name, problems)
    problems += _unknown_names(environ, entries, env_file.name)
    values = {
        name.name: reading.value(name.name, name, reading.sources(name, None)) for name in PROCESS
    }
    told = Told(
        in_environment=environ.get("TRADING_MODE", "").strip(),
        in_file=entries["TRADING_MODE"].value if "TRADING_MODE" in entries else "",
        confirmed=confirm_real,
        keys=tuple(reading.sources(ACCEPTED["ALPACA_API_KEY"], None)),
    )
    problems += check_process(values, told)
    named = values["METRONOME_BOOKS"] or ()
    built = tuple(b for name in named if (b := _book(reading, name, books_dir, values)))
    problems += check_accounts(built)
    if problems:
        raise ConfigError(problems)
    return _settings(values, built, tuple(reading.settings))


def _book(reading: _Reading, book_id: str, folder: Path, process: Mapping[str, Any]) -> Book | None:
    test = bool(process["TEST_MODE_ENABLED"])
    presets, problems = books.read(folder / f"{book_id}.toml", test=test)
    reading.problems += problems
    values = {}
    for name in BOOK:
        preset = presets.get(name.path)
        flat = book_id == FLAT_BOOK and bool(name.name)
        sources = reading.sources(name, preset) if flat else [preset] if preset else []
        label = name.name if flat else f"{book_id}.{name.path}"
        if sources:
            values[name.path] = reading.value(label, name, sources)
    reading.problems += check_book(book_id, {p: v for p, v in values.items() if v is not None})
    if reading.problems:
        return None
    mode, auto = Mode(process["TRADING_MODE"]), bool(process["AUTO_MODE"])
    return books.build(book_id, values, mode=mode, auto=auto)


def _unknown_names(
    environ: Mapping[str, str], entries: Mapping[str, dotenv.Entry], file: str
) -> list[Problem]:
    """Name what no setting is called: all of .env's, and the environment's that nearly are ours."""
    in_file = [
        _unknown(name, f"{file} line {entry.line}", near=0.6)
        for name, entry in entries.items()
        if name not in ACCEPTED
    ]
    ours = [name for name in environ if name.startswith(_OURS) and name not in ACCEPTED]
    misspelt = [_unknown(name, "environment", near=0.8) for name in ours]
    return in_file + [problem for problem in misspelt if problem.hint]


def _unknown(name: str, where: str, near: float) -> Problem:
    close = get_close_matches(name.upper(), ACCEPTED, n=1, cutoff=near)
    hint = f"Did you mean {close[0]}?" if close else ""
    return Problem(name, f"not a setting ({where})", "the names in .env.example", hint)


def _settings(
    values: Mapping[str, Any], built: tuple[Book, ...], origins: tuple[Setting, ...]
) -> Settings:
    return Settings(
        mode=Mode(values["TRADING_MODE"]),
        auto=values["AUTO_MODE"],
        test_mode=values["TEST_MODE_ENABLED"],
        real_disabled=values["DISABLE_REAL_TRADING"],
        slack_disabled=values["DISABLE_SLACK_ALERTS"],
        database_url=values["DATABASE_URL"],
        redis_url=values["REDIS_URL"],
        alpaca=_alpaca(values),
        sources=_sources(values),
        paper_cash=values["PAPER_CASH"],
        market_speed=values["MARKET_SPEED"],
        api=Api(values["API_HOST"], values["API_PORT"], _secret(values["API_TOKEN"])),
        resolve_delays_s=values["RESOLVE_DELAYS_SECONDS"],
        adopt_positions=values["ADOPT_POSITIONS"],
        worker_concurrency=values["WORKER_CONCURRENCY"],
        state=values["METRONOME_STATE"],
        books=built,
        log_level=values["LOG_LEVEL"],
        origins=origins,
    )


def _alpaca(values: Mapping[str, Any]) -> Alpaca:
    host = "api" if values["TRADING_MODE"] == Mode.REAL else "paper-api"
    trading = (values["ALPACA_TRADING_URL"] or f"https://{host}.alpaca.markets").rstrip("/")
    return Alpaca(
        key=_secret(values["ALPACA_API_KEY"]),
        secret=_secret(values["ALPACA_SECRET_KEY"]),
        trading_url=trading,
        data_url=values["ALPACA_DATA_URL"].rstrip("/"),
        stream_url=values["ALPACA_STREAM_URL"] or f"ws{trading.removeprefix('http')}/stream",
        data_stream_url=values["ALPACA_DATA_STREAM_URL"]
        or f"wss://stream.data.alpaca.markets/v2/{values['ALPACA_FEED']}",
        feed=values["ALPACA_FEED"],
    )


def _sources(values: Mapping[str, Any]) -> Sources:
    return Sources(
        alphavantage_url=values["ALPHAVANTAGE_URL"].rstrip("/"),
        alphavantage_key=_secret(values["ALPHAVANTAGE_API_KEY"]),
        edgar_url=values["EDGAR_URL"].rstrip("/"),
        edgar_agent=values["EDGAR_USER_AGENT"],
        openai_url=values["OPENAI_BASE_URL"].rstrip("/"),
        openai_key=_secret(values["OPENAI_API_KEY"]),
    )


def _secret(text: str | None) -> Secret | None:
    return Secret(text) if text else None
