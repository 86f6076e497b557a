"""The feed as a process over a stream that misbehaves, and nudges where Redis is away."""

import json
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from jobs_processes import (
    BOOK,
    Stage,
    beat_ticks,
    broker_at,
    queued,
    stage,
    valkey,
    wait_until,
)
from structlog.testing import capture_logs
from websockets.sync.server import ServerConnection, serve

from app.engine.orders import OrderState
from app.io.streams import Streams
from app.jobs.celery_app import make_app
from app.jobs.nudges import QUEUE, Nudges
from app.pipeline.messages import FILLS, decode

ORDER = {
    "id": "b-1",
    "client_order_id": "c-1",
    "created_at": "2026-03-20T15:00:00.000001Z",
    "symbol": "SQQQ",
    "qty": "5",
    "filled_qty": "2",
    "filled_avg_price": "20.01",
    "order_type": "market",
    "type": "market",
    "side": "buy",
    "time_in_force": "day",
    "status": "partially_filled",
}


def update(**order: Any) -> str:
    data = {"event": "partial_fill", "order": ORDER | order, "execution_id": "e", "qty": "2"}
    more = {"price": "20.01", "position_qty": "2", "timestamp": "2026-03-20T15:00:01Z"}
    return json.dumps({"stream": "trade_updates", "data": data | more})


BAD = [
    "not json",
    b"\xff\xfe\x00",
    "[]",
    "null",
    "{}",
    '{"stream": "someone_elses", "data": {"a": 1}}',
    '{"stream": "trade_updates"}',
    '{"stream": "trade_updates", "data": {"event": "fill", "order": null}}',
    '{"stream": "trade_updates", "data": {"event": "fill", "order": {"id": 7}}}',
    update(filled_qty="NaN"),
    update(filled_qty=None, side="sideways"),
    update(created_at="yesterday"),
    "[" * 100_000,
]


@contextmanager
def trading_stream(sends: Iterable[str | bytes]) -> Iterator[str]:
    """Serve the broker's stream, which says this after each connect; yield host and port."""

    def talk(socket: ServerConnection) -> None:
        socket.recv()
        said = {"status": "authorized", "action": "authenticate"}
        socket.send(json.dumps({"stream": "authorization", "data": said}))
        socket.recv()
        socket.send(json.dumps({"stream": "listening", "data": {"streams": ["trade_updates"]}}))
        for frame in sends:
            socket.send(frame)
        for _ in socket:
            pass

    with serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            host, port = server.socket.getsockname()
            yield f"{host}:{port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def feeds(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Stage]:
    beat_ticks(redis_url)
    with stage(tmp_path, (database_url, redis_url), broker_at("127.0.0.1:1")) as made:
        yield made


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis[bytes]"]:
    with redis.Redis.from_url(redis_url) as made:
        yield made


@pytest.fixture
def streams(redis_url: str) -> Iterator[Streams]:
    made = Streams(redis_url.replace("db=0", "db=1"), BOOK, "test")
    yield made
    made.close()


def test_bad_and_foreign_messages_do_not_end_the_feed(
    feeds: Stage, streams: Streams, client: "redis.Redis[bytes]"
) -> None:
    with trading_stream([*BAD, update(id="b-2", client_order_id="someone-elses")]) as address:
        feed = feeds.metronome("feed", **broker_at(address))
        [message] = wait_until(lambda: streams.read(FILLS, "test"), "the update after the bad ones")
        order = decode(message.data).order
        assert (order.broker_id, order.client_id) == ("b-2", "someone-elses")
        assert order.state is OrderState.PARTIAL
        wait_until(lambda: ("pipeline_e2e", [BOOK]) in queued(client), "a nudge of the pipeline")
        assert feed.popen.poll() is None
        feed.popen.send_signal(signal.SIGTERM)
        assert feed.wait() == 0
    assert "Traceback" not in feed.said()


def test_each_connect_nudges_a_reconciliation(feeds: Stage, client: "redis.Redis[bytes]") -> None:
    with trading_stream([]) as address:
        feed = feeds.metronome("feed", **broker_at(address))
        feed.wait_for("feed_connected")
        wait_until(lambda: queued(client) == [("reconcile", [BOOK])], "a nudge")


def test_a_feed_whose_redis_went_away_goes_on_and_says_what_it_dropped(
    feeds: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, gone = tmp_path_factory.mktemp("r"), threading.Event()

    def late() -> Iterator[str]:
        gone.wait(60)
        yield update()

    with trading_stream(late()) as address:
        try:
            with valkey(folder):
                beat_ticks(f"unix://{folder}/s")
                feed = feeds.metronome("feed", REDIS_URL=f"unix://{folder}/s", **broker_at(address))
                feed.wait_for("feed_connected")
        finally:
            gone.set()
        feed.wait_for("update_dropped")
        feed.wait_for("nudge_lost")
        assert feed.popen.poll() is None
        feed.popen.send_signal(signal.SIGTERM)
        assert feed.wait() == 0
    assert "Traceback" not in feed.said()


def test_a_feed_follows_only_while_its_own_beat_ticks(
    feeds: Stage, client: "redis.Redis[bytes]", redis_url: str
) -> None:
    marks = redis.Redis.from_url(redis_url.replace("db=0", "db=1"))
    marks.delete("beating")
    with trading_stream([]) as address:
        feed = feeds.metronome("feed", **broker_at(address))
        feed.wait_for("feed_waits")
        assert "feed_connected" not in feed.said()
        beat_ticks(redis_url)
        feed.wait_for("feed_connected")
        marks.delete("beating")
        feed.wait_for("feed_waits", times=2)
        assert queued(client) == [("reconcile", [BOOK])], "the one of its only connect"
        assert feed.popen.poll() is None
        feed.popen.send_signal(signal.SIGTERM)
        assert feed.wait() == 0
    marks.close()
    assert "Traceback" not in feed.said()


def test_a_feed_whose_broker_is_away_waits_and_ends_when_it_is_asked_to(feeds: Stage) -> None:
    feed = feeds.metronome("feed")
    feed.wait_for("trade_updates_lost")
    feed.popen.send_signal(signal.SIGTERM)
    assert feed.wait() == 0


@pytest.mark.parametrize("task", sorted(QUEUE))
def test_a_nudge_that_cannot_be_sent_is_a_line_in_the_log(task: str) -> None:
    app = make_app("redis+socket:///nowhere/redis.sock?virtual_host=0")
    with capture_logs() as logged:
        Nudges(app, BOOK)(task)
    app.close()
    [line] = logged
    assert (line["event"], line["log_level"], line["task"]) == ("nudge_lost", "warning", task)


@pytest.mark.parametrize("slot", [None, 7])
def test_a_nudge_wakes_its_task_on_its_queue_and_soon_expires(
    redis_url: str, client: "redis.Redis[bytes]", slot: int | None
) -> None:
    socket = redis_url.partition("?")[0].removeprefix("unix")
    app = make_app(f"redis+socket{socket}?virtual_host=0")
    for task in QUEUE:
        Nudges(app, BOOK)(task, slot)
    app.close()
    arguments = [BOOK] if slot is None else [BOOK, slot]
    assert sorted(queued(client)) == [(task, arguments) for task in sorted(QUEUE)]
    for queue in set(QUEUE.values()):
        for raw in client.lrange(queue, 0, -1):
            message = json.loads(raw)
            assert QUEUE[message["headers"]["task"]] == queue
            assert message["headers"]["expires"] is not None
