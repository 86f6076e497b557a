"""The feed process over a market data stream that fails it: orders are followed all the same."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jobs_processes import Stage, beat_ticks, broker_at, stage
from websockets.sync.server import ServerConnection, serve


@contextmanager
def market_stream(frames: list[str]) -> Iterator[str]:
    """Serve a market data stream that lets its client in and says this; yield host and port."""

    def talk(socket: ServerConnection) -> None:
        socket.send('[{"T": "success", "msg": "connected"}]')
        socket.recv()
        socket.send('[{"T": "success", "msg": "authenticated"}]')
        for _ in range(2):
            socket.recv()
        for frame in frames:
            socket.send(frame)
        for _ in socket:
            pass

    with serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            host, port = server.socket.getsockname()
            yield f"ws://{host}:{port}/v2/iex"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def feeds(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Stage]:
    beat_ticks(redis_url)
    with stage(tmp_path, (database_url, redis_url), broker_at("127.0.0.1:1")) as made:
        yield made


def test_a_market_without_a_clock_is_dropped_and_the_feed_goes_on(feeds: Stage) -> None:
    bar: dict[str, Any] = {"T": "b", "S": "AAPL", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
    with market_stream([json.dumps([bar | {"t": "2026-03-20T15:00:00Z"}]), "no JSON"]) as url:
        feed = feeds.metronome("feed", ALPACA_DATA_STREAM_URL=url)
        feed.wait_for("market_data_dropped")
        assert feed.popen.poll() is None
        feed.popen.terminate()
        assert feed.wait() == 0
    assert "Traceback" not in feed.said()


def test_a_refused_plan_ends_the_market_alone(feeds: Stage) -> None:
    with market_stream(['[{"T": "error", "code": 409, "msg": "no"}]']) as url:
        feed = feeds.metronome("feed", ALPACA_DATA_STREAM_URL=url)
        feed.wait_for("market_data_refused")
        assert feed.popen.poll() is None
        feed.popen.terminate()
        assert feed.wait() == 0
