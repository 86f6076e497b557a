"""The one table of what a book's states admit, and the page that prints it."""

from itertools import pairwise
from pathlib import Path

import pytest

from app.engine.book import BookStatus
from app.engine.orders import Purpose
from app.engine.permissions import (
    ACTION_OF,
    ADMITS,
    BLOCKED_BY,
    BLOCKS,
    Action,
    takes_leave,
)

PAGE = (Path(__file__).parents[2] / "docs" / "book-states.md").read_text()


def printed() -> dict[str, list[str]]:
    """Return the cells of the page's table by the action in the first one."""
    lines = PAGE.split("## What each state admits")[1].split("##")[0].splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_the_page_prints_the_table() -> None:
    table = printed()
    assert table["action"][1:] == [f"`{status}`" for status in BookStatus]
    for action in Action:
        purposes = ", ".join(f"`{p}`" for p in Purpose if ACTION_OF[p] is action)
        admitted = ["yes" if action in ADMITS[status] else "no" for status in BookStatus]
        assert table[action] == [purposes, *admitted]


def test_what_no_state_forbids_is_printed_too() -> None:
    table = printed()
    rest = set(table) - {"action", "---", *Action}
    assert rest == {"cancels", "adopting and recording", "settlement"}
    assert {cell for name in rest for cell in table[name][1:]} == {"yes"}


@pytest.mark.parametrize("purpose", Purpose)
def test_a_purpose_is_blocked_where_its_action_is_not_admitted(purpose: Purpose) -> None:
    for status in BookStatus:
        assert (purpose in BLOCKS[status]) is (ACTION_OF[purpose] not in ADMITS[status])


def test_what_states_block() -> None:
    assert BLOCKS[BookStatus.ACTIVE] == frozenset()
    assert BLOCKS[BookStatus.REDUCING] == {Purpose.ENTRY}
    assert BLOCKS[BookStatus.FLATTENING] == {Purpose.ENTRY, Purpose.PRE_CLOSE}
    assert BLOCKS[BookStatus.HALTED] == frozenset(Purpose)
    assert len(set(BLOCKED_BY.values())) == len(BookStatus)


def test_each_state_admits_less_than_the_one_before() -> None:
    for wider, narrower in pairwise(BookStatus):
        assert takes_leave(wider, narrower)
        assert takes_leave(narrower, narrower)
        assert not takes_leave(narrower, wider)
