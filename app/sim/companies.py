"""Who files with the SEC: the market's companies, and others that trade nowhere here."""

#: The market's companies: name as the SEC writes it, and its number there.
COMPANIES: dict[str, tuple[str, int]] = {
    "NVDA": ("NVIDIA CORP", 1045810),
    "AAPL": ("Apple Inc.", 320193),
    "MSFT": ("MICROSOFT CORP", 789019),
    "TSLA": ("Tesla, Inc.", 1318605),
    "AMZN": ("AMAZON COM INC", 1018724),
    "GOOGL": ("Alphabet Inc.", 1652044),
    "GOOG": ("Alphabet Inc.", 1652044),
    "META": ("Meta Platforms, Inc.", 1326801),
    "AMD": ("ADVANCED MICRO DEVICES INC", 2488),
    "AVGO": ("Broadcom Inc.", 1730168),
    "NFLX": ("NETFLIX INC", 1065280),
    "INTC": ("INTEL CORP", 50863),
    "MU": ("MICRON TECHNOLOGY INC", 723125),
    "COIN": ("Coinbase Global, Inc.", 1679788),
    "PLTR": ("Palantir Technologies Inc.", 1321655),
}
#: Funds have tickers there, but the filings of the day are not theirs.
FUNDS: dict[str, tuple[str, int]] = {
    "SPY": ("SPDR S&P 500 ETF TRUST", 884394),
    "QQQ": ("INVESCO QQQ TRUST, SERIES 1", 1067839),
}
#: Names that no company here has, some with letters that only ISO-8859-1 writes in one byte.
STRANGERS = tuple(
    f"{first} {second}"
    for first in (
        "Exempla",
        "Société Modèle",
        "Müller & Beispiel",
        "Placeholder",
        "Señal",
        "Nowhere",
    )
    for second in ("Holdings, Inc.", "Bancorp", "Therapeutics PLC", "Funding LLC", "Energy L.P.")
)
FIRST_STRANGER = 2_900_001
#: Persons have numbers too; theirs say that nobody is meant.
FIRST_PERSON = 2_990_001


def stranger(number: int) -> tuple[str, int]:
    """Return one of the companies that are not in the market, by any number."""
    index = number % len(STRANGERS)
    return STRANGERS[index], FIRST_STRANGER + index


def ticker_table() -> dict[str, dict[str, object]]:
    """Return company_tickers.json: ``cik_str`` is a number without zeros in front."""
    known = [*COMPANIES.items(), *FUNDS.items()]
    rows = [(ticker, name, cik) for ticker, (name, cik) in known]
    rows += [(f"ZZ{n:02}", *stranger(n)) for n in range(len(STRANGERS))]
    return {
        str(n): {"cik_str": cik, "ticker": ticker, "title": name}
        for n, (ticker, name, cik) in enumerate(rows)
    }
