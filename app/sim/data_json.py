"""Market data as the service writes it: JSON numbers, ``t`` still in epoch seconds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.sim.happenings import Article
from app.sim.market import Quote
from app.sim.tape import TRADES_A_MINUTE, Tape, Trade
from app.sim.times import rfc3339


def bar_json(tape: Tape, bar: int) -> dict[str, Any]:
    """Return a minute bar; its trades are of one size, so their mean is the vwap."""
    o, h, low, c = (float(a[bar]) for a in (tape.open, tape.high, tape.low, tape.close))
    return {
        "t": float(tape.starts[bar]),
        "o": o,
        "h": h,
        "l": low,
        "c": c,
        "v": int(tape.volume[bar]),
        "n": TRADES_A_MINUTE,
        "vw": round((o + c + (h + low) * 1.5) / TRADES_A_MINUTE, 6),
    }


def merged_bars(
    tape: Tape, first: int, last: int, groups: Sequence[int], starts: Sequence[float]
) -> list[dict[str, Any]]:
    """Merge minute bars [first, last) into longer ones; ``groups`` are where each begins."""
    cuts = np.asarray(groups)
    part = slice(first, last)
    volume = tape.volume[part]
    extremes = (tape.high[part] + tape.low[part]) * 1.5
    typical = (tape.open[part] + extremes + tape.close[part]) / TRADES_A_MINUTE
    ends = np.append(cuts[1:], last - first) - 1
    volumes = np.add.reduceat(volume, cuts)
    weighted = np.add.reduceat(typical * volume, cuts)
    plain = np.add.reduceat(typical, cuts) / (ends - cuts + 1)
    vwaps = np.where(volumes > 0, weighted / np.maximum(volumes, 1), plain)
    return [
        {
            "t": starts[i],
            "o": float(tape.open[part][cuts[i]]),
            "h": float(h),
            "l": float(low),
            "c": float(tape.close[part][ends[i]]),
            "v": int(volumes[i]),
            "n": TRADES_A_MINUTE * int(ends[i] - cuts[i] + 1),
            "vw": round(float(vwaps[i]), 6),
        }
        for i, (h, low) in enumerate(
            zip(
                np.maximum.reduceat(tape.high[part], cuts),
                np.minimum.reduceat(tape.low[part], cuts),
                strict=True,
            )
        )
    ]


def trade_json(trade: Trade) -> dict[str, Any]:
    """Return a trade; its id is unique in a symbol's day."""
    return {
        "t": trade.at,
        "x": "V",
        "p": float(trade.price),
        "s": trade.size,
        "c": ["@"],
        "i": trade.bar * TRADES_A_MINUTE + trade.tick + 1,
        "z": "C",
    }


def quote_json(quote: Quote) -> dict[str, Any]:
    """Return a quote."""
    return {
        "t": quote.at,
        "ax": "V",
        "ap": float(quote.ask),
        "as": quote.size,
        "bx": "V",
        "bp": float(quote.bid),
        "bs": quote.size,
        "c": ["R"],
        "z": "C",
    }


def article_json(article: Article) -> dict[str, Any]:
    """Return an article as Alpaca gives it; its times are in epoch seconds.

    What is no text (half of a surrogate pair) becomes a question mark, as in any UTF-8.
    """
    return {
        "id": article.id,
        "headline": _utf8(article.title),
        "summary": _utf8(article.summary),
        "content": "",
        "author": article.source,
        "created_at": article.at,
        "updated_at": article.at,
        "url": article.url,
        "symbols": list(article.symbols),
        "source": "benzinga",
    }


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def dated(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message with its time written out."""
    return {**message, "t": rfc3339(message["t"])}
