"""The page about real money lists the items of the checklist, with the numbers of the code."""

import re
from pathlib import Path

from app.cli.real import COUNTDOWN_S
from app.config import readiness as settings
from app.engine.debut import SHARE
from app.engine.readiness import ITEMS
from app.jobs import readiness as machine
from app.pipeline.dress_rehearsal import NAMES, SESSIONS

PAGE = (Path(__file__).parents[2] / "docs" / "real-money.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*)$", PAGE, re.MULTILINE))


def test_the_page_lists_every_item_in_order() -> None:
    assert tuple(ROWS) == ITEMS
    assert ITEMS[-len(NAMES) :] == NAMES


def test_its_numbers_are_the_codes() -> None:
    assert f"{settings.LOOSEST_DAILY_LOSS * 100:.0f} % of equity" in ROWS["limits"]
    assert f"{settings.MOST_POSITIONS} positions" in ROWS["limits"]
    assert f"{settings.MOST_ORDERS_PER_MINUTE} orders" in ROWS["fuse"]
    assert f"{machine.MOST_SKEW.total_seconds():.0f} s apart" in ROWS["clock"]
    assert f"{machine.LEAST_FREE_GB} GB" in ROWS["disk"]
    assert (SESSIONS, COUNTDOWN_S, 1 / SHARE) == (5, 10, 10)
    for words in ("newest five sessions", "ten seconds", "a tenth of its size"):
        assert words in PAGE
