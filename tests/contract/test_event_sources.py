"""What every source of events makes of answers that are not its own, late or hostile."""

import json
from collections.abc import Callable

import pytest
from broker_stubs import Behaviour, free_port, garbage, half_a_body, hang_up, reset, stub
from source_stubs import (
    HTML,
    JSON,
    KEY,
    NOW,
    SINCE,
    SOURCES,
    WATCHED,
    Calls,
    alphavantage,
    fetch,
    told,
)

from app.engine.errors import Transient
from app.io.feeds import http
from app.io.feeds.port import EventSource, Throttled


@pytest.mark.parametrize("made", SOURCES)
@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(told("<html>THE-KEY-0123456789</html>", HTML), id="HTML with 200"),
        pytest.param(told("<!DOCTYPE html><p>", JSON), id="HTML called JSON"),
        pytest.param(told("", JSON), id="nothing"),
        pytest.param(told("[]", JSON), id="a list"),
        pytest.param(told('{"a": ', JSON), id="half of an object"),
        pytest.param(told("[" * 100_000, JSON), id="nested without an end"),
        pytest.param(told("oops", HTML, 500), id="500"),
        pytest.param(told("moved", HTML, 302, Location="http://127.0.0.1:1/"), id="a redirect"),
        pytest.param(half_a_body, id="half of a body"),
        pytest.param(reset, id="a reset"),
        pytest.param(hang_up, id="hung up"),
        pytest.param(garbage, id="another protocol"),
    ],
)
def test_what_is_no_answer_is_transient(
    made: Callable[[str], EventSource], behaviour: Behaviour
) -> None:
    with pytest.raises(Transient) as raised:
        fetch(made, behaviour)
    assert KEY not in f"{raised.value} {raised.value.__cause__!r}"


@pytest.mark.parametrize("made", SOURCES)
def test_a_body_without_an_end_is_left(
    made: Callable[[str], EventSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = told(json.dumps({"a": "x" * 17_000_000}))
    with pytest.raises(Transient, match="more than"):
        fetch(made, huge)


@pytest.mark.parametrize("made", SOURCES)
def test_nobody_listening_is_transient_and_tells_no_key(
    made: Callable[[str], EventSource], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with pytest.raises(Transient) as raised:
        made(f"http://127.0.0.1:{free_port()}").fetch(WATCHED, SINCE, NOW, Calls())
    assert KEY not in f"{raised.value!r} {caplog.text}"


@pytest.mark.parametrize("made", SOURCES)
def test_nothing_is_asked_where_the_rate_limit_refuses(
    made: Callable[[str], EventSource],
) -> None:
    with stub(told({})) as server:
        with pytest.raises(Throttled):
            made(server.url).fetch(WATCHED, SINCE, NOW, Calls(most=0))
        assert server.requests == []


def test_a_key_in_an_address_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    fetch(alphavantage, told({"feed": []}))
    assert KEY not in caplog.text


def test_one_deadline_holds_for_a_whole_fetch() -> None:
    with (
        stub(told("x" * 1000)) as server,
        pytest.raises(Transient, match="too slow"),
        http.web("It", server.url, {}, fetch_s=-1.0) as source,
    ):
        source.get("/", {})
