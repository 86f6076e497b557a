"""A session's filings: the market's companies among many that are not in it."""

from collections.abc import Iterator
from random import Random

from app.sim.companies import COMPANIES, FIRST_PERSON, stranger
from app.sim.happenings import Filing, Party
from app.sim.hostile import ITEMS
from app.sim.times import in_new_york
from app.sim.timetable import Session

#: Filings a session of the market's companies, by form. A few of them, with /A, are corrections.
OURS: dict[str, int] = {"8-K": 6, "4": 10, "10-Q": 2, "10-K": 1, "8-K/A": 1, "10-Q/A": 1, "4/A": 1}
#: Filings of others: forms that begin like ours are in the same lists.
OTHERS: dict[str, int] = {
    "8-K": 40,
    "4": 90,
    "424B2": 40,
    "10-Q": 12,
    "10-K": 6,
    "424B5": 6,
    "D": 20,
}
HOSTILE = 2
#: Filings are accepted from this long before the open until this long after the close (seconds).
BEFORE, AFTER = 3.5 * 3600, 2.0 * 3600
_ITEMS = (
    (
        "Item 2.02: Results of Operations and Financial Condition",
        "Item 9.01: Financial Statements and Exhibits",
    ),
    ("Item 5.02: Departure of Directors or Certain Officers",),
    ("Item 7.01: Regulation FD Disclosure", "Item 9.01: Financial Statements and Exhibits"),
    ("Item 8.01: Other Events",),
    ("Item 1.01: Entry into a Material Definitive Agreement",),
    ("Item 4.02: Non-Reliance on Previously Issued Financial Statements",),
)


def session_filings(symbols: list[str], session: Session, seed: int) -> list[Filing]:
    """Return the filings around a session, the same for the same symbols, session and seed."""
    random = Random(f"filings {seed} {session.day}")
    ours = [s for s in symbols if s in COMPANIES]
    made = [*_of_others(random, session)]
    if ours:
        made += _of_ours(random, ours, session)
    return [
        _numbered(filing, n, session) for n, filing in enumerate(sorted(made, key=lambda f: f.at))
    ]


def _of_ours(random: Random, symbols: list[str], session: Session) -> Iterator[Filing]:
    for form, count in OURS.items():
        for _ in range(count):
            symbol = random.choice(symbols)
            at = random.uniform(session.open - 900, session.close)
            yield _filing(random, at, form, COMPANIES[symbol], symbol)
    for n in range(HOSTILE):
        symbol = random.choice(symbols)
        at = random.uniform(session.open, session.close - 1800)
        parties = (Party(*COMPANIES[symbol], role="Filer"),)
        yield Filing(at, "8-K", "", parties, symbol, (ITEMS[n % len(ITEMS)],), hostile=True)


def _of_others(random: Random, session: Session) -> Iterator[Filing]:
    for form, count in OTHERS.items():
        for n in range(count):
            at = random.uniform(session.open - BEFORE, session.close + AFTER)
            yield _filing(random, at, form, stranger(random.randrange(10_000) + n), "")


def _filing(random: Random, at: float, form: str, company: tuple[str, int], symbol: str) -> Filing:
    plain = form.removesuffix("/A")
    if plain == "4":
        people = [
            FIRST_PERSON + random.randrange(900) for _ in range(random.choice((1, 1, 1, 2, 3)))
        ]
        parties = tuple(Party(f"Person {p % 1000}", p, "Reporting") for p in dict.fromkeys(people))
        parties = (*parties, Party(*company, role="Issuer"))
    else:
        parties = (Party(*company, role="Filer"),)
    items = random.choice(_ITEMS) if plain == "8-K" else ()
    size = f"{random.randrange(4, 900)} KB" if plain != "10-K" else f"{random.randrange(2, 15)} MB"
    return Filing(at, form, "", parties, symbol, items, size)


def _numbered(filing: Filing, number: int, session: Session) -> Filing:
    """Give a filing its accession number: who sent it, the year, and a number of the day."""
    sender, year = filing.parties[0].cik, in_new_york(session.open).strftime("%y")
    ordinal = session.day.timetuple().tm_yday * 1000 + number
    return Filing(
        at=float(int(filing.at)),
        form=filing.form,
        accession=f"{sender:010}-{year}-{ordinal:06}",
        parties=filing.parties,
        symbol=filing.symbol,
        items=filing.items,
        size=filing.size,
        hostile=filing.hostile,
    )
