"""What has to hold before real money: the list, and what each item on it found."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: Every item by name, in the order in which it is shown; docs/real-money.md explains each.
ITEMS = (
    "mode",
    "keys",
    "hosts",
    "broker",
    "stops",
    "limits",
    "fuse",
    "model",
    "alarms",
    "backup",
    "commit",
    "clock",
    "database",
    "connections",
    "redis",
    "disk",
    "sessions",
    "attended",
    "invariants",
    "differences",
    "settlement",
    "status",
    "reconciled",
    "rehearsed_code",
    "rehearsed_settings",
)


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the list: ``do`` is what a person has to do, empty where it is right."""

    name: str
    said: str
    do: str = ""

    @property
    def ok(self) -> bool:
        return not self.do


def item(name: str, ok: bool, said: str, do: str) -> Item:
    """Return an item that is right, or refused with what to do."""
    return Item(name, said, "" if ok else do)


def in_order(found: Iterable[Item]) -> list[Item]:
    """Return one item a name in the list's order: of several the first that is refused."""
    by_name: dict[str, Item] = {}
    for each in found:
        if each.name not in by_name or (by_name[each.name].ok and not each.ok):
            by_name[each.name] = each
    return [by_name[name] for name in ITEMS]


def all_refused(names: Iterable[str], said: str, do: str) -> Iterator[Item]:
    """Yield items that nothing could be found out about, refused for one reason."""
    return (Item(name, said, do) for name in names)
