"""A day is played with other settings, beside the same day with its own."""

import pytest
from pipeline_market import MINUTE, D
from pipeline_world import World
from test_replay import half_a_minute, lively, move, the_day
from test_replay import world as world

from app.config.errors import ConfigError
from app.engine.orders import OrderState
from app.lab.comparison import compared, kind_of
from app.lab.whatif import Outcome, Wish, play


@pytest.fixture
def rising(world: World) -> World:
    """A day on which AAPL and TSLA are bought, and AAPL rises."""
    for turn in range(5):
        world.market.at += MINUTE / 2
        move(world, "AAPL", "0.001")
        world.happens("AAPL", id=f"e:{turn}", at=world.market.at, first_seen_at=world.market.at)
        half_a_minute(world)
    for _ in range(12):
        world.market.at += MINUTE / 2
        move(world, "AAPL", "0.0015")
        half_a_minute(world)
    return world


def played(world: World, **wish: object) -> Outcome:
    day = the_day(world)
    changes = {name: str(value) for name, value in wish.items()}
    return play(day.book, day.rows, Wish(changes) if changes else None)


def bought(outcome: Outcome) -> list[str]:
    return [o.symbol for o in outcome.orders if o.purpose == "entry" and o.filled_quantity]


def test_as_it_was_a_day_buys_what_it_bought(rising: World) -> None:
    mine = [o.symbol for o in rising.orders() if o.purpose == "entry" and o.filled_quantity]
    assert sorted(mine) == ["AAPL", "TSLA"]
    as_it_was = played(rising)
    assert sorted(bought(as_it_was)) == sorted(mine)
    assert as_it_was.gained > 0
    assert played(rising) == as_it_was


def test_a_higher_cutoff_buys_nothing_and_its_gate_has_cost_what_was_gained(rising: World) -> None:
    wished = played(rising, MIXER_THRESHOLD="0.8", RTH_CUTOFF="0.8", LLM_MIN_SIGNAL_SCORE="1")
    assert bought(wished) == []
    assert wished.gained == 0
    assert wished.verdicts["signals", "cutoff", "below_cutoff"] > 0


def test_half_the_risk_buys_fewer_shares(rising: World) -> None:
    as_it_was, wished = played(rising), played(rising, RISK_PER_TRADE="0.0025")
    one, other = (
        {o.symbol: o.quantity for o in day.orders if o.purpose == "entry"}
        for day in (as_it_was, wished)
    )
    assert all(0 < other[symbol] < quantity for symbol, quantity in one.items())
    assert 0 < wished.gained < as_it_was.gained


def test_a_lower_target_sells_what_was_kept(rising: World) -> None:
    as_it_was, wished = played(rising), played(rising, TAKE_PROFIT_PCT="0.01")
    sold = [o.purpose for o in wished.orders if o.state is OrderState.FILLED and o.side == "sell"]
    assert "take_profit" in sold
    assert "take_profit" not in [o.purpose for o in as_it_was.orders]


def test_a_gate_that_is_left_out_refuses_nothing(world: World) -> None:
    lively(world)
    day = the_day(world)
    as_it_was = play(day.book, day.rows)
    refusals = {gate for _, gate, reason in as_it_was.verdicts if reason != "passed"}
    assert "cooldown" in refusals
    without = play(day.book, day.rows, Wish({}, frozenset({"cooldown"})))
    assert all(reason == "passed" for _, g, reason in without.verdicts if g == "cooldown")
    assert without.signals > as_it_was.signals
    gate = as_it_was.gates["cooldown"]
    assert gate.refused >= gate.trades >= 1


def test_a_change_that_cannot_be_made_is_named(rising: World) -> None:
    with pytest.raises(ConfigError, match="NO_SUCH_NUMBER: not a setting of a book"):
        played(rising, NO_SUCH_NUMBER="1")
    with pytest.raises(ConfigError, match=r"RISK_PER_TRADE: '2'; accepted"):
        played(rising, RISK_PER_TRADE="2")
    with pytest.raises(ConfigError, match="RTH_CUTOFF"):
        played(rising, RTH_CUTOFF="0.2")


def test_what_differs_is_told_in_numbers_and_by_order(rising: World) -> None:
    day = the_day(rising)
    wish = Wish({"RISK_PER_TRADE": "0.0025"})
    body = compared(
        day.book, day.date, wish, play(day.book, day.rows), play(day.book, day.rows, wish)
    )
    figures = body["figures"]["profit or loss"]
    assert D(figures["before"]) > D(figures["after"]) > 0
    entries = [o for o in body["orders"]["only_after"] if o["purpose"] == "entry"]
    assert sorted(o["symbol"] for o in entries) == ["AAPL", "TSLA"]
    assert body["changes"] == {"RISK_PER_TRADE": "0.0025"}
    assert kind_of(wish) == kind_of(Wish({"RISK_PER_TRADE": "0.0025"}))
    assert kind_of(wish) != kind_of(Wish({"RISK_PER_TRADE": "0.002"}))
