"""Dead letters: what a group failed on too often leaves its stream, with the error, in one step."""

import logging
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)

# Acknowledge and bury in one step: whoever acknowledges it is the one that writes the dead letter.
_BURY = """
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
local letter = {'id', ARGV[2], 'group', ARGV[1], 'deliveries', ARGV[3], 'error',
                redis.call('HGET', KEYS[3], ARGV[1] .. ' ' .. ARGV[2]) or 'never said why'}
local found = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])
for i, part in ipairs(found[1] and found[1][2] or {}) do
  letter[#letter + 1] = i % 2 == 1 and 'data.' .. part or part
end
redis.call('XADD', KEYS[2], '*', unpack(letter))
redis.call('HDEL', KEYS[3], ARGV[1] .. ' ' .. ARGV[2])
return 1
"""
_REQUEUE = """
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
local data = {}
for i = 1, #found[1][2], 2 do
  local name = found[1][2][i]
  if string.sub(name, 1, 5) == 'data.' then
    data[#data + 1] = string.sub(name, 6)
    data[#data + 1] = found[1][2][i + 1]
  end
end
if #data > 0 then redis.call('XADD', KEYS[2], '*', unpack(data)) end
return 1
"""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one stream; ``errors`` and ``lost`` are hashes."""

    stream: str
    live: str
    dead: str
    errors: str
    lost: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that a group failed on too often, with the last error that it remembered."""

    stream: str
    id: str
    group: str
    message_id: str
    deliveries: int
    error: str
    data: dict[str, str]


def bury(client: Any, keys: Keys, group: str, id_: str, deliveries: int) -> None:
    """Acknowledge an entry and keep it as a dead letter; repeating it does nothing."""
    names = (keys.live, keys.dead, keys.errors)
    if client.eval(_BURY, len(names), *names, group, id_, str(deliveries)):
        log.error(
            "dead letter: %s of %s was delivered %s times to %s", id_, keys.live, deliveries, group
        )


def requeue(client: Any, keys: Keys, dead_id: str) -> bool:
    """Publish a dead letter again and remove it; False if it is gone."""
    return bool(client.eval(_REQUEUE, 2, keys.dead, keys.live, dead_id))


def oldest(client: Any, keys: Keys, count: int) -> list[DeadLetter]:
    """Return the oldest dead letters."""
    found = client.xrange(keys.dead, count=count)
    return [_letter(keys.stream, id_, fields) for id_, fields in found]


def _letter(stream: str, id_: str, fields: dict[str, str]) -> DeadLetter:
    return DeadLetter(
        stream=stream,
        id=id_,
        group=fields["group"],
        message_id=fields["id"],
        deliveries=int(fields["deliveries"]),
        error=fields["error"],
        data={k.removeprefix("data."): v for k, v in fields.items() if k.startswith("data.")},
    )
