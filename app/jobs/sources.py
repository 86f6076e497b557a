"""Where news and filings come from: the sources that the settings have a key or a name for."""

from app.config.kinds import is_loopback
from app.config.settings import Settings
from app.io.feeds.port import EventSource, Source

#: Wall seconds between two requests to the SEC, which allows ten a second to all of a user's.
EDGAR_PAUSE_S = 0.2


def event_sources(told: Settings) -> dict[str, EventSource]:
    """Return the sources by name, in the order in which they are asked.

    A client is imported when its source is wired, not when a worker starts.
    """
    return {**_alphavantage(told), **_alpaca(told), **_edgar(told)}


def _alphavantage(told: Settings) -> dict[str, EventSource]:
    of = told.sources
    if of.alphavantage_key is None:
        return {}
    from app.io.feeds.news_alphavantage import TOPICS, AlphaVantageNews

    key = of.alphavantage_key.reveal()
    return {
        f"alphavantage.{name}": AlphaVantageNews(of.alphavantage_url, key, topics)
        for name, topics in TOPICS.items()
    }


def _alpaca(told: Settings) -> dict[str, EventSource]:
    if told.alpaca.key is None or told.alpaca.secret is None:
        return {}
    from app.io.feeds.news_alpaca import AlpacaNews

    keys = told.alpaca.key.reveal(), told.alpaca.secret.reveal()
    return {"alpaca": AlpacaNews(Source(told.alpaca.data_url, *keys))}


def _edgar(told: Settings) -> dict[str, EventSource]:
    if told.sources.edgar_agent is None:
        return {}
    from app.io.feeds.filings_edgar import EdgarFilings

    url, agent = told.sources.edgar_url, told.sources.edgar_agent
    return {"edgar": EdgarFilings(url, agent, edgar_pause_s(told))}


def edgar_pause_s(told: Settings) -> float:
    """Return the wall seconds between two requests: the SEC's own clock never runs faster.

    A simulated exchange on this machine has no such rule, and a market that runs at its speed.
    """
    simulated = is_loopback(told.sources.edgar_url)
    return EDGAR_PAUSE_S / max(told.market_speed, 1.0) if simulated else EDGAR_PAUSE_S
