"""What a text says of a price, by the words in it: how the world's own readers read."""

import re

#: A word's beginning, and what it is worth; what is written without a star is a whole word.
_RISING = """
    beat* surg* soar* jump* rall* gain* climb* rise* rose rising record strong* upgrad* outperform*
    bullish rais* boost* win wins won approv* expand* tops exceed* rebound* growth optimis* eas*
    breakthrough unstoppable profit* buyback* outpace*
"""
_FALLING = """
    miss* plung* tumbl* drop* fall* fell slump* slid* sink* sank weak* downgrad* underperform*
    bearish lower* cut cuts cutting probe* lawsuit* recall* halt* delay* fraud layoff* warn* slow*
    loss* fear* worr* hawkish implosion smuggling jitters overvalued impair* default* dive* crash*
"""


def _pattern(words: str) -> re.Pattern[str]:
    stems = (re.escape(word).replace(r"\*", r"\w*") for word in words.split())
    return re.compile(rf"\b(?:{'|'.join(stems)})\b", re.IGNORECASE)


RISING, FALLING = _pattern(_RISING), _pattern(_FALLING)
#: Weights of one word and of more, so that a text never says more than this.
MOST = 0.9


def tone(text: str) -> tuple[float, int]:
    """Return what a text says in [-0.9, 0.9] and how many words said it."""
    up, down = len(RISING.findall(text)), len(FALLING.findall(text))
    said = up + down
    if not said:
        return 0.0, 0
    return round(MOST * (up - down) / said * said / (said + 1), 4), said


def label(score: float) -> str:
    """Return a score's name as Alpha Vantage writes it."""
    if score <= -0.35:
        return "Bearish"
    if score <= -0.15:
        return "Somewhat-Bearish"
    if score < 0.15:
        return "Neutral"
    return "Somewhat-Bullish" if score < 0.35 else "Bullish"
