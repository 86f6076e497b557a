"""News, filings and the model over the wire: their shapes, their rules, and real clients."""

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import requests
from defusedxml import ElementTree
from pydantic import BaseModel
from sim_server import Running, exchange

PAYLOADS = next(
    (p / "shared/data/payloads" for p in Path(__file__).parents if (p / "shared").is_dir()),
    Path("shared/data/payloads"),
)
needs_payloads = pytest.mark.skipif(
    not PAYLOADS.is_dir(), reason="the recorded payloads are not beside the project"
)
ATOM = "{http://www.w3.org/2005/Atom}"
AGENT = {"User-Agent": "Contract Test test@example.com"}


class Opinion(BaseModel):
    stance: float
    confidence: float
    reason: str


@pytest.fixture(scope="module")
def world() -> Iterator[Running]:
    with exchange("--rate-limit", "100000", start="15:30", speed="1") as running:
        yield running


@pytest.fixture
def model(world: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key="any",
        base_url=f"{world.url}/v1",
        max_retries=0,
        http_client=httpx2.Client(trust_env=False),
    ) as client:
        yield client


def news(world: Running, **given: Any) -> Any:
    asked = {"function": "NEWS_SENTIMENT", "apikey": "any", "limit": 1000, **given}
    query = {name: value for name, value in asked.items() if value is not None}
    answer = requests.get(f"{world.url}/query", params=query, timeout=10)
    assert answer.status_code == 200
    return answer.json()


def browse(world: Running, **given: Any) -> requests.Response:
    query = {"action": "getcurrent", "output": "atom", "count": 100, **given}
    return sec(world, "/cgi-bin/browse-edgar", query)


def sec(world: Running, path: str, query: dict[str, Any] | None = None) -> requests.Response:
    time.sleep(0.11)  # no more than ten requests a second
    return requests.get(world.url + path, params=query, headers=AGENT, timeout=10)


def listed(answer: requests.Response) -> list[Any]:
    assert answer.status_code == 200
    return list(ElementTree.fromstring(answer.content).iter(f"{ATOM}entry"))


def shape(value: Any) -> Any:
    """Return the names and types of an answer; lists by their first entry."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


@needs_payloads
def test_news_have_the_recorded_shape(world: Running) -> None:
    file = PAYLOADS / "alphavantage/news_sentiment.AAPL.2023-03-07.first_item.json"
    theirs, ours = json.loads(file.read_text()), news(world, tickers="AAPL")
    for one in (theirs, ours):
        one["feed"][0]["banner_image"] = one["feed"][0]["category_within_source"] = ""
    assert shape(ours) == shape(theirs)
    assert ours["items"] == str(len(ours["feed"]))
    assert ours["sentiment_score_definition"] == theirs["sentiment_score_definition"]


def test_topics_and_tickers_are_joined_by_and(world: Running) -> None:
    def titles(**given: Any) -> set[str]:
        return {a["url"] for a in news(world, **given).get("feed", [])}

    both = titles(topics="earnings,technology")
    assert both
    assert both == titles(topics="earnings") & titles(topics="technology")
    assert both < titles(topics="technology")
    assert titles(tickers="SPY,QQQ") < titles(tickers="SPY")
    assert "No articles found" in news(world, tickers="NVDA,TSLA")["Information"]
    fed = news(world, topics="economy_monetary")["feed"]
    assert fed
    assert all("Fed" in a["title"] for a in fed)


def test_news_are_ordered_limited_and_of_the_asked_time(world: Running) -> None:
    latest = [a["time_published"] for a in news(world)["feed"]]
    assert latest == sorted(latest, reverse=True)
    assert len(latest) > 50
    assert len(news(world, limit=200)["feed"]) == len(news(world, limit=None)["feed"]) == 50
    earliest = news(world, sort="EARLIEST", time_from="20260320T1400", time_to="20260320T1800")
    times = [a["time_published"] for a in earliest["feed"]]
    assert times == sorted(times)
    assert "20260320T1400" <= times[0] <= times[-1] <= "20260320T180000"
    now = datetime.fromisoformat(world.get("/sim/clock")["now"])
    assert latest[0] <= f"{now:%Y%m%dT%H%M%S}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"apikey": None},
        {"apikey": ""},
        {"function": "NEWS"},
        {"topics": "gossip"},
        {"time_from": "2026-03-20"},
        {"time_from": "20261399T9999"},
        {"sort": "RANDOM"},
        {"limit": "many"},
    ],
)
def test_a_wrong_question_about_news_is_an_error_with_status_200(
    world: Running, wrong: dict[str, Any]
) -> None:
    assert set(news(world, **wrong)) == {"Error Message"}


def test_the_news_of_a_day_can_be_counted() -> None:
    with exchange("--news-per-day", "2", start="12:00", speed="1") as world:
        assert "feed" in news(world)
        assert "feed" in news(world)
        said = news(world, apikey="secret-key")["Information"]
        assert "2 requests per day" in said
        assert "secret-key" in said  # as the service does: callers must not repeat it


@needs_payloads
def test_filings_have_the_recorded_shape(world: Running) -> None:
    file = PAYLOADS / "edgar/current_form4_2025-12-12/start_0000.atom.xml"
    theirs = next(iter(ElementTree.parse(file).getroot().iter(f"{ATOM}entry")))
    answer = browse(world, type="4")
    assert answer.content.startswith(b'<?xml version="1.0" encoding="ISO-8859-1" ?>')
    for ours in listed(answer):
        assert [(e.tag, set(e.attrib)) for e in ours] == [(e.tag, set(e.attrib)) for e in theirs]
        number = ours.findtext(f"{ATOM}id")
        assert re.fullmatch(r"urn:tag:sec\.gov,2008:accession-number=\d{10}-\d\d-\d{6}", number)
        title = ours.findtext(f"{ATOM}title")
        assert re.fullmatch(r".+ - .+ \(\d{10}\) \((Filer|Issuer|Reporting)\)", title)
        assert ours.findtext(f"{ATOM}updated").endswith("-04:00")
        assert "<b>AccNo:</b>" in ours.findtext(f"{ATOM}summary")


def test_filings_are_found_by_the_beginning_of_their_form_page_by_page(world: Running) -> None:
    seen, start = [], 0
    while (answer := browse(world, type="4", start=start)).status_code == 200:
        seen += listed(answer)
        start += 100
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert start >= 200
    assert {e.find(f"{ATOM}category").get("term") for e in seen} == {"4", "4/A", "424B2", "424B5"}
    numbers = [e.findtext(f"{ATOM}id") for e in seen]
    assert len(set(numbers)) < len(numbers)
    times = [e.findtext(f"{ATOM}updated") for e in seen]
    assert times == sorted(times, reverse=True)
    owners = listed(browse(world, type="4", owner="only"))
    assert {e.find(f"{ATOM}category").get("term") for e in owners} <= {"4", "4/A"}
    assert len(listed(browse(world, type="8-K", count=10))) == 10
    assert len(listed(browse(world, type="8-K", count=11))) == 40
    assert b"Soci\xe9t\xe9" in browse(world, type="").content + browse(world, start=100).content


def test_the_ticker_table(world: Running) -> None:
    table = sec(world, "/files/company_tickers.json").json()
    assert table["0"] == {"cik_str": 1045810, "ticker": "NVDA", "title": "NVIDIA CORP"}
    assert list(table) == [str(n) for n in range(len(table))]


def test_the_sec_wants_a_name_and_no_more_than_ten_requests_a_second(world: Running) -> None:
    where = f"{world.url}/files/company_tickers.json"
    nameless = requests.get(where, headers={"User-Agent": "python-requests"}, timeout=10)
    assert (nameless.status_code, nameless.headers["content-type"][:9]) == (403, "text/html")
    assert "Undeclared" in nameless.text
    with requests.Session() as session:
        session.headers.update(AGENT)
        many = [session.get(where, timeout=10) for _ in range(30)]
    shut_out = [a for a in many if a.status_code == 403]
    assert shut_out
    assert "Request Rate Threshold Exceeded" in shut_out[0].text
    time.sleep(1)
    assert browse(world).status_code == 200


def test_the_openai_client_parses_both_protocols(model: openai.OpenAI) -> None:
    text = "NVDA beats estimates, shares surge on record growth"
    first = model.responses.parse(model="gpt-5-mini", input=text, text_format=Opinion)
    second = model.chat.completions.parse(
        model="gpt-5-mini", messages=[{"role": "user", "content": text}], response_format=Opinion
    )
    parsed = second.choices[0].message.parsed
    assert first.output_parsed == parsed is not None
    assert parsed.stance > 0
    assert [item.type for item in first.output] == ["reasoning", "message"]
    assert first.usage.total_tokens == first.usage.input_tokens + first.usage.output_tokens
    assert 0 < first.usage.output_tokens_details.reasoning_tokens < first.usage.output_tokens
    assert second.usage.completion_tokens == first.usage.output_tokens
    assert first.model.startswith("gpt-5-mini-")
    assert first._request_id != second._request_id
    raw = model.responses.with_raw_response.create(model="gpt-5-mini", input=text)
    assert raw.headers["x-ratelimit-limit-requests"] == "500"
    assert int(raw.headers["x-ratelimit-remaining-requests"]) < 500
    assert re.fullmatch(r"\d+s", raw.headers["x-ratelimit-reset-requests"])


def test_the_openai_client_raises_what_the_service_refuses(model: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        model.responses.create(
            model="gpt-5-mini",
            input="x",
            text={"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}}},
        )
    assert caught.value.code == "invalid_json_schema"
    with pytest.raises(openai.AuthenticationError) as stranger:
        model.with_options(default_headers={"Authorization": ""}).responses.create(
            model="gpt-5-mini", input="x"
        )
    assert "API key" in stranger.value.message


def test_an_answer_cut_by_its_bound_is_incomplete(model: openai.OpenAI) -> None:
    cut = model.responses.create(model="gpt-5-mini", input="surge", max_output_tokens=16)
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert cut.usage.output_tokens == 16
