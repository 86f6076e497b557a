"""How an explanation looks in a terminal: the answer first, then the gates, then what is behind."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from rich import box
from rich.table import Table

from app.api.words import in_words
from app.cli.terminal import terminal
from app.engine.attribution import Share
from app.engine.events import Event
from app.engine.rounding import plain
from app.engine.signals import Signal
from app.engine.verdicts import Reason
from app.io.store.chains import Decision
from app.io.store.evidence import CallSeen, OrderSeen
from app.pipeline.why import Explanation

#: Untrusted text is cut here; control characters of a terminal are taken out of it.
LONGEST_TITLE = 90


def show(found: Explanation, zone: ZoneInfo) -> None:
    """Print the chain as a table, a block for each step and subject, and its evidence below."""
    console = terminal()
    last = found.decisions[-1]
    day = last.at.astimezone(zone).date()
    console.print(f"{found.symbol} in {found.book} on {day}, settings {last.settings}")
    console.print(answer(found), style="bold")
    console.print(gates(found.decisions, zone))
    for line in behind(found, zone):
        console.print(line, soft_wrap=True)


def answer(found: Explanation) -> str:
    """Return the answer in one sentence: what stopped the symbol last, or what became of it."""
    last = [d for d in found.decisions if d.symbol == found.symbol][-1]
    own = [order for order in found.orders if order.symbol == found.symbol]
    others = [order for order in found.orders if order.symbol != found.symbol]
    also = f" It is evidence behind: {order_line(others[-1])}." if others else ""
    if last.reason != Reason.PASSED:
        return _stopped(last) + also
    if own:
        return f"It became an order: {order_line(own[-1])}.{also}"
    return f"Nothing has stopped it: the last gate was {last.step}/{last.gate}.{also}"


def _stopped(at: Decision) -> str:
    numbers = [_plain(at.measured or ""), f"limit {_plain(at.limit)}" if at.limit else ""]
    said = ", ".join(number for number in numbers if number)
    return f"Stopped at {at.step}/{at.gate}: {in_words(at.reason)}{f' ({said})' if said else ''}."


def gates(decisions: Sequence[Decision], zone: ZoneInfo) -> Table:
    """Return the table of every gate's answer, refusals highlighted."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("time", "UTC", "step", "about", "", "gate", "measured", "limit", "reason"):
        table.add_column(name, overflow="fold")
    before = None
    for d in decisions:
        block = (d.at, d.step, d.symbol, d.subject)
        if before is not None and block != before:
            table.add_section()
        head = _heading(d, zone) if block != before else ("", "", "", "")
        before = block
        passed = d.reason == Reason.PASSED
        mark, words = ("✓", "") if passed else ("✗", in_words(d.reason))
        numbers = _shown(d.measured, zone), _shown(d.limit, zone)
        table.add_row(*head, mark, d.gate, *numbers, words, style=None if passed else "bold red")
    return table


def _heading(decision: Decision, zone: ZoneInfo) -> tuple[str, str, str, str]:
    kind, _, rest = decision.subject.partition(":")
    about = f"basket {rest.partition(':')[0]}" if kind == "basket" else kind
    local = f"{decision.at.astimezone(zone):%H:%M:%S %Z}"
    return local, f"{decision.at:%H:%M:%S}", decision.step, f"{decision.symbol} {about}".strip()


def _shown(text: str | None, zone: ZoneInfo) -> str:
    """Return a stored time on the exchange's clock, anything else as it is."""
    if text is None:
        return ""
    if not re.match(r"\d{4}-\d\d-\d\dT", text):
        return _plain(text)
    return f"{datetime.fromisoformat(text).astimezone(zone):%H:%M:%S %Z}"


def behind(found: Explanation, zone: ZoneInfo) -> list[str]:
    """Return lines about the signals, events, model calls and orders behind a chain."""
    lines = [_signal_line(signal, zone) for signal in found.signals]
    lines += [_event_line(event, zone) for event in found.events]
    lines += [_call_line(call, zone) for call in found.calls]
    for order in found.orders:
        lines.append(f"order   {order_line(order)}")
        lines += [_share_line(share) for share in found.shares.get(order.client_id, ())]
    if found.witness_of:
        names = ", ".join(f"{name} (metronome why {etf})" for name, etf in found.witness_of)
        lines.append(f"baskets its signals are evidence for: {names}")
    if not found.auto:
        lines.append("AUTO_MODE is 0: decided and recorded, nothing is submitted.")
    return lines


def order_line(order: OrderSeen) -> str:
    """Return an order in one line: what, its state, what filled, for whom."""
    filled = f", filled {plain(order.filled_quantity)}" if order.filled_quantity else ""
    price = "" if order.average_price is None else f" at {plain(round(order.average_price, 6))}"
    basket = f", for basket {order.basket}" if order.basket else ""
    error = f" ({_plain(order.error)})" if order.error else ""
    what = f"{order.side} {plain(order.quantity)} {order.symbol} ({order.purpose})"
    return f"{what} {order.state}{error}{filled}{price}{basket}"


def _signal_line(signal: Signal, zone: ZoneInfo) -> str:
    parts = ", ".join(f"{name} {_number(part)}" for name, part in sorted(signal.components.items()))
    of = f": {parts}" if parts else ""
    return f"signal  {_clock(signal.at, zone)} {signal.symbol} {signal.score:+.4f}{of}"


def _share_line(share: Share) -> str:
    """Return how much a signal moved an order, and which parts of its score did."""
    parts = ", ".join(f"{name} {_percent(part)}" for name, part in share.parts.items())
    return f"  moved {_percent(share.share)} by {share.symbol} {share.reading:+.4f}: {parts}"


def _percent(part: Fraction) -> str:
    return f"{float(100 * part):.1f} %"


def _event_line(event: Event, zone: ZoneInfo) -> str:
    about = event.symbol or "the market"
    title = _plain(event.title)
    cut = title if len(title) <= LONGEST_TITLE else f"{title[:LONGEST_TITLE]}…"
    return f"event   {_clock(event.at, zone)} {event.kind} on {about}, {event.source}: {cut}"


def _call_line(call: CallSeen, zone: ZoneInfo) -> str:
    cost = "not settled" if call.cost_usd is None else f"{plain(call.cost_usd)} USD"
    said = "no answer" if call.answer is None else _plain(json.dumps(call.answer, sort_keys=True))
    outcome = f", {call.outcome}" if call.outcome else ""
    return (
        f"model   {_clock(call.at, zone)} {call.model}, prompt {call.prompt_version}, on"
        f" {call.symbol}: {said}{outcome}, {cost}"
    )


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M:%S %Z}"


def _number(part: object) -> str:
    return f"{part:+.4f}" if isinstance(part, float) else _plain(str(part))


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
