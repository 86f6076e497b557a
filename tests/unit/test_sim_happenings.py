"""What happens beside the prices: the same for a seed, told by the clock, gone with the prices."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim_builders import FRIDAY, SESSIONS

from app.engine.errors import InvalidData
from app.sim.almanac import happenings_of, with_bursts
from app.sim.almanac_json import listing
from app.sim.companies import COMPANIES
from app.sim.happenings import Article, Happenings, entries
from app.sim.headlines import found_beside, read_headlines
from app.sim.market import Market
from app.sim.synthetic import synthetic_market
from app.sim.times import in_new_york
from app.sim.words import label, tone

RECORDED = next((p / "shared" for p in Path(__file__).parents if (p / "shared").is_dir()), None)
DAYS = SESSIONS[:2]
MARKET = synthetic_market(7, DAYS)
HAPPENINGS = happenings_of(MARKET, DAYS, 7)
ROW = "2026-03-20T14:30:00Z,{tickers},{title},Wire,https://example.com/{title}\n"
HEADER = "published_utc,tickers,title,source,url\n"


def today() -> list[Article]:
    return [a for a in HAPPENINGS.articles if in_new_york(a.at).date() == FRIDAY]


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    again = happenings_of(synthetic_market(7, DAYS), DAYS, 7)
    assert (again.articles, again.filings) == (HAPPENINGS.articles, HAPPENINGS.filings)
    other = happenings_of(MARKET, DAYS, 8)
    assert other.articles != HAPPENINGS.articles
    assert other.filings != HAPPENINGS.filings


def test_a_day_has_something_of_every_kind() -> None:
    kinds = Counter(a.kind for a in today())
    assert set(kinds) >= {"company", "noise", "fed_speech", "tech_earnings", "market_news"}
    assert kinds["hostile"] == sum(a.hostile for a in today()) == 6
    forms = Counter(f.form for f in HAPPENINGS.filings if f.symbol)
    assert set(forms) == {"8-K", "10-Q", "10-K", "4", "8-K/A", "10-Q/A", "4/A"}
    assert sum(f.hostile for f in HAPPENINGS.filings) == 2 * len(DAYS)
    assert {f.form for f in HAPPENINGS.filings if not f.symbol} >= {"424B2", "8-K", "4"}


def test_every_third_day_has_a_rate_decision_at_two() -> None:
    decisions = [
        a
        for seed in range(3)
        for a in happenings_of(MARKET, DAYS[1:], seed).articles
        if a.kind == "rate_decision"
    ]
    assert [f"{in_new_york(a.at):%H:%M:%S}" for a in decisions] == ["14:00:05"]


def test_the_tone_of_news_goes_with_the_prices_around_them() -> None:
    agree, told = 0, 0
    for article in HAPPENINGS.articles:
        if article.kind not in ("company", "tech_earnings", "contrary"):
            continue
        tape = MARKET.tapes[article.symbols[0]]
        first = max(0, tape.bar_at(article.at) - 4)
        change = np.log(tape.close[min(first + 17, tape.close.size - 1)] / tape.close[first])
        told, agree = told + 1, agree + (change * article.tone > 0)
    assert told > 60
    assert 0.6 < agree / told < 0.98


def test_what_is_said_has_the_sign_of_the_tone_it_is_given() -> None:
    for article in HAPPENINGS.articles:
        said, words = tone(f"{article.title} {article.summary}")
        if not article.hostile and article.kind != "noise":
            assert words, article.title
            assert said * article.tone > 0, article.title


def test_numbers_addresses_and_accessions_name_one_thing_each() -> None:
    articles, filings = HAPPENINGS.articles, HAPPENINGS.filings
    assert len({a.id for a in articles}) == len({a.url for a in articles}) == len(articles)
    assert len({f.accession for f in filings}) == len(filings)
    roles = [[p.role for p in f.parties] for f in filings if f.form == "4"]
    assert all(r.count("Issuer") == 1 and len(r) >= 2 for r in roles)
    assert max(len(r) for r in roles) >= 3


@given(st.floats(0, 1), st.floats(0, 1))
def test_nothing_is_told_before_its_moment(place: float, width: float) -> None:
    start, end = DAYS[0].open - 3600, DAYS[1].close + 3600
    now = start + place * (end - start)
    since = now - width * 7 * 3600
    told, accepted = HAPPENINGS.told(since, now), HAPPENINGS.accepted(since, now)
    assert list(told) == [a for a in HAPPENINGS.articles if since <= a.at <= now]
    assert list(accepted) == [f for f in HAPPENINGS.filings if since <= f.at <= now]
    assert all(one.at <= two.at for one, two in pairwise(told))


def test_between_two_looks_everything_is_told_once() -> None:
    looks = np.linspace(DAYS[0].open, DAYS[1].close, 500)
    told = [a for since, now in pairwise(looks) for a in HAPPENINGS.told_after(since, now)]
    assert told == list(HAPPENINGS.told_after(looks[0], looks[-1]))


def test_loud_news_are_traded_on_and_prices_stay() -> None:
    burst = with_bursts(MARKET, HAPPENINGS)
    louder = [s for s in MARKET.symbols if (burst.tapes[s].volume > MARKET.tapes[s].volume).any()]
    assert len(louder) >= 5
    for symbol in MARKET.symbols:
        before, after = MARKET.tapes[symbol], burst.tapes[symbol]
        assert np.array_equal(before.close, after.close)
        assert (after.volume >= before.volume).all()
        assert ((after.volume > before.volume) <= (after.volume >= 1.9 * before.volume)).all()


def test_the_list_of_entries_is_newest_first_and_has_each_party() -> None:
    listed = list(entries(HAPPENINGS.filings))
    assert len(listed) == sum(len(f.parties) for f in HAPPENINGS.filings)
    assert all(one.at >= two.at for (one, _), (two, _) in pairwise(listed))


def test_a_listing_says_what_will_happen() -> None:
    noon = DAYS[1].open + 9000
    shown = listing(HAPPENINGS, noon, None)
    assert shown["date"] == FRIDAY.isoformat()
    assert sum(shown["counts"]["articles"].values()) == len(shown["articles"]) == len(today())
    assert {a["told"] for a in shown["articles"]} == {True, False}
    assert len(listing(HAPPENINGS, noon, "all")["articles"]) == len(HAPPENINGS.articles)
    assert listing(HAPPENINGS, noon, "2030-01-01")["filings"] == []
    with pytest.raises(ValueError):
        listing(HAPPENINGS, noon, "tomorrow")


def test_a_day_with_recorded_headlines_has_no_invented_ones_but_the_hostile(tmp_path: Path) -> None:
    file = tmp_path / "headlines_x.csv"
    file.write_text(HEADER + ROW.format(tickers="NVDA AMD", title="Nvidia surges"))
    made = happenings_of(MARKET, DAYS, 7, read_headlines([file]))
    friday = [a for a in made.articles if in_new_york(a.at).date() == FRIDAY]
    assert Counter(a.kind for a in friday) == {"hostile": 6, "recorded": 1}
    told = next(a for a in friday if a.recorded)
    assert (told.symbols, told.title, told.tone > 0) == (("NVDA", "AMD"), "Nvidia surges", True)
    assert {a.kind for a in made.articles if a not in friday} > {"company", "noise"}
    assert made.filings == HAPPENINGS.filings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no column published_utc"),
        (HEADER + "noon,NVDA,x,y,z\n", "row 2: published_utc 'noon' is no time"),
        (HEADER + "2026-03-20T14:30:00Z,NVDA\n", ""),
    ],
)
def test_a_wrong_file_of_headlines_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "headlines.csv"
    file.write_text(text)
    if not said:
        assert read_headlines([file])[0].title == ""
        return
    with pytest.raises(InvalidData, match=str(file)) as caught:
        read_headlines([file])
    assert said in str(caught.value)


def test_a_missing_file_of_headlines_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="No such file"):
        read_headlines([tmp_path / "none.csv"])


@pytest.mark.skipif(RECORDED is None, reason="the recorded news are not beside the project")
def test_recorded_headlines_are_read_as_they_are() -> None:
    assert RECORDED is not None
    articles = read_headlines(found_beside(RECORDED / "data/bars/us_minute"))
    days = Counter(in_new_york(a.at).date().isoformat() for a in articles)
    assert (len(articles), days["2026-03-20"]) == (172, 113)
    assert all(a.recorded and a.wire and not a.hostile for a in articles)
    assert {"NVDA", "SMCI"} in [set(a.symbols) for a in articles]
    plunge = next(a for a in articles if a.title.startswith("Supermicro stock plunges"))
    assert plunge.tone < 0


def test_headlines_are_found_beside_the_bars(tmp_path: Path) -> None:
    bars, news = tmp_path / "bars" / "us_minute", tmp_path / "news"
    bars.mkdir(parents=True)
    assert found_beside(bars) == ()
    news.mkdir()
    (news / "headlines_2026-03.csv").write_text(HEADER)
    (news / "other.csv").write_text("x")
    assert [f.name for f in found_beside(bars)] == ["headlines_2026-03.csv"]


def test_a_market_without_companies_or_trades_has_a_quiet_day() -> None:
    market = Market({"SQQQ": MARKET.tapes["SQQQ"]}, "test")
    made = happenings_of(market, DAYS, 7)
    assert not any(f.symbol for f in made.filings)
    assert {s for a in made.articles for s in a.symbols} <= {"SQQQ", "QQQ"}
    assert happenings_of(market, SESSIONS[2:], 7).articles == ()
    assert Happenings().told(0, 1e12) == ()
    assert not set(COMPANIES) & {"SQQQ"}


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (-0.35, "Bearish"),
        (-0.15, "Somewhat-Bearish"),
        (-0.149, "Neutral"),
        (0.149, "Neutral"),
        (0.15, "Somewhat-Bullish"),
        (0.35, "Bullish"),
    ],
)
def test_labels_are_those_of_the_service(score: float, said: str) -> None:
    assert label(score) == said
