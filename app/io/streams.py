"""Redis Streams: publish, read as a group, acknowledge, claim, dead-letter, trim.

A message wakes a step; what the step works on is in PostgreSQL. So a message may come twice, and a
lost Redis costs a moment: readers drop what they have seen, groups are made anew from the start.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from app.engine.errors import InvalidData
from app.io import dead_letters
from app.io.dead_letters import DeadLetter as DeadLetter
from app.io.dead_letters import Keys
from app.io.redis_clients import RedisClients, redis_errors
from app.io.stream_figures import GroupInfo as GroupInfo
from app.io.stream_figures import figures, names, needed_from, stirring

log = logging.getLogger(__name__)

MAX_DELIVERIES = 5
CLAIM_IDLE_MS = 60_000
MAX_BLOCK_S = 2.0


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of an entry; ``deliveries`` counts this one."""

    stream: str
    id: str
    data: dict[str, str]
    deliveries: int


class Streams:
    """The streams of one book, read under one stable consumer name.

    Raises Transient where Redis cannot be reached.
    """

    def __init__(self, url: str, book: str, consumer: str) -> None:
        self._clients = RedisClients(url)
        self._book = book
        self._consumer = consumer

    def publish(self, stream: str, data: Mapping[str, str]) -> str:
        """Append an entry, sent once; return its id."""
        with redis_errors():
            return str(self._clients.get().mutating.xadd(self._key(stream), dict(data)))

    def publish_many(self, entries: Sequence[tuple[str, Mapping[str, str]]]) -> None:
        """Append entries to their streams in one round trip, sent once."""
        if entries:
            with redis_errors(), self._clients.get().mutating.pipeline(transaction=False) as many:
                for stream, data in entries:
                    many.xadd(self._key(stream), dict(data))
                many.execute()

    def read_many(self, groups: Mapping[str, str], count: int = 100) -> list[Message]:
        """Return what ``read`` returns for each stream of a stream → group mapping.

        One look for all of them; only a stream that has something for its group costs more.
        """
        stirring = self._stirring(groups, pending_too=True)
        return [m for stream in stirring for m in self.read(stream, groups[stream], count)]

    def waiting_in(self, groups: Mapping[str, str]) -> bool:
        """Is there an entry in any of the streams that its group was never given? One look."""
        return bool(self._stirring(groups, pending_too=False))

    def read(
        self, stream: str, group: str, count: int = 100, block_s: float = 0.0
    ) -> list[Message]:
        """Return up to ``count`` messages: own unacknowledged ones, abandoned ones, then new ones.

        Own ones come again at every call until they are acknowledged, so acknowledge or fail before
        reading on. What was delivered five times goes to the dead letters instead. Waits for new
        messages only with ``block_s``, two seconds at most, and only if there is nothing else.
        """
        if not 0 <= block_s <= MAX_BLOCK_S:
            raise InvalidData(f"cannot block for {block_s} s; at most {MAX_BLOCK_S} s")
        with redis_errors():
            try:
                return self._read(stream, group, count, block_s)
            except ResponseError as error:
                if "NOGROUP" not in str(error):  # a pipeline names its command first
                    raise
                self._make_group(stream, group)
                return self._read(stream, group, count, block_s)

    def acknowledge(self, stream: str, group: str, *ids: str) -> None:
        """Note that the messages' results are stored; call it after the commit."""
        if ids:
            with redis_errors(), self._clients.get().mutating.pipeline() as both:
                both.xack(self._key(stream), group, *ids)
                both.hdel(self._keys(stream).errors, *(f"{group} {id_}" for id_ in ids))
                both.execute()

    def acknowledge_many(self, done: Sequence[tuple[str, str, str]]) -> None:
        """Acknowledge (stream, group, id) triples in one round trip."""
        if done:
            with redis_errors(), self._clients.get().mutating.pipeline() as many:
                for stream, group, id_ in done:
                    many.xack(self._key(stream), group, id_)
                    many.hdel(self._keys(stream).errors, f"{group} {id_}")
                many.execute()

    def fail(self, message: Message, group: str, error: str) -> None:
        """Remember why a message failed; it comes again, or goes to the dead letters with this."""
        field = f"{group} {message.id}"
        with redis_errors():
            self._clients.get().mutating.hset(self._keys(message.stream).errors, field, error)

    def info(self) -> list[GroupInfo]:
        """Return how far every group of every stream is, by stream and group."""
        with redis_errors():
            reading = self._clients.get().reading
            return [row for s in self._names() for row in figures(reading, self._keys(s))]

    def dead(self, stream: str, count: int = 100) -> list[DeadLetter]:
        """Return the oldest dead letters of a stream."""
        with redis_errors():
            return dead_letters.oldest(self._clients.get().reading, self._keys(stream), count)

    def requeue(self, stream: str, dead_id: str) -> bool:
        """Publish a dead letter again, for every group, and remove it; False if it is gone."""
        with redis_errors():
            return dead_letters.requeue(self._clients.get().mutating, self._keys(stream), dead_id)

    def drop(self, stream: str, dead_id: str) -> bool:
        """Remove a dead letter; False if it is gone."""
        with redis_errors():
            return bool(self._clients.get().mutating.xdel(self._keys(stream).dead, dead_id))

    def trim(self) -> int:
        """Remove what every group has acknowledged; return how many entries that was.

        Nothing that is unread or pending in any group goes, and a stream without groups is kept.
        """
        with redis_errors():
            return sum(self._trim(self._key(stream)) for stream in self._names())

    def close(self) -> None:
        """Close this process's connections."""
        self._clients.close()

    # -- reading ----------------------------------------------------------------------------------

    def _read(self, stream: str, group: str, count: int, block_s: float) -> list[Message]:
        mine, idle = self._pending(stream, group, count)
        messages = self._again(stream, group, mine) if mine else []
        if idle and len(messages) < count:
            messages += self._claim(stream, group, idle, count - len(messages))
        if len(messages) < count:
            block = None if messages or not block_s else int(block_s * 1000)
            messages += self._fresh(stream, group, count - len(messages), block)
        return messages

    def _pending(
        self, stream: str, group: str, count: int
    ) -> tuple[dict[str, int], dict[str, int]]:
        """Return own and abandoned entries as id → deliveries, without those that it buries."""
        key = self._key(stream)
        with self._clients.get().reading.pipeline(transaction=False) as both:
            both.xpending_range(key, group, "-", "+", count, consumername=self._consumer)
            both.xpending_range(key, group, "-", "+", count, idle=CLAIM_IDLE_MS)
            mine, idle = both.execute()
        theirs = [row for row in idle if row["consumer"] != self._consumer]
        return self._alive(stream, group, mine), self._alive(stream, group, theirs)

    def _alive(self, stream: str, group: str, rows: list[dict[str, Any]]) -> dict[str, int]:
        alive: dict[str, int] = {}
        for row in rows:
            if row["times_delivered"] >= MAX_DELIVERIES:
                id_, times = row["message_id"], row["times_delivered"]
                mutating = self._clients.get().mutating
                dead_letters.bury(mutating, self._keys(stream), group, id_, times)
            else:
                alive[row["message_id"]] = row["times_delivered"]
        return alive

    def _again(self, stream: str, group: str, mine: dict[str, int]) -> list[Message]:
        key = self._key(stream)
        reading = self._clients.get().reading
        found = reading.xreadgroup(group, self._consumer, {key: "0"}, count=len(mine))
        entries = found[0][1] if found else []
        gone = [id_ for id_, data in entries if not data]
        if gone:
            self._lose(stream, group, gone)
        return [Message(stream, i, d, mine[i] + 1) for i, d in entries if d]

    def _claim(self, stream: str, group: str, idle: dict[str, int], count: int) -> list[Message]:
        messages: list[Message] = []
        for entries, gone in self._claims(stream, group, count):
            if gone:
                self._lose(stream, group, gone)
            messages += [Message(stream, i, d, idle.get(i, 0) + 1) for i, d in entries]
            if len(messages) >= count:
                break
        return messages

    def _claims(self, stream: str, group: str, count: int) -> Iterator[tuple[Any, list[str]]]:
        start = "0-0"
        while True:
            start, entries, gone = self._clients.get().reading.xautoclaim(
                self._key(stream), group, self._consumer, CLAIM_IDLE_MS, start, count=count
            )
            yield entries, gone
            if start == "0-0":
                return

    def _fresh(self, stream: str, group: str, count: int, block: int | None) -> list[Message]:
        key = self._key(stream)
        found = self._clients.get().reading.xreadgroup(
            group, self._consumer, {key: ">"}, count=count, block=block
        )
        return [Message(stream, i, d, 1) for i, d in (found[0][1] if found else [])]

    def _lose(self, stream: str, group: str, ids: list[str]) -> None:
        """Entries were deleted before they were acknowledged: nothing here does that."""
        mutating = self._clients.get().mutating
        mutating.xack(self._key(stream), group, *ids)
        mutating.hincrby(self._keys(stream).lost, group, len(ids))
        log.error("data lost: %s entries of %s were deleted unread by %s", len(ids), stream, group)

    def _make_group(self, stream: str, group: str) -> None:
        try:
            self._clients.get().mutating.xgroup_create(self._key(stream), group, "0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _stirring(self, groups: Mapping[str, str], *, pending_too: bool) -> list[str]:
        wanted = {self._key(stream): group for stream, group in groups.items()}
        with redis_errors():
            stirs = stirring(self._clients.get().reading, wanted, pending_too=pending_too)
        return [stream for stream, yes in zip(groups, stirs, strict=True) if yes]

    def _trim(self, key: str) -> int:
        oldest = needed_from(self._clients.get().reading, key)
        if oldest is None:
            return 0
        return int(self._clients.get().mutating.xtrim(key, minid=oldest, approximate=False))

    def _names(self) -> list[str]:
        return names(self._clients.get().reading, self._key(""))

    def _key(self, stream: str) -> str:
        return f"{self._book}:{stream}"

    def _keys(self, stream: str) -> Keys:
        key = self._key(stream)
        return Keys(stream, key, f"{key}.dlq", f"{key}.errors", f"{key}.lost")
