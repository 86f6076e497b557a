"""What an exchange remembers: the same day goes on wherever it was cut, and doubt is refused."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import time
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_builders import DAYS, FRIDAY, Desk, a_tape

from app.engine.errors import InvalidData
from app.sim import memory
from app.sim.changes import changed
from app.sim.keeper import Keeper, clock_of, restore
from app.sim.refusals import Refused
from app.sim.settings import Terms
from app.sim.times import new_york
from app.sim.wish import Wish

D = Decimal
WAVE = [100.0, 101.0, 102.5, 101.0, 99.0, 97.5, 98.0, 99.5]
WORLD = Wish(synthetic=1).world()
TERMS = Terms(fee_per_share=D("0.0035"))


def a_desk(at: time = time(9, 20)) -> Desk:
    return Desk(a_tape(close=WAVE, volume=4_000), at=at, terms=TERMS)


def remember(desk: Desk, file: Path) -> Keeper:
    keeper = Keeper(file, WORLD, 1.0, desk.exchange)
    keeper.keep({})
    return keeper


def go_on(file: Path) -> Desk:
    """Return another desk that has nothing but the file."""
    lines = memory.read(file, WORLD)
    assert lines is not None
    desk = a_desk(at=time(0))
    restore(desk.exchange, lines, file)
    at, speed, paused = clock_of(lines, 1.0, file)
    assert (speed, paused) == (1.0, False)
    desk.exchange.clock.set(jump_to=at)
    return desk


def ticket(drawn: dict[str, Any]) -> dict[str, Any]:
    kind, low, high = drawn["type"], drawn["low"], drawn["high"]
    body = {"side": drawn["side"], "qty": drawn["qty"], "time_in_force": drawn["tif"]}
    exits = {"take_profit": {"limit_price": high}, "stop_loss": {"stop_price": low}}
    of_kind: dict[str, dict[str, Any]] = {
        "market": {},
        "notional": {"qty": None, "notional": drawn["qty"]},
        "limit": {"limit_price": low if drawn["side"] == "buy" else high},
        "stop": {"stop_price": high if drawn["side"] == "buy" else low},
        "trailing_stop": {"trail_percent": "1"},
        "bracket": {"order_class": "bracket", "side": "buy", **exits},
        "oco": {"order_class": "oco", "side": "sell", **exits},
    }
    names = {"notional": "market", "bracket": "market", "oco": "limit"}
    return {**body, "type": names.get(kind, kind), **of_kind[kind]}


def act(desk: Desk, number: int, drawn: dict[str, Any]) -> None:
    """Let time pass, then do what was drawn; orders are called by number, as their ids differ."""
    desk.wall.seconds += drawn["wait"]
    exchange = desk.exchange
    exchange.advance()
    waiting = [o for o in exchange.book.open() if o.parent is None]
    with suppress(Refused):
        if drawn["what"] == "send":
            desk.send(client_order_id=f"c{number}", **ticket(drawn))
        elif waiting and drawn["what"] == "cancel":
            exchange.cancel(waiting[0].id)
        elif waiting:
            wanted = {"qty": drawn["qty"], "client_order_id": f"r{number}"}
            exchange.replace(waiting[-1], changed(waiting[-1], wanted, exchange.at))


def picture(desk: Desk) -> dict[str, Any]:
    """Everything but the random ids."""
    exchange, orders = desk.exchange, list(desk.exchange.book.all.values())
    place = {o.id: n for n, o in enumerate(orders)}
    hidden = ("id", "client_id", "parent", "replaces", "replaced_by")
    return {
        "at": exchange.at,
        "account": (exchange.ledger, exchange.last_equity, exchange.buying_power()),
        "liquidity": exchange.liquidity,
        "orders": [
            {n: getattr(o, n) for n in o.__slots__ if n not in hidden}
            | {n: place.get(getattr(o, n)) for n in ("parent", "replaces", "replaced_by")}
            | {"client_id": None if o.parent else o.client_id}
            for o in orders
        ],
        "children": [[place[c.id] for c in exchange.book.children(o.id)] for o in orders],
        "fills": [(f.quantity, f.price, f.at, f.leaves, place[f.order_id]) for f in exchange.fills],
    }


operations = st.fixed_dictionaries(
    {
        "what": st.sampled_from(["send", "send", "send", "cancel", "replace"]),
        "type": st.sampled_from(
            ["market", "notional", "limit", "stop", "trailing_stop", "bracket", "oco"]
        ),
        "side": st.sampled_from(["buy", "buy", "sell"]),
        "qty": st.integers(1, 400).map(str),
        "tif": st.sampled_from(["day", "gtc"]),
        "low": st.integers(94, 99).map(str),
        "high": st.integers(101, 106).map(str),
        "wait": st.integers(0, 2400),
    }
)


@settings(max_examples=30, deadline=None)
@given(st.lists(operations, max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_a_day_that_was_cut_ends_like_one_that_was_not(
    plan: list[dict[str, Any]], begun: int, cut: int
) -> None:
    whole, desk = a_desk(), a_desk()
    for number, drawn in enumerate(plan):
        act(whole, number, drawn)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "exchange.json"
        keeper = Keeper(file, WORLD, 1.0, desk.exchange)
        for number, drawn in enumerate(plan[:cut]):
            act(desk, number, drawn)
            if number >= begun:
                keeper.keep({})
        keeper.keep({}, lead_s=0.0)
        desk = go_on(file)
    for number, drawn in enumerate(plan[cut:], start=cut):
        act(desk, number, drawn)
    for each in (whole, desk):
        each.until(time(16, 0), DAYS[2])
    assert picture(desk) == picture(whole)


def test_a_killed_exchange_goes_on_no_earlier_than_it_told_and_hardly_later(tmp_path: Path) -> None:
    desk, file = a_desk(time(10, 0)), tmp_path / "m"
    keeper = remember(desk, file)
    for _ in range(50):
        desk.wall.seconds += 0.07
        told = desk.exchange.advance()
        keeper.keep({})
        assert told <= go_on(file).exchange.clock.now() <= told + 0.5
    assert len(file.read_bytes().splitlines()) < 15


def test_a_clock_that_was_set_stays_so_unless_another_speed_is_typed(tmp_path: Path) -> None:
    desk, file = a_desk(time(10, 0)), tmp_path / "m"
    desk.exchange.clock.set(speed=7.0, paused=True)
    remember(desk, file)
    lines = memory.read(file, WORLD)
    assert lines is not None
    ten = new_york(FRIDAY, time(10, 0))
    assert clock_of(lines, 1.0, file) == (ten, 7.0, True)
    assert clock_of(lines, 60.0, file) == (ten, 60.0, True)


def test_a_line_that_was_cut_short_by_a_kill_is_as_if_it_had_never_been(tmp_path: Path) -> None:
    desk, file = a_desk(time(10, 0)), tmp_path / "m"
    keeper = remember(desk, file)
    desk.send(client_order_id="one")
    keeper.keep({})
    before = file.read_bytes()
    desk.send(client_order_id="two")
    keeper.keep({})
    written = file.read_bytes()[len(before) :]
    for kept in (0, 1, len(written) // 2, len(written)):
        file.write_bytes(before + written[:kept])
        assert [o.client_id for o in go_on(file).exchange.book.all.values()] == ["one"]


def test_a_long_file_is_written_anew_and_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "GROWTH", 0)
    desk, file = a_desk(time(10, 0)), tmp_path / "m"
    keeper, sizes = remember(desk, file), []
    for number in range(40):
        desk.send(client_order_id=f"c{number}")
        keeper.keep({})
        sizes.append(file.stat().st_size)
    assert any(later < earlier for earlier, later in pairwise(sizes))
    assert picture(go_on(file)) == picture(desk)


def edited(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[bytes], bytes]:
    """Return an edit of the lines that keeps the length true."""

    def edit(body: bytes) -> bytes:
        lines = [json.loads(line) for line in body.splitlines()]
        change(lines)
        for _ in range(2):
            made = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
            lines[0]["bytes"] = len(made)
        return made

    return edit


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda body: b"", "line 1 is not JSON"),
        (lambda body: b"\x80\x04K\x01.", "line 1 is not JSON"),
        (lambda body: body[:-20], r"is damaged \(\d+ bytes of \d+"),
        (lambda body: body.replace(b'"orders"', b"orders' "), "line 2 is not JSON"),
        (lambda body: b"[1]\n", "line 1 is not an object"),
        (edited(lambda lines: lines[0].pop("version")), "no version"),
        (edited(lambda lines: lines[0].update(version=2)), "is of version 2, and this one reads 1"),
        (edited(lambda lines: lines[0].update(world=None)), "no world"),
        (edited(lambda lines: lines[0].update(market="x")), "is of other prices"),
        (edited(lambda lines: lines[1].pop("cash")), "no 'cash'"),
        (edited(lambda lines: lines[1].update(cash=1.5)), "1.5 is not a decimal"),
        (edited(lambda lines: lines[1].update(cash="NaN")), "'NaN' is not a decimal"),
        (edited(lambda lines: lines[1].update(holdings={"AAPL": ["1"]})), "not enough values"),
        (edited(lambda lines: lines[1].update(at="noon")), "'noon' is not a number"),
        (edited(lambda lines: lines[1]["orders"][0].pop("side")), "no 'side'"),
        (edited(lambda lines: lines[1]["orders"][0].update(sequence="1")), "sequence: '1'"),
        (edited(lambda lines: lines[1]["orders"][0].update(stamps=[])), r"stamps: \[\]"),
        (edited(lambda lines: lines[1].pop("clock")), "clock: 'clock'"),
        (edited(lambda lines: lines[1]["clock"].update(speed=0.0)), "clock: "),
    ],
)
def test_a_damaged_memory_is_one_line_and_stays_as_it_was(
    tmp_path: Path, edit: Callable[[bytes], bytes], said: str
) -> None:
    desk, file = a_desk(time(10, 0)), tmp_path / "m"
    desk.send()
    remember(desk, file)
    file.write_bytes(edit(file.read_bytes()))
    before = file.read_bytes()
    with pytest.raises(InvalidData, match=said) as caught:
        go_on(file)
    assert str(file) in str(caught.value)
    assert "`metronome up --sim --fresh`" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Wish(synthetic=2), "--synthetic 1, not 2"),
        (Wish(synthetic=1, date="2026-03-19"), "--date 2026-03-20, not 2026-03-19"),
        (Wish(synthetic=1, cash=5), "--cash 100000, not 5"),
        (Wish(bars=Path("/bars")), "--bars none, not /bars; --synthetic 1, not none"),
    ],
)
def test_another_world_is_named_option_by_option(tmp_path: Path, other: Wish, said: str) -> None:
    remember(a_desk(), tmp_path / "m")
    with pytest.raises(InvalidData) as caught:
        memory.read(tmp_path / "m", other.world())
    assert f"is of another world ({said})" in str(caught.value)


def test_speed_faults_and_keys_may_change_in_the_same_world() -> None:
    assert Wish(synthetic=1, speed=60, faults="all@0.1", key="a:b", port=1).world() == WORLD
