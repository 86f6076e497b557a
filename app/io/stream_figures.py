"""How far the groups of a stream are, what waits for them, and what nobody needs any more."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from app.io.dead_letters import Keys


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """How far a group is; ``lag`` counts entries never delivered, ``lost`` those deleted unread."""

    stream: str
    group: str
    length: int
    lag: int
    pending: int
    dead: int
    lost: int


def figures(client: Any, keys: Keys) -> Iterator[GroupInfo]:
    """Return how far each group of a stream is, by name."""
    length, dead = client.xlen(keys.live), client.xlen(keys.dead)
    lost = client.hgetall(keys.lost)
    for g in groups(client, keys.live):
        lag, name = g.get("lag"), g["name"]
        if lag is None:  # the server cannot tell once entries in the middle were deleted
            lag = len(client.xrange(keys.live, f"({g['last-delivered-id']}"))
        yield GroupInfo(keys.stream, name, length, lag, g["pending"], dead, int(lost.get(name, 0)))


def groups(client: Any, key: str) -> list[dict[str, Any]]:
    """Return what the server says of a stream's groups, by name; none where there is no stream."""
    try:
        found: list[dict[str, Any]] = client.xinfo_groups(key)
    except ResponseError as error:
        if "no such key" not in str(error):
            raise
        return []
    return sorted(found, key=lambda g: str(g["name"]))


def names(client: Any, prefix: str) -> list[str]:
    """Return the names of the streams whose keys begin so, without their dead letters."""
    keys = client.scan_iter(f"{prefix}*", count=1000, _type="STREAM")
    found = {key.removeprefix(prefix) for key in keys}
    return sorted(name for name in found if not name.endswith(".dlq"))


def needed_from(client: Any, key: str) -> str | None:
    """Return the oldest id that a group still needs, None where there are no groups.

    That is its oldest unacknowledged entry, or the last one that it was given.
    """
    needed = [
        client.xpending(key, g["name"])["min"] or g["last-delivered-id"]
        for g in groups(client, key)
    ]
    return min(needed, key=_order, default=None)


def stirring(client: Any, wanted: Mapping[str, str], *, pending_too: bool) -> list[bool]:
    """Tell for each key → group whether its newest entry is beyond what the group was given.

    With ``pending_too`` also whether there are unacknowledged ones, or no stream or group at all.
    One round trip.
    """
    with client.pipeline(transaction=False) as look:
        for key in wanted:
            look.xinfo_stream(key)
            look.xinfo_groups(key)
        answers = look.execute(raise_on_error=False)
    both = zip(answers[::2], answers[1::2], wanted.values(), strict=True)
    return [_stirs(stream, of, group, pending_too) for stream, of, group in both]


def _stirs(stream: Any, of: Any, group: str, pending_too: bool) -> bool:
    if isinstance(stream, ResponseError) or isinstance(of, ResponseError):
        return pending_too
    mine = next((g for g in of if g["name"] == group), None)
    # Not the last id ever given out: entries may have been deleted before anybody read them.
    newest = stream["last-entry"]
    given = mine["last-delivered-id"] if mine else "0-0"
    fresh = newest is not None and _order(newest[0]) > _order(given)
    return fresh or (pending_too and (mine is None or mine["pending"] > 0))


def _order(id_: str) -> tuple[int, int]:
    time, _, number = id_.partition("-")
    return int(time), int(number)
