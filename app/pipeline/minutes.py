"""Streamed minutes: validated bars become bars of 30 seconds, and their spikes events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.engine.errors import InvalidData
from app.engine.market import Bar, halves
from app.io.feeds import alpaca_json
from app.io.feeds.faults import minute_fault
from app.io.feeds.port import BadEntry
from app.io.store import bars, quarantine
from app.pipeline import spikes
from app.pipeline.services import Services

MINUTE = timedelta(minutes=1)


@dataclass
class Newest:
    """The newest minute of each symbol that this process heard."""

    bars: dict[str, Bar] = field(default_factory=dict)


def take_in(
    to: Services, heard: Sequence[object], corrected: Sequence[object], newest: Newest
) -> int:
    """Store what a stream said of whole minutes of the session; return how many bars were new.

    A minute that has a bar already is left as it is, whoever stored it: the volume between two
    quotes is in it. A correction comes too late for that, but fills a minute that was missed.
    """
    now = to.clock.now()
    sound, bad = _sorted_out(to, heard, corrected, newest, now)
    hours = to.calendar.session_for(now)
    usable = [bar for bar in sound if hours.open <= bar.at < hours.close]
    if not (usable or bad):
        return 0
    with to.database.begin() as db:
        for entry in bad:
            said = {"said": entry.payload}
            quarantine.add(db, to.book.id, now, "stream", entry.symbol or None, entry.reason, said)
        if not usable:
            return 0
        begin, end = min(b.at for b in usable), max(b.at for b in usable) + MINUTE
        known = bars.stored_at(db, to.book.id, [b.symbol for b in usable], begin, end)
        cut = [halves(bar) for bar in usable]
        missed = [two for two in cut if known.isdisjoint((half.symbol, half.at) for half in two)]
        fresh = [half for two in missed for half in two]
        stored = bars.insert(db, to.book.id, fresh, "stream")
        ends = sorted({bar.at + MINUTE for bar in usable})
        for at in ends:
            spikes.record(to, db, hours, at)
    return stored


def _sorted_out(
    to: Services,
    heard: Sequence[object],
    corrected: Sequence[object],
    newest: Newest,
    now: datetime,
) -> tuple[list[Bar], list[BadEntry]]:
    good: list[Bar] = []
    bad: list[BadEntry] = []
    for value, again in (*((v, False) for v in heard), *((v, True) for v in corrected)):
        symbol = _symbol(value)
        if symbol not in to.book.universe.symbols:
            continue
        try:
            bar = alpaca_json.bar(symbol, value)
            before = None if again else newest.bars.get(symbol)
            fault = minute_fault(bar, before, now, to.book.signals.max_bar_move)
            if not again and bar.at <= now and (before is None or bar.at > before.at):
                # The first after a leap is refused; what follows it there is believed.
                newest.bars[symbol] = bar
            if fault is not None:
                raise InvalidData(fault)
            good.append(bar)
        except InvalidData as why:
            bad.append(alpaca_json.bad_entry(symbol, why, value))
    return good, bad


def _symbol(value: object) -> str:
    symbol = value.get("S") if isinstance(value, dict) else None
    return symbol if isinstance(symbol, str) else ""
