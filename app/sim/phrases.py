"""What the world's newspapers write: titles and summaries whose words go with their tone."""

from random import Random

#: (title, summary) by direction; ``{name}`` is the company or the fund, ``{symbol}`` its ticker.
COMPANY: dict[int, tuple[tuple[str, str], ...]] = {
    1: (
        (
            "{name} ({symbol}) wins large order, shares jump",
            "{name} said it won a large order; analysts see growth and raise estimates.",
        ),
        (
            "{symbol} climbs as analyst upgrades {name} to outperform",
            "The upgrade cites strong demand and a record backlog at {name}.",
        ),
        (
            "{name} announces buyback, {symbol} gains",
            "The buyback is a boost to holders; the stock rose on strong volume.",
        ),
        (
            "{name} gets approval for expansion, {symbol} surges",
            "Approval came early; {name} expects to expand margins and exceed its plan.",
        ),
    ),
    -1: (
        (
            "{name} ({symbol}) warns of weak demand, shares slide",
            "{name} warned that weak orders will slow sales; analysts cut estimates.",
        ),
        (
            "{symbol} drops after analyst downgrades {name}",
            "The downgrade cites fears of a slowdown and overvalued shares at {name}.",
        ),
        (
            "Regulator opens probe into {name}, {symbol} tumbles",
            "The probe follows a lawsuit; the stock fell on worries about fines.",
        ),
        (
            "{name} delays product, {symbol} sinks",
            "The delay is a loss for {name}; suppliers fear further cuts.",
        ),
    ),
    0: (
        (
            "What to know about {name} ({symbol}) this week",
            "A look at {name}, its business and what holders discuss.",
        ),
        (
            "{name} to present at an industry conference",
            "{name} ({symbol}) will present; a webcast will be available.",
        ),
        (
            "Is {symbol} fairly priced? Three views on {name}",
            "Three investors explain how they look at {name}.",
        ),
    ),
}
FUND: dict[int, tuple[tuple[str, str], ...]] = {
    1: (("{symbol} fund gains as flows turn", "The fund climbs; traders see strong flows."),),
    -1: (("{symbol} fund drops as flows turn", "The fund slides; traders see weak flows."),),
    0: (("Inside the {symbol} fund", "How the fund is built and what it holds."),),
}
EARNINGS: dict[int, tuple[tuple[str, str], ...]] = {
    1: (
        (
            "{name} ({symbol}) beats earnings estimates, raises guidance",
            "Quarterly results at {name} exceed views: record revenue and strong margins.",
        ),
    ),
    -1: (
        (
            "{name} ({symbol}) misses earnings estimates, cuts guidance",
            "Quarterly results at {name} miss views: weak revenue, and it warns of slower demand.",
        ),
    ),
}
MARKET: dict[int, tuple[tuple[str, str], ...]] = {
    1: (
        ("Stocks climb as investors turn optimistic", "Indexes gain broadly; technology rallies."),
        ("Wall Street rebounds, technology leads gains", "Buyers return and indexes rise."),
    ),
    -1: (
        ("Stocks slide as worries return", "Indexes drop broadly; technology sinks."),
        ("Wall Street falls, technology leads losses", "Sellers return and indexes tumble."),
    ),
}
SPEECH: dict[int, tuple[tuple[str, str], ...]] = {
    1: (
        (
            "Fed chair says inflation is easing, sees room to support growth",
            "In a speech the chair said that price pressures ease and growth is strong.",
        ),
        (
            "Fed governor signals optimism about growth in remarks",
            "The governor's remarks were optimistic: a strong labour market, easing prices.",
        ),
    ),
    -1: (
        (
            "Fed chair warns inflation risks persist, sounds hawkish in speech",
            "In a speech the chair warned of slower growth and was hawkish on prices.",
        ),
        (
            "Fed governor says progress has slowed, warns on prices",
            "The governor's remarks were hawkish and stoked fears of a slowdown.",
        ),
    ),
}
DECISION: dict[int, tuple[tuple[str, str], ...]] = {
    1: (
        (
            "Fed lowers rates by 25 basis points, statement optimistic",
            "The committee eased policy; the statement sees strong growth and easing prices.",
        ),
    ),
    -1: (
        (
            "Fed raises rates by 25 basis points, statement hawkish",
            "The committee's statement was hawkish; it warns of slower growth and fears prices.",
        ),
    ),
}


def written(
    random: Random, choices: tuple[tuple[str, str], ...], name: str, symbol: str
) -> tuple[str, str]:
    """Return a title and a summary of those that there are."""
    title, summary = random.choice(choices)
    return title.format(name=name, symbol=symbol), summary.format(name=name, symbol=symbol)
