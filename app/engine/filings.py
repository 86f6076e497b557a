"""What a filing says by itself: the tone of the items that a company reports on Form 8-K."""

from collections.abc import Iterable

#: The forms that count, spelt exactly: an amendment (/A) is another form.
FORMS = ("8-K", "10-Q", "10-K", "4")

#: Items of Form 8-K that are bad news by what they are (17 CFR 249.308); others say nothing.
ITEM_TONE = {
    "1.03": -0.9,  # bankruptcy or receivership
    "4.02": -0.8,  # earlier statements should not be relied on
    "3.01": -0.7,  # delisting, or a listing rule that is not met
    "2.04": -0.6,  # a debt falls due earlier
    "2.06": -0.5,  # material impairments
    "1.05": -0.4,  # a material cybersecurity incident
    "2.05": -0.3,  # costs of leaving or closing something
    "4.01": -0.2,  # another auditor
    "1.02": -0.2,  # a material agreement ended
}


def tone(form: str, items: Iterable[str]) -> float | None:
    """Return the tone of a filing: of its worst item, None where no item has one."""
    if form != "8-K":
        return None
    return min((ITEM_TONE[item] for item in items if item in ITEM_TONE), default=None)
