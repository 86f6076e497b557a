"""Settings for people: what is in force and why, and the text that documents all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from urllib.parse import quote, urlsplit

from app.config import book_names, books
from app.config.fingerprint import fingerprint
from app.config.names import PROCESS, Name
from app.config.settings import Setting, Settings

MASK = "****"
#: A secret's last characters are shown only where they give nothing away.
LONG_SECRET, TAIL = 16, 4


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of `config show`."""

    name: str
    value: str
    origin: str


def shown(settings: Settings) -> tuple[Shown, ...]:
    """Return every effective value and where it came from, secrets masked."""
    derived = {
        "ALPACA_TRADING_URL": Shown(
            "ALPACA_TRADING_URL", settings.alpaca.trading_url, "from TRADING_MODE"
        ),
        "ALPACA_STREAM_URL": Shown(
            "ALPACA_STREAM_URL", settings.alpaca.stream_url, "from ALPACA_TRADING_URL"
        ),
    }
    return tuple(
        derived[s.name] if s.name in derived and not s.text else Shown(s.name, masked(s), s.origin)
        for s in settings.origins
    )


def masked(setting: Setting) -> str:
    """Return a setting's text; of a secret its tail at most, of a URL all but the password."""
    text = setting.text
    if not setting.secret or not text:
        return text
    if "://" in text:
        return without_password(text)
    return MASK + text[-TAIL:] if len(text) >= LONG_SECRET else MASK


def without_password(url: str) -> str:
    """Return a URL with its password masked."""
    parts = urlsplit(url)
    query = "&".join(
        f"password={MASK}" if word.startswith("password=") else word
        for word in parts.query.split("&")
    )
    netloc = parts.netloc
    if parts.password is not None:
        user = quote(parts.username or "", safe="%")
        netloc = f"{user}:{MASK}@{netloc.rpartition('@')[2]}"
    path = f"{parts.path}?{query}" if query else parts.path
    return f"{parts.scheme}://{netloc}{path}"


def table(settings: Settings) -> str:
    """Return `config show`: a line for each value, and the fingerprint."""
    lines = shown(settings)
    names = max(len(line.name) for line in lines)
    values = min(max(len(line.value) for line in lines), 44)
    rows = (f"{s.name:<{names}}  {s.value or '-':<{values}}  {s.origin}" for s in lines)
    return "\n".join([*rows, f"{'fingerprint':<{names}}  {fingerprint(settings)}"])


def as_json(settings: Settings) -> dict[str, object]:
    """Return `config show --json`."""
    return {
        "fingerprint": fingerprint(settings),
        "settings": {s.name: {"value": s.value, "origin": s.origin} for s in shown(settings)},
    }


HEAD = """\
# Metronome's settings: every name, what it takes, and what it is when it is not set.
# Copy this file to .env and remove the # in front of what you change. The environment comes before
# .env, .env before a book's file in books/. An empty value is not set. A comment may follow a value
# after a blank; quotes keep blanks and # inside. `metronome config show` prints what is in force,
# `metronome config check` names everything that is wrong.
"""

SECTIONS: tuple[tuple[str, tuple[Name, ...]], ...] = (
    ("Processes", PROCESS),
    ("Book us_baskets: what is watched", book_names.UNIVERSE),
    ("Book us_baskets: signals", book_names.SIGNALS),
    ("Book us_baskets: how evidence is mixed", book_names.MIXER),
    ("Book us_baskets: daily caps", book_names.CAPS),
    ("Book us_baskets: events", book_names.EVENTS),
    ("Book us_baskets: language model", book_names.MODEL),
    ("Book us_baskets: routing", book_names.ROUTING),
    ("Book us_baskets: risk", book_names.RISK),
    ("Book us_baskets: exits", book_names.EXITS),
    ("Book us_baskets: session", book_names.SESSION),
    ("Book us_baskets: how often", book_names.SCHEDULE),
    ("Book us_baskets: rate limits", book_names.RATES),
)


def example(folder: Path = books.PRESETS) -> str:
    """Return the text of .env.example."""
    preset, _ = books.read(folder / f"{book_names.FLAT_BOOK}.toml", test=False)
    blocks = [HEAD]
    for title, names in SECTIONS:
        blocks.append(f"\n# -- {title} {'-' * (94 - len(title))}\n")
        for name in names:
            default = preset[name.path][0] if name.path else name.default
            blocks.extend(_documented(name, default))
    return "".join(blocks)


def _documented(name: Name, default: str | None) -> Iterator[str]:
    text = f"{name.help[0].upper()}{name.help[1:]}. Accepted: {name.kind.accepted}."
    yield "\n"
    yield from (f"# {line}\n" for line in wrap(text, 96))
    yield f"#{name.name}={default or ''}\n"
