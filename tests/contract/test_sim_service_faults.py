"""Every fault of the news, the filings and the model: asked for, seen to happen, and counted."""

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pydantic
import pytest
import requests
from sim_server import Running, exchange

from app.sim.faults import Kind

AGENT = {"User-Agent": "Contract Test test@example.com"}


class Opinion(pydantic.BaseModel):
    stance: float
    confidence: float
    reason: str


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    with exchange("--rate-limit", "100000", start="15:00", speed="1") as running:
        yield running


@pytest.fixture
def world(shared: Running) -> Iterator[Running]:
    yield shared
    shared.faults()


def always(world: Running, kind: str, **more: Any) -> None:
    world.faults({"kind": kind, "probability": 1, **more})


def news(world: Running) -> requests.Response:
    query = {"function": "NEWS_SENTIMENT", "apikey": "any", "limit": "1000"}
    answer = requests.get(f"{world.url}/query", params=query, timeout=10)
    assert answer.status_code == 200
    return answer


def browse(world: Running, **given: Any) -> requests.Response:
    query = {"action": "getcurrent", "output": "atom", "count": 100, "type": "4", **given}
    time.sleep(0.1)  # no more than ten requests a second
    where = f"{world.url}/cgi-bin/browse-edgar"
    return requests.get(where, params=query, headers=AGENT, timeout=10)


def client(world: Running, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(
        api_key="any",
        base_url=f"{world.url}/v1",
        max_retries=0,
        http_client=httpx2.Client(trust_env=False),
        **more,
    )


def respond(world: Running, **more: Any) -> Any:
    with client(world, **more) as model:
        return model.responses.parse(
            model="gpt-5-mini", input="NVDA shares surge", text_format=Opinion
        )


def complete(world: Running) -> Any:
    with client(world) as model:
        return model.chat.completions.parse(
            model="gpt-5-mini",
            messages=[{"role": "user", "content": "NVDA shares surge"}],
            response_format=Opinion,
        )


def test_news_html(world: Running) -> None:
    always(world, "news_html")
    assert news(world).headers["content-type"].startswith("text/html")


def test_news_quota(world: Running) -> None:
    always(world, "news_quota")
    assert "25 requests per day" in news(world).json()["Information"]


def test_news_repeated(world: Running) -> None:
    plain = news(world).json()
    always(world, "news_repeated")
    again = news(world).json()
    assert int(again["items"]) == len(again["feed"]) == len(plain["feed"]) + 5
    repeated = [a["url"] for a in again["feed"][-5:]]
    assert repeated == [a["url"] for a in again["feed"][:5]]
    assert again["feed"][-5]["summary"] != again["feed"][0]["summary"]


def test_news_future(world: Running) -> None:
    always(world, "news_future")
    first, second = news(world).json()["feed"][:2]
    now = world.get("/sim/clock")["now"]
    today = now[:10].replace("-", "")
    assert first["time_published"] > f"{today}T{now[11:13]}5959"
    assert first["url"].startswith(second["url"])


def test_news_garbled(world: Running) -> None:
    always(world, "news_garbled")
    with pytest.raises(UnicodeDecodeError):
        news(world).content.decode("utf-8")


def test_edgar_threshold_403(world: Running) -> None:
    always(world, "edgar_threshold_403")
    answer = browse(world)
    assert (answer.status_code, answer.headers["content-type"][:9]) == (403, "text/html")
    assert "Request Rate Threshold Exceeded" in answer.text


def test_edgar_html_503(world: Running) -> None:
    always(world, "edgar_html_503")
    answer = browse(world)
    assert (answer.status_code, answer.headers["content-type"][:9]) == (503, "text/html")


def test_edgar_shifted(world: Running) -> None:
    world.call("POST", "/sim/clock", json={"paused": True})
    before = browse(world).text.split("<entry>")[1:]
    always(world, "edgar_shifted")
    after = browse(world, start=100).text.split("<entry>")[1:]
    world.call("POST", "/sim/clock", json={"paused": False})
    assert [e.strip() for e in after[:5]] == [
        e.strip().removesuffix("</feed>").strip() for e in before[-5:]
    ]


def test_model_slow_and_timeout(world: Running) -> None:
    always(world, "model_slow", seconds=0.3)
    before = time.monotonic()
    assert respond(world).output_parsed is not None
    assert time.monotonic() - before >= 0.3
    always(world, "model_timeout", seconds=5)
    with pytest.raises(openai.APITimeoutError):
        respond(world, timeout=0.3)
    assert world.counts()["model_timeout"] == 1


def test_model_refusal(world: Running) -> None:
    always(world, "model_refusal")
    answer = respond(world)
    assert (answer.status, answer.output_parsed) == ("completed", None)
    message = complete(world).choices[0].message
    assert message.refusal
    assert message.parsed is None


def test_model_truncated(world: Running) -> None:
    always(world, "model_truncated")
    with pytest.raises(pydantic.ValidationError):
        respond(world)
    with pytest.raises(openai.LengthFinishReasonError):
        complete(world)


def test_model_malformed(world: Running) -> None:
    always(world, "model_malformed")
    with pytest.raises(pydantic.ValidationError):
        respond(world)
    with pytest.raises(pydantic.ValidationError):
        complete(world)


def test_model_out_of_range(world: Running) -> None:
    always(world, "model_out_of_range")
    parsed = respond(world).output_parsed
    assert (parsed.stance, parsed.confidence) == (7.5, -3.0)


def test_model_rate_limit_429(world: Running) -> None:
    always(world, "model_rate_limit_429")
    with pytest.raises(openai.RateLimitError) as caught:
        respond(world)
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "1"


def test_model_quota_429(world: Running) -> None:
    always(world, "model_quota_429")
    with pytest.raises(openai.RateLimitError) as caught:
        respond(world)
    assert caught.value.code == "insufficient_quota"


def test_model_error_500(world: Running) -> None:
    always(world, "model_error_500")
    with pytest.raises(openai.InternalServerError):
        complete(world)


def test_each_fault_of_the_services_was_counted(shared: Running) -> None:
    """Last of the module: every kind above has happened."""
    counts = shared.counts()
    kinds = [k for k in Kind if k.startswith(("news_", "edgar_", "model_"))]
    assert len(kinds) == 17
    assert [k for k in kinds if not counts[k]] == []
