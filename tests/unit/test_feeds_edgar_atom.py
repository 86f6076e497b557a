"""The SEC's pages as received, and pages that nobody should be able to hurt us with."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.engine.errors import Transient
from app.io.feeds import edgar_atom
from app.io.feeds.edgar_atom import Entry

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "payloads" / "edgar"
recorded = pytest.mark.skipif(not RECORDED.exists(), reason="the recorded filings are not here")


def entries(folder: str) -> list[Entry]:
    found: list[Entry] = []
    for path in sorted((RECORDED / folder).glob("*.atom.xml")):
        good, bad, held = edgar_atom.page(path.read_bytes())
        assert (bad, held) == ([], len(good))
        found += good
    return found


@recorded
def test_three_polls_give_each_filing_once_with_all_its_parties() -> None:
    polled = [e for n in (1, 2, 3) for e in entries(f"current_all_2025-12-12_poll{n}")]
    filings = edgar_atom.filings(polled)
    assert len(polled) == 900
    assert len({f.accession for f in filings}) == len(filings) < 300
    assert [f.at for f in filings] == sorted(f.at for f in filings)
    [walmart] = [f for f in filings if f.accession == "0000104169-25-000205"]
    assert walmart.about == ("0000104169",)
    assert set(walmart.ciks) >= {"0000104169", "0001678632"}
    assert walmart.company == "Walmart Inc."
    assert walmart.at == datetime(2025, 12, 12, 23, 1, 3, tzinfo=UTC)


@recorded
def test_pages_agree_with_the_list_of_their_entries() -> None:
    with (RECORDED / "current_all_2026-01-12_entries.csv").open() as file:
        listed = {(row["accession"], row["cik"], row["form"]) for row in csv.DictReader(file)}
    found = {(e.accession, e.cik, e.form) for e in entries("current_all_2026-01-12")}
    assert len(found) > 900
    assert found <= listed


@recorded
def test_type_4_brings_other_forms_too() -> None:
    forms = {e.form for e in entries("current_form4_2025-12-12")}
    assert "4" in forms
    assert len(forms) > 1


@recorded
def test_the_items_of_an_8k_are_read() -> None:
    items = {n for e in entries("current_all_2026-01-12") if e.form == "8-K" for n, _ in e.items}
    assert {"2.02", "7.01", "9.01"} <= items


ENTRY = """<entry><title>8-K - {company} (0000320193) (Filer)</title>
<link href="https://www.sec.gov/x-index.htm"/>
<summary type="html">&lt;b&gt;Filed:&lt;/b&gt; today &lt;br&gt;Item 4.02: Non-Reliance</summary>
<updated>{at}</updated><category term="{form}"/>
<id>urn:tag:sec.gov,2008:accession-number={accession}</id></entry>"""


def a_page(head: str = '<?xml version="1.0" encoding="ISO-8859-1" ?>', **changes: str) -> bytes:
    usual = {
        "company": "Soci\xe9t\xe9 & Cie (Holding) - A".replace("&", "&amp;"),
        "at": "2026-03-20T10:00:00-04:00",
        "form": "8-K",
        "accession": "0000320193-26-000001",
    }
    body = ENTRY.format(**usual | changes)
    return f'{head}<feed xmlns="http://www.w3.org/2005/Atom">{body}</feed>'.encode("latin-1")


def test_a_page_is_read_in_its_own_encoding_and_offset() -> None:
    [entry], bad, held = edgar_atom.page(a_page())
    assert (bad, held) == ([], 1)
    assert entry.company == "Soci\xe9t\xe9 & Cie (Holding) - A"
    assert (entry.cik, entry.role) == ("0000320193", "Filer")
    assert entry.at == datetime(2026, 3, 20, 14, tzinfo=UTC)
    assert entry.items == (("4.02", "Non-Reliance"),)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"at": "2026-03-20T10:00:00"}, "updated is '2026-03-20T10:00:00'"),
        ({"at": "yesterday"}, "updated is 'yesterday'"),
        ({"accession": "1"}, "accession"),
        ({"form": ""}, "a form"),
        ({"form": "x" * 1000}, "a form"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named(change: dict[str, str], why: str) -> None:
    good, [bad], held = edgar_atom.page(a_page(**change))
    assert (good, held) == ([], 1)
    assert why in bad.reason


BOMB = '<!DOCTYPE f [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(a_page(BOMB, company="&b;"), id="a bomb of entities"),
        pytest.param(a_page(OUTSIDE, company="&x;"), id="an entity from outside"),
        pytest.param(a_page('<!DOCTYPE f SYSTEM "http://127.0.0.1:1/x">'), id="a DTD from outside"),
        pytest.param(b"<html><body>Request Rate Threshold Exceeded</body></html>", id="HTML"),
        pytest.param(b"<!DOCTYPE html><html lang='en'><p>no", id="HTML as it is"),
        pytest.param(a_page('<?xml version="1.0" encoding="klingon"?>'), id="no encoding"),
        pytest.param(a_page()[:-20], id="cut off"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\xff\xfe", id="bytes"),
        pytest.param(b"{}", id="JSON"),
    ],
)
def test_what_is_no_page_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(Transient, match="EDGAR's page is"):
        edgar_atom.page(body)
