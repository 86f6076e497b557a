"""A page of the SEC's current filings: Atom in, filings out, each accession number once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from app.engine.classify import cleaned
from app.engine.errors import InvalidData, Transient
from app.io.feeds.port import BadEntry

_ATOM = "{http://www.w3.org/2005/Atom}"
_ACCESSION = re.compile(r"accession-number=(\d{10}-\d{2}-\d{6})", re.ASCII)
_TITLE = re.compile(r"(\S[^()]*?) - (.+) \((\d{10})\) \(([A-Za-z ]{1,30})\)", re.ASCII | re.DOTALL)
_ITEM = re.compile(r"Item (\d\.\d\d): ([^\n<]{1,200})", re.ASCII)
_MOST_ITEMS = 30
#: Roles of those whom a filing is about; the others wrote it.
ABOUT = frozenset({"Filer", "Issuer", "Subject"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A filing as one of its parties has it: the list repeats it for each party and role."""

    accession: str
    form: str
    at: datetime
    company: str
    cik: str
    role: str
    items: tuple[tuple[str, str], ...]
    href: str


@dataclass(frozen=True, slots=True)
class Filing:
    """A filing with everyone it is about, and everyone on it."""

    accession: str
    form: str
    at: datetime
    company: str
    about: tuple[str, ...]
    ciks: tuple[str, ...]
    items: tuple[tuple[str, str], ...]
    href: str


def page(body: bytes) -> tuple[list[Entry], list[BadEntry], int]:
    """Read a page: its entries, those that cannot be read, and how many it held.

    ``body`` is bytes, because the page itself declares its encoding. Raises Transient for what is
    no Atom, and for a document that defines entities of its own.
    """
    try:
        feed = fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise Transient(f"EDGAR's page is refused: {type(error).__name__}") from None
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise Transient(f"EDGAR's page is no XML: {type(error).__name__}") from None
    if feed.tag != f"{_ATOM}feed":
        raise Transient(f"EDGAR's page is {ascii(feed.tag)[:60]}, not an Atom feed")
    good: list[Entry] = []
    bad: list[BadEntry] = []
    listed = feed.findall(f"{_ATOM}entry")
    for node in listed:
        try:
            good.append(_entry(node))
        except InvalidData as why:
            bad.append(BadEntry("", str(why), ascii("".join(node.itertext()))[:500]))
    return good, bad, len(listed)


def filings(entries: Iterable[Entry]) -> list[Filing]:
    """Return each accession number once, oldest first, with all of its parties."""
    parties: dict[str, list[Entry]] = {}
    for entry in entries:
        parties.setdefault(entry.accession, []).append(entry)
    made = [_filing(together) for together in parties.values()]
    return sorted(made, key=lambda filing: (filing.at, filing.accession))


def _filing(together: list[Entry]) -> Filing:
    about = [entry for entry in together if entry.role in ABOUT]
    first = (about or together)[0]
    return Filing(
        accession=first.accession,
        form=first.form,
        at=first.at,
        company=first.company,
        about=tuple(dict.fromkeys(entry.cik for entry in about)),
        ciks=tuple(dict.fromkeys(entry.cik for entry in together)),
        items=first.items,
        href=first.href,
    )


def _entry(node: Element) -> Entry:
    accession = _ACCESSION.search(_text(node, "id"))
    named = _TITLE.fullmatch(_text(node, "title").strip())
    category = node.find(f"{_ATOM}category")
    form = "" if category is None else category.get("term", "")
    if accession is None or named is None or not 0 < len(form) <= 20:
        raise InvalidData("an entry without an accession number, a company, a role or a form")
    link = node.find(f"{_ATOM}link")
    items = _ITEM.findall(unescape(_text(node, "summary")[:20_000]))
    return Entry(
        accession=accession[1],
        form=form,
        at=_moment(_text(node, "updated")),
        company=cleaned(named[2], 150),
        cik=named[3],
        role=named[4],
        items=tuple((number, cleaned(words, 200)) for number, words in items[:_MOST_ITEMS]),
        href=cleaned("" if link is None else link.get("href", ""), 500),
    )


def _text(node: Element, name: str) -> str:
    return node.findtext(f"{_ATOM}{name}") or ""


def _moment(said: str) -> datetime:
    """Read the time of acceptance, which carries New York's offset of its day."""
    try:
        at = datetime.fromisoformat(said.strip())
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidData(f"updated is {ascii(said)[:40]}, not a time with its zone")
