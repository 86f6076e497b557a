"""The SEC's current filings as events, within its rules of fair access."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.engine import filings
from app.engine.errors import Transient
from app.engine.events import Event, EventKind
from app.io import clock
from app.io.feeds import edgar_atom, fields
from app.io.feeds.edgar_atom import Entry, Filing
from app.io.feeds.http import Answer, Web, checked, web
from app.io.feeds.port import BadEntry, Events, Take, Watched

BUCKET = "filings"
#: A page's length, and how many pages of one form a fetch reads at most.
PAGE, MOST_PAGES = 100, 10
#: Filings are listed a while after they were accepted, in the order of acceptance.
OVERLAP = timedelta(minutes=10)
#: The SEC shuts out who asks too often or without a name, for longer with every further hit.
SHUT_OUT_S = 600.0
FETCH_S = 20.0
LARGEST_TICKERS = 16_000_000
_MOST_KNOWN = 20_000
_NEW_YORK = ZoneInfo("America/New_York")


class EdgarFilings:
    """Filings of the watched companies; remembers what it saw, and the day's tickers.

    ``pause_s`` wall seconds lie between two requests: the SEC allows ten a second to all machines
    of a user together.
    """

    bucket = BUCKET

    def __init__(self, url: str, agent: str, pause_s: float) -> None:
        self._url = checked(url, "EDGAR_URL")
        self._agent = agent
        self._pause_s = pause_s
        self._known: dict[str, None] = {}
        self._seen: tuple[str, ...] = ()
        self._since: datetime | None = None
        self._tickers: dict[str, tuple[str, ...]] = {}
        self._tickers_of: object = None

    def fetch(self, watched: Watched, since: datetime, now: datetime, take: Take) -> Events:
        entries: list[Entry] = []
        bad: list[BadEntry] = []
        self._remember(since)
        with web("EDGAR", self._url, {"User-Agent": self._agent}, FETCH_S) as source:
            self._learn_tickers(source, watched, now, take)
            for form in filings.FORMS:
                for found, unreadable in self._pages(source, form, since - OVERLAP, take):
                    entries += found
                    bad += unreadable
        self._seen = tuple(entry.accession for entry in entries)
        told = edgar_atom.filings(entries)
        good = [event for filing in told for event in self._events(filing, now)]
        return Events(tuple(good), tuple(bad))

    def _pages(
        self, source: Web, form: str, horizon: datetime, take: Take
    ) -> Iterator[tuple[list[Entry], list[BadEntry]]]:
        """Yield a form's pages, newest first, until they overlap with what is known."""
        for number in range(MOST_PAGES):
            query: dict[str, str | int] = {
                "action": "getcurrent",
                "type": form,
                "company": "",
                "dateb": "",
            }
            query |= {"owner": "include", "start": number * PAGE, "count": PAGE, "output": "atom"}
            answer = self._asked(source, "/cgi-bin/browse-edgar", query, take)
            if number and answer.status == 503:
                # Past its end the list is "unavailable".
                yield [], [_gap(form, f"page {number + 1} is not available")]
                return
            _refuse(answer, "xml")
            entries, bad, held = edgar_atom.page(answer.body)
            # The list is by the beginning of the form's name: "4" brings 424B2 as well.
            yield [e for e in entries if e.form == form and e.at >= horizon], bad
            last = entries[-1] if entries else None
            if held < PAGE or last is None or last.at < horizon or last.accession in self._known:
                return
        yield [], [_gap(form, f"more than {MOST_PAGES * PAGE} are new; the oldest are not read")]

    def _learn_tickers(self, source: Web, watched: Watched, now: datetime, take: Take) -> None:
        """Read once a day which company has which ticker; yesterday's are better than none."""
        wanted = now.astimezone(_NEW_YORK).date(), watched.symbols
        if self._tickers_of == wanted:
            return
        try:
            path = "/files/company_tickers.json"
            answer = self._asked(source, path, {}, take, LARGEST_TICKERS)
            _refuse(answer, "json")
            self._tickers = _by_cik(fields.document("EDGAR", answer.body), watched)
        except Transient as error:
            if not self._tickers or error.retry_after_s:
                raise
        else:
            self._tickers_of = wanted

    def _asked(
        self,
        source: Web,
        path: str,
        query: Mapping[str, str | int],
        take: Take,
        most_bytes: int = 8_000_000,
    ) -> Answer:
        take()
        clock.pause(self._pause_s)
        return source.get(path, query, most_bytes)

    def _remember(self, since: datetime) -> None:
        """Count what was seen last as known, if whoever asked got on: else it was not stored."""
        if self._since is not None and since > self._since:
            self._known |= dict.fromkeys(self._seen)
        self._since, self._seen = since, ()
        for accession in list(self._known)[: max(len(self._known) - _MOST_KNOWN, 0)]:
            del self._known[accession]

    def _events(self, filing: Filing, now: datetime) -> Iterator[Event]:
        symbols = (s for cik in filing.about for s in self._tickers.get(cik, ()))
        for symbol in dict.fromkeys(symbols):
            yield Event(
                id=f"edgar-{filing.accession}:{symbol}",
                kind=EventKind.EDGAR,
                symbol=symbol,
                at=filing.at,
                first_seen_at=now,
                source="edgar",
                title=f"{filing.form} - {filing.company}",
                summary="; ".join(f"Item {number}: {words}" for number, words in filing.items),
                tone=filings.tone(filing.form, (number for number, _ in filing.items)),
                payload={
                    "form": filing.form,
                    "accession": filing.accession,
                    "ciks": list(filing.ciks),
                    "items": [number for number, _ in filing.items],
                    "url": filing.href,
                },
            )


def _refuse(answer: Answer, wanted: str) -> None:
    """Raise Transient for anything but a document of the wanted type. Errors are HTML pages."""
    if answer.status in (403, 429):
        pause = max(answer.retry_after_s or 0.0, SHUT_OUT_S)
        raise Transient(f"EDGAR shuts us out ({answer.status}): see EDGAR_USER_AGENT", pause)
    if answer.status != 200:
        raise Transient(f"EDGAR answered {answer.status}", answer.retry_after_s)
    if wanted not in answer.type:
        raise Transient(f"EDGAR answered {ascii(answer.type)[:40]}, not {wanted}")


def _by_cik(said: Mapping[str, Any], watched: Watched) -> dict[str, tuple[str, ...]]:
    """Return the watched tickers by CIK, padded as the list of filings has it."""
    found: dict[str, tuple[str, ...]] = {}
    for row in said.values():
        if not isinstance(row, dict) or row.get("ticker") not in watched.symbols:
            continue
        cik = row.get("cik_str")
        if isinstance(cik, int) and 0 < cik < 10**10:
            name = f"{cik:010d}"
            found[name] = (*found.get(name, ()), str(row["ticker"]))
    if found:
        return found
    raise Transient("EDGAR's list of tickers has none that is watched")


def _gap(form: str, why: str) -> BadEntry:
    return BadEntry("", f"filings of form {form} may be missing: {why}", "")
