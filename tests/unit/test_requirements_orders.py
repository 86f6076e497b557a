"""The numbers of requirements A9, E3, E5, E6, E7, E9, E10 and E12, as they are shipped."""

from decimal import Decimal
from pathlib import Path

import pytest
from builders import MINUTE, SECOND, D

from app.adapters.alpaca.wire import READ_ATTEMPTS
from app.cli.real import COUNTDOWN_S
from app.config.loading import load
from app.engine import debut
from app.engine.caution import OUTAGE
from app.engine.ids import client_order_id
from app.engine.session import Phase
from app.jobs.root import ANSWER_WITHIN_S, CONNECT_WITHIN_S
from app.pipeline import execute, silence
from app.pipeline.ownership import LEASE_S

SETTINGS = load({}, Path("no such file"))
BOOK = SETTINGS.book("us_baskets")
AN_ID = client_order_id("PAPER", "us_baskets", "buy", "AAPL", Decimal(1), "an-intent")

# At their edges: test_pipeline_silence.py, test_pipeline_debut.py, test_pipeline_contact.py,
# test_pipeline_limits.py; and of a session's calendar test_engine_session.py.
NUMBERS = [
    ("A9 phases of a day, and stopped", len(Phase), 7),
    ("E3 characters of an id", len(AN_ID), 32),
    ("E3 look-ups after", SETTINGS.resolve_delays_s, (2.0, 5.0, 15.0, 60.0)),
    ("E5 compared every", BOOK.schedule.reconcile, MINUTE),
    ("E6 an exit without a broker's id", execute.WITHOUT_ID, 15 * MINUTE),
    ("E6 an open order without news", silence.NO_NEWS, 240 * MINUTE),
    ("E7 a lease lasts longer than a call", LEASE_S > CONNECT_WITHIN_S + ANSWER_WITHIN_S, True),
    ("E9 countdown", COUNTDOWN_S, 10),
    ("E9 first order", debut.SHARE, D("0.1")),
    ("E10 no entries after", OUTAGE, 60 * SECOND),
    ("E10 a call takes at most", CONNECT_WITHIN_S + ANSWER_WITHIN_S <= 15, True),
    ("E10 reads are repeated", READ_ATTEMPTS - 1, 3),
    ("E12 orders a minute", BOOK.risk.orders_per_minute, 30),
]


@pytest.mark.parametrize(("requirement", "found", "expected"), NUMBERS)
def test_the_shipped_book_says(requirement: str, found: object, expected: object) -> None:
    assert found == expected, requirement
