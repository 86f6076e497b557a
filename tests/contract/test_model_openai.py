"""The model's adapter against a server on loopback that speaks both protocols, and every fault."""

import gzip
import json
import socket
import time
import traceback

import pytest
from broker_stubs import (
    Behaviour,
    Stub,
    answer,
    free_port,
    garbage,
    half_a_body,
    hang_up,
    reset,
    silence,
    stub,
)
from model_bodies import GOOD, a_completion, a_message, a_response, an_error, text_part

from app.engine.errors import AppError, OutcomeUnknown, Rejected, Transient
from app.engine.model_answer import SCHEMA
from app.engine.model_prompt import Prompt
from app.io.llm import openai_model
from app.io.llm.bounded import LARGEST
from app.io.llm.port import Answer, Finish, Late, Model, Server

KEY = "sk-very-secret"
PROMPT = Prompt("gpt-5-mini", "1", "Judge the text.", "<data>\n<\u00fcber>\n</data>", 2000)
PATIENCE, SHORT = 20.0, 0.5  # wall seconds: enough on a busy machine, and too few for silence
NO_ROUTE = answer(404, {"detail": "Not Found"}, Content_Type="application/json")


def model_at(server: Stub) -> Model:
    return openai_model(Server(f"{server.url}/v1", KEY))


def ask(*script: Behaviour, timeout_s: float = PATIENCE) -> Answer:
    with stub(*script) as server:
        return model_at(server).ask(PROMPT, timeout_s)


def said(body: object, status: int = 200, **headers: str) -> Behaviour:
    return answer(status, body, Content_Type="application/json", **headers)


def fault_of(*script: Behaviour, timeout_s: float = PATIENCE) -> AppError:
    with pytest.raises(AppError) as caught:
        ask(*script, timeout_s=timeout_s)
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown, "an error shows the key"
    return caught.value


def test_a_response_is_read_wherever_its_message_stands() -> None:
    got = ask(said(a_response(), x_request_id="req_1"))
    wanted = Answer(Finish.ANSWERED, json.dumps(GOOD), "gpt-5-mini-2026-01-01", "req_1", 310, 90)
    assert got == wanted


def test_the_request_asks_for_the_schema_and_is_sent_once() -> None:
    with stub(said(a_response())) as server:
        model_at(server).ask(PROMPT, PATIENCE)
        (body,) = server.bodies()
        (head,) = server.requests
        assert server.paths() == ["/v1/responses"]
    wanted = body.pop("text")["format"]
    assert wanted == {"type": "json_schema", "name": "opinion", "strict": True, "schema": SCHEMA}
    assert body == {
        "model": "gpt-5-mini",
        "instructions": PROMPT.instructions,
        "input": PROMPT.text,
        "max_output_tokens": 2000,
        "store": False,
    }
    assert b"Bearer sk-very-secret" in head
    assert b"accept-encoding: identity" in head.lower()


def test_a_server_without_responses_is_asked_for_completions_from_then_on() -> None:
    with stub(NO_ROUTE, said(a_completion())) as server:
        model = model_at(server)
        first, second = model.ask(PROMPT, PATIENCE), model.ask(PROMPT, PATIENCE)
        assert server.paths() == ["/v1/responses", *["/v1/chat/completions"] * 2]
        body = server.bodies()[1]
    assert (
        first == second == Answer(Finish.ANSWERED, json.dumps(GOOD), "local-model", None, 310, 90)
    )
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert body["response_format"]["json_schema"]["strict"] is True
    assert [m["content"] for m in body["messages"]] == [PROMPT.instructions, PROMPT.text]
    assert body["max_tokens"] == 2000


def test_a_server_that_has_neither_is_asked_for_responses_again() -> None:
    with stub(NO_ROUTE) as server:
        model = model_at(server)
        for _ in range(2):
            with pytest.raises(Rejected):
                model.ask(PROMPT, PATIENCE)
        assert server.paths() == ["/v1/responses", "/v1/chat/completions"] * 2


def test_a_server_without_the_model_is_not_asked_otherwise() -> None:
    with stub(said(an_error("model_not_found"), 404)) as server:
        with pytest.raises(Rejected) as caught:
            model_at(server).ask(PROMPT, PATIENCE)
        assert server.paths() == ["/v1/responses"]
    assert caught.value.code == "model_not_found"


REFUSAL = {"type": "refusal", "refusal": "I cannot help with that."}
FINISHES: list[tuple[object, Finish]] = [
    (a_response(a_message(REFUSAL)), Finish.REFUSED),
    (a_response(a_message(text_part("{"), REFUSAL)), Finish.REFUSED),
    (
        a_response(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        Finish.TRUNCATED,
    ),
    (
        a_response(status="incomplete", incomplete_details={"reason": "content_filter"}),
        Finish.REFUSED,
    ),
    (a_response(status="incomplete"), Finish.TRUNCATED),
    (a_response({"type": "reasoning"}), Finish.MALFORMED),
    (a_response(output=None), Finish.MALFORMED),
    (a_response(output=[[], 5, {"type": "message", "content": "text"}]), Finish.MALFORMED),
    (a_response(a_message({"type": "output_text", "text": 5})), Finish.MALFORMED),
]
CHAT_FINISHES: list[tuple[object, Finish]] = [
    (a_completion(content=None, refusal="No."), Finish.REFUSED),
    (a_completion("content_filter", content=None), Finish.REFUSED),
    (a_completion("length"), Finish.TRUNCATED),
    (a_completion("tool_calls"), Finish.MALFORMED),
    (a_completion(content=None), Finish.MALFORMED),
    (a_completion() | {"choices": []}, Finish.MALFORMED),
    (a_completion() | {"choices": [{}]}, Finish.MALFORMED),
]


def test_each_way_to_end_without_an_answer_has_its_name_and_its_bill() -> None:
    for body, finish in FINISHES:
        got = ask(said(body))
        assert (got.finish, got.text) == (finish, ""), body
        assert (got.input_tokens, got.output_tokens) == (310, 90)
    for body, finish in CHAT_FINISHES:
        got = ask(NO_ROUTE, said(body))
        assert (got.finish, got.text, got.output_tokens) == (finish, "", 90), body


def test_usage_that_is_no_number_is_no_usage() -> None:
    for usage in (None, [], "many", {}, {"input_tokens": "5", "output_tokens": True}):
        got = ask(said(a_response(usage=usage)))
        assert (got.input_tokens, got.output_tokens) == (None, None), usage


REJECTED = {
    400: ("invalid_json_schema", "invalid_json_schema"),
    401: ("invalid_api_key", "invalid_api_key"),
    403: (None, "403"),
    422: ("x" * 500, "422"),
    302: (None, "302"),
}


@pytest.mark.parametrize("status", REJECTED)
def test_a_plain_no_is_rejected_with_a_short_code(status: int) -> None:
    code, wanted = REJECTED[status]
    error = fault_of(said(an_error(code), status, Location="http://127.0.0.1:1/"))
    assert isinstance(error, Rejected)
    assert error.code == wanted


def test_no_money_left_is_no_reason_to_try_again() -> None:
    for body in (an_error("insufficient_quota"), an_error(kind="insufficient_quota")):
        assert isinstance(fault_of(said(body, 429)), Rejected)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after": "inf"}, 60.0),
        ({"retry_after": "-1"}, 60.0),
        ({"retry_after": "Fri, 20 Mar 2026 15:00:00 GMT"}, 60.0),
        ({"retry_after": "999999"}, 3600.0),
        ({}, 60.0),
    ],
)
def test_too_many_requests_say_how_long_to_wait(headers: dict[str, str], seconds: float) -> None:
    error = fault_of(said(an_error("rate_limit_exceeded"), 429, **headers))
    assert isinstance(error, Transient)
    assert error.retry_after_s == seconds


def test_nobody_there_means_that_nothing_was_sent() -> None:
    nowhere = openai_model(Server(f"http://127.0.0.1:{free_port()}/v1", KEY))
    with pytest.raises(Transient) as caught:
        nowhere.ask(PROMPT, PATIENCE)
    assert caught.value.retry_after_s is None


def dribble(connection: socket.socket) -> None:
    """Send a byte now and then, for longer than anybody should wait."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    for _ in range(100):
        connection.sendall(b" ")
        time.sleep(0.1)


def test_an_answer_that_does_not_come_or_does_not_end_is_late() -> None:
    for behaviour in (silence, dribble):
        assert isinstance(fault_of(behaviour, timeout_s=SHORT), Late)
    assert isinstance(fault_of(said(a_response()), timeout_s=0.0), Late)


def huge(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
    connection.sendall(b" " * (LARGEST + 1))


def squeezed(connection: socket.socket) -> None:
    body = gzip.compress(b" " * LARGEST)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


UNKNOWN: dict[str, Behaviour] = {
    "500": said(an_error("server_error"), 500),
    "502": answer(502, "<html>Bad Gateway</html>", Content_Type="text/html"),
    "408": said(an_error(), 408),
    "html": answer(200, "<html>Welcome</html>", Content_Type="text/html"),
    "no JSON": answer(200, '{"id": ', Content_Type="application/json"),
    "a list": said([]),
    "nesting": answer(200, "[" * 100_000, Content_Type="application/json"),
    "no text": answer(200, None),
    "failed": said(a_response(status="failed", error={"code": "server_error", "message": ""})),
    "queued": said(a_response(status="queued")),
    "status": said(a_response(status=["completed"])),
    "reset": reset,
    "hang up": hang_up,
    "half a body": half_a_body,
    "garbage": garbage,
    "huge": huge,
    "squeezed": squeezed,
}


@pytest.mark.parametrize("behaviour", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_may_be_billed_is_unknown(behaviour: Behaviour) -> None:
    error = fault_of(behaviour)
    assert isinstance(error, OutcomeUnknown)
    assert not isinstance(error, Late)
    assert len(str(error)) < 100


def test_nothing_is_sent_twice() -> None:
    for behaviour in (UNKNOWN["500"], UNKNOWN["hang up"], said(an_error(), 429)):
        with stub(behaviour) as server:
            with pytest.raises(AppError):
                model_at(server).ask(PROMPT, PATIENCE)
            assert len(server.requests) == 1


def test_a_key_that_no_header_holds_is_an_error_of_ours() -> None:
    with stub(said(a_response())) as server:
        model = openai_model(Server(f"{server.url}/v1", "sk-\u00fc\n"))
        with pytest.raises(OutcomeUnknown) as caught:
            model.ask(PROMPT, PATIENCE)
    assert "\u00fc" not in "".join(traceback.format_exception(caught.value))


def test_the_environment_s_proxy_is_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert ask(said(a_response())).finish is Finish.ANSWERED


def test_the_server_s_description_hides_the_key() -> None:
    assert KEY not in repr(Server("http://127.0.0.1:1/v1", KEY))


def test_the_world_outside_is_reached_by_the_environment_s_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with stub(said(a_response())) as proxy:
        for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")
        outside = openai_model(Server("http://model.invalid/v1", KEY))
        assert outside.ask(PROMPT, PATIENCE).finish is Finish.ANSWERED
        assert proxy.paths() == ["http://model.invalid/v1/responses"]
