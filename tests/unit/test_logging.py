"""Logs: one JSON object a line, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from app.io.logging import MASK, SHORTEST_SECRET, Mask, configure

SECRET = 'p"w\\é/+x'


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_a_json_object() -> None:
    stream = io.StringIO()
    configure("INFO", stream=stream)
    structlog.get_logger("orders").warning("resolved", client_id="abc", tries=2)
    (line,) = lines(stream)
    assert line.pop("timestamp")
    assert line == {
        "event": "resolved",
        "level": "warning",
        "logger": "orders",
        "client_id": "abc",
        "tries": 2,
    }


def test_libraries_log_to_the_same_place() -> None:
    stream = io.StringIO()
    configure("INFO", stream=stream)
    logging.getLogger("celery").warning("lost %s", "it")
    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("lost it", "celery", "warning")


def test_what_is_below_the_level_is_not_logged() -> None:
    stream = io.StringIO()
    configure("WARNING", stream=stream)
    structlog.get_logger().info("no")
    logging.getLogger("lib").info("no")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_secrets_are_masked_in_every_field_and_traceback(stream: io.StringIO) -> None:
    configure("INFO", [SECRET], stream)
    log = structlog.get_logger("x")
    log.info(f"a {SECRET}", key=SECRET, deep={"list": [SECRET]}, error=ValueError(SECRET))
    local = SECRET
    try:
        raise ValueError(f"cannot reach postgresql://me:hunter2@h/d?password=hunter2 {local}")
    except ValueError:
        log.exception("failed", url="redis://:hunter2@h/0")
        logging.getLogger("lib").exception("failed %s", SECRET)
    said = stream.getvalue()
    assert MASK in said
    assert "ValueError" in said
    for spelt in (SECRET, json.dumps(SECRET)[1:-1], repr(SECRET)[1:-1], "hunter2"):
        assert spelt not in said


def test_setting_it_up_again_does_not_log_twice() -> None:
    stream = io.StringIO()
    configure("INFO", stream=stream)
    configure("INFO", stream=stream)
    structlog.get_logger().info("once")
    assert len(lines(stream)) == 1


@given(
    st.text(st.characters(exclude_characters="*"), min_size=SHORTEST_SECRET), st.text(), st.text()
)
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    masked = Mask([secret]).text(before + secret + after)
    assert secret not in masked
    assert MASK in masked
