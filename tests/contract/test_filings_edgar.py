"""EDGAR: pages until they overlap, exact forms, one event a filing, and its way of saying no."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from broker_stubs import Behaviour, stub
from source_stubs import (
    ATOM,
    HTML,
    NOW,
    PAYLOADS,
    SINCE,
    TICKERS,
    WATCHED,
    Calls,
    edgar,
    fetch,
    told,
)

from app.engine.errors import Transient

recorded = pytest.mark.skipif(not PAYLOADS.exists(), reason="the recorded payloads are not here")

ENTRY = """<entry><title>{form} - {company} ({cik}) ({role})</title><link href="https://x/y"/>
<summary type="html">&lt;br&gt;Item 2.06: Impairments &lt;br&gt;Item 9.01: Exhibits</summary>
<updated>{at}</updated><category term="{form}"/>
<id>urn:tag:sec.gov,2008:accession-number={accession}</id></entry>"""


def an_entry(number: int, **changes: str) -> str:
    usual = {
        "form": "8-K",
        "company": "Apple Inc.",
        "cik": "0000320193",
        "role": "Filer",
        "at": "2026-03-20T10:59:00-04:00",
        "accession": f"0000320193-26-{number:06d}",
    }
    return ENTRY.format(**usual | changes)


def a_page(*entries: str) -> Behaviour:
    return told(f'<feed xmlns="http://www.w3.org/2005/Atom">{"".join(entries)}</feed>', ATOM)


NONE = a_page()
LISTED = told(TICKERS)


def test_a_filing_is_one_event_of_each_watched_company_it_is_about() -> None:
    person = an_entry(1, form="4", role="Reporting", cik="0000000007", company="A Person")
    issuer = an_entry(1, form="4", role="Issuer", cik="0001652044", company="Alphabet")
    shelf = an_entry(2, form="424B2")
    amended = an_entry(3, form="8-K/A")
    stranger = an_entry(4, cik="0000000008")
    with stub(
        LISTED, a_page(an_entry(5), amended, stranger), NONE, NONE, a_page(person, issuer, shelf)
    ) as server:
        calls = Calls()
        seen = edgar(server.url).fetch(WATCHED, SINCE, NOW, calls)
        asked = [parse_qs(urlsplit(path).query) for path in server.paths()[1:]]
        heads = [request.decode() for request in server.requests]
    assert [(e.symbol, e.payload["form"], e.tone) for e in seen.good] == [
        ("GOOGL", "4", None),
        ("AAPL", "8-K", -0.5),
    ]
    assert {e.payload["accession"] for e in seen.good} == {
        "0000320193-26-000005",
        "0000320193-26-000001",
    }
    assert [a["type"][0] for a in asked] == ["8-K", "10-Q", "10-K", "4"]
    assert asked[0]["output"] == ["atom"]
    assert calls.made == 5
    assert all("A Test test@example.com" in head for head in heads)
    assert all("gzip, deflate" in head for head in heads)
    assert seen.bad == ()


def test_pages_are_read_until_they_overlap() -> None:
    new = [an_entry(n) for n in range(150)]
    old = [an_entry(n, at="2026-03-20T08:00:00-04:00") for n in range(150, 200)]
    first, second = a_page(*new[:100]), a_page(*new[100:], *old)
    again = [first, second, NONE, NONE, NONE]
    with stub(LISTED, *again, *again, first, NONE, NONE, NONE) as server:
        source = edgar(server.url)
        assert len(source.fetch(WATCHED, SINCE, NOW, Calls()).good) == 150
        starts = [parse_qs(urlsplit(path).query).get("start") for path in server.paths()]
        assert starts[1:] == [["0"], ["100"], ["0"], ["0"], ["0"]]
        # Whoever asks for the same again did not store it.
        assert len(source.fetch(WATCHED, SINCE, NOW, Calls()).good) == 150
        # What was seen is where the next look stops; the day's tickers are known.
        assert len(source.fetch(WATCHED, NOW, NOW, Calls()).good) == 100
        assert len(server.requests) == 6 + 5 + 4


def test_a_list_that_ends_in_an_error_page_is_named() -> None:
    full = a_page(*(an_entry(n) for n in range(100)))
    seen = fetch(edgar, LISTED, full, told("<html>", HTML, 503), NONE, NONE, NONE)
    assert len(seen.good) == 100
    assert "form 8-K may be missing: page 2" in seen.bad[0].reason


def test_pages_without_an_end_are_left_and_named() -> None:
    pages = [a_page(*(an_entry(n * 100 + m) for m in range(100))) for n in range(10)]
    seen = fetch(edgar, LISTED, *pages, NONE, NONE, NONE)
    assert len(seen.good) == 1000
    assert "more than 1000 are new" in seen.bad[0].reason


@pytest.mark.parametrize(
    ("status", "headers", "pause_s"),
    [
        (403, {}, 600.0),
        (429, {"Retry_After": "7"}, 600.0),
        (429, {"Retry_After": "900"}, 900.0),
        (429, {"Retry_After": "tomorrow"}, 600.0),
        (503, {}, None),
        (503, {"Retry_After": "30"}, 30.0),
    ],
)
def test_who_is_shut_out_stays_away(
    status: int, headers: dict[str, str], pause_s: float | None
) -> None:
    page = told("<html>Request Rate Threshold Exceeded</html>", HTML, status, **headers)
    for script in ([page], [LISTED, page]):
        with pytest.raises(Transient) as raised:
            fetch(edgar, *script)
        assert raised.value.retry_after_s == pause_s


def test_tickers_are_read_again_for_whom_is_watched_now() -> None:
    page = a_page(an_entry(1))
    with stub(LISTED, *[NONE] * 4, LISTED, page, *[NONE] * 3) as server:
        source = edgar(server.url)
        other = replace(WATCHED, symbols=("GOOG",))
        source.fetch(other, SINCE, NOW, Calls())
        assert len(source.fetch(WATCHED, SINCE, NOW, Calls()).good) == 1
        assert sum("company_tickers" in path for path in server.paths()) == 2


def test_tickers_are_read_once_a_day_and_yesterdays_are_better_than_none() -> None:
    quiet = [NONE] * 4
    gone = told("<html>", HTML, 500)
    with stub(LISTED, *quiet, *quiet, gone, a_page(an_entry(1)), *quiet[1:]) as server:
        source = edgar(server.url)
        source.fetch(WATCHED, SINCE, NOW, Calls())
        source.fetch(WATCHED, SINCE, NOW, Calls())
        tomorrow = NOW + timedelta(days=1)
        assert len(source.fetch(WATCHED, SINCE, tomorrow, Calls()).good) == 1
        assert sum("company_tickers" in path for path in server.paths()) == 2


@recorded
def test_recorded_pages_of_type_4_yield_form_4_alone() -> None:
    folder = PAYLOADS / "edgar" / "current_form4_2025-12-12"
    pages = [told(p.read_text("latin-1"), ATOM) for p in sorted(folder.glob("*.atom.xml"))]
    tickers = {"0": {"cik_str": 1690820, "ticker": "AAPL"}}
    day = datetime(2025, 12, 12, 22, tzinfo=UTC)
    gone = told((folder / "start_5100.http503.html").read_text(), HTML, 503)
    with stub(told(tickers), NONE, NONE, NONE, *pages, gone) as server:
        seen = edgar(server.url).fetch(
            WATCHED, day - timedelta(days=1), day + timedelta(hours=4), Calls()
        )
    assert {e.payload["form"] for e in seen.good} == {"4"}
    assert {e.symbol for e in seen.good} == {"AAPL"}
    assert len({e.id for e in seen.good}) == len(seen.good)
    assert "page 6 is not available" in seen.bad[0].reason
