"""The shapes in which the client library hands over replies that the streams are built on."""

from collections.abc import Iterator

import pytest
import redis

from app.io.redis_clients import Clients, RedisClients


@pytest.fixture
def clients(redis_url: str) -> Iterator[Clients]:
    opened = RedisClients(redis_url)
    made = opened.get()
    made.mutating.xgroup_create("s", "g", "0", mkstream=True)
    made.mutating.xadd("s", {"n": "1"}, id="1-0")
    made.mutating.xadd("s", {"n": "2"}, id="2-0")
    yield made
    opened.close()


def test_a_group_reads_lists_of_pairs(clients: Clients) -> None:
    new = clients.reading.xreadgroup("g", "me", {"s": ">"}, count=1)
    assert new == [["s", [("1-0", {"n": "1"})]]]
    assert clients.reading.xreadgroup("g", "me", {"s": "0"}) == new
    assert clients.reading.xreadgroup("g", "else", {"s": "0"}) == [["s", []]]
    clients.reading.xreadgroup("g", "me", {"s": ">"})
    assert clients.reading.xreadgroup("g", "me", {"s": ">"}) == []


def test_a_deleted_entry_of_ones_own_has_no_fields(clients: Clients) -> None:
    clients.reading.xreadgroup("g", "me", {"s": ">"})
    clients.mutating.xdel("s", "1-0")
    own = clients.reading.xreadgroup("g", "me", {"s": "0"})
    assert own == [["s", [("1-0", {}), ("2-0", {"n": "2"})]]]


def test_a_claim_is_cursor_entries_and_deleted_ids(clients: Clients) -> None:
    clients.reading.xreadgroup("g", "me", {"s": ">"})
    clients.mutating.xdel("s", "1-0")
    claimed = clients.reading.xautoclaim("s", "g", "else", 0, "0-0", count=10)
    assert claimed == ["0-0", [("2-0", {"n": "2"})], ["1-0"]]


def test_pending_rows_and_summary(clients: Clients) -> None:
    assert clients.reading.xpending("s", "g")["min"] is None
    clients.reading.xreadgroup("g", "me", {"s": ">"}, count=1)
    clients.reading.xreadgroup("g", "me", {"s": "0"})
    (row,) = clients.reading.xpending_range("s", "g", "-", "+", 10)
    assert (row["message_id"], row["consumer"], row["times_delivered"]) == ("1-0", "me", 2)
    assert clients.reading.xpending("s", "g")["min"] == "1-0"


def test_a_mutating_command_is_sent_once(clients: Clients) -> None:
    kwargs = clients.mutating.connection_pool.connection_kwargs
    assert kwargs["retry"].get_retries() == 0
    assert kwargs["socket_timeout"] == 2


def test_a_missing_group_says_so(clients: Clients) -> None:
    with pytest.raises(redis.ResponseError, match="NOGROUP"):
        clients.reading.xreadgroup("nobody", "me", {"s": ">"})
    with pytest.raises(redis.ResponseError, match="BUSYGROUP"):
        clients.mutating.xgroup_create("s", "g", "0")


def test_a_stream_says_its_newest_entry(clients: Clients) -> None:
    assert clients.reading.xinfo_stream("s")["last-entry"] == ("2-0", {"n": "2"})
    clients.mutating.xdel("s", "1-0", "2-0")
    assert clients.reading.xinfo_stream("s")["last-entry"] is None
