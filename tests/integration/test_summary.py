"""Summaries of settled days: the command and the route, and what they say of a wrong question."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pipeline_market import MINUTE, NOON, SECOND
from pipeline_world import World, world_of
from sessions_world import CLOSE, MONDAY, MONDAYS_CLOSE, sell, settled, teller
from switch_world import money as money_of

from app.api.root import create_app
from app.cli.summary import summary
from app.config import load
from app.engine.errors import InvalidData
from app.engine.market import Bar
from app.engine.portfolio import Fee
from app.engine.rounding import decimal
from app.io.store import bars
from app.io.store.database import Database
from app.pipeline import reconcile

TOKEN = "a-token-of-the-test"
FRIDAY, NEXT = NOON.date(), MONDAY.date()


@pytest.fixture
def world(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "120")
    with world_of((database_url, redis_url), tmp_path) as made:
        assert made.open() == "TRADING"
        yield made


@pytest.fixture
def client(database_url: str) -> Iterator[TestClient]:
    database = Database(database_url, "test-api")
    app = create_app(load({"API_TOKEN": TOKEN}, Path("there-is-no.env")), database)
    yield TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"})
    database.dispose()


def a_trade(world: World, symbol: str, sold_at: str, low: float, high: float) -> Decimal:
    """Buy and sell, with two bars between that reach so far down and up; return the gain."""
    bought = world.buy(symbol)
    assert bought.average_price is not None
    entry = float(bought.average_price)
    start = world.market.at.replace(second=0, microsecond=0) + MINUTE
    made = [
        Bar(symbol, start + n * 30 * SECOND, entry, entry * high, entry * low, entry, 1.0)
        for n in range(2)
    ]
    with world.to.database.begin() as db:
        bars.insert(db, world.book.id, made, "live")
    world.at(start + 2 * MINUTE)
    world.price(symbol, sold_at)
    sell(world, symbol)
    gain = Decimal(sold_at) - Decimal("0.01") - bought.average_price
    return gain * bought.quantity


def two_days(world: World) -> tuple[Decimal, Decimal, Decimal]:
    """A winner and a loser on Friday with a fee, a winner on Monday; return what each gained."""
    bank = teller(world)
    won = a_trade(world, "AAPL", "103", 0.99, 1.04)
    lost = a_trade(world, "MSFT", "190", 0.94, 1.01)
    bank.charged = (Fee("one", FRIDAY, Decimal("1.25")),)
    world.at(CLOSE)
    assert world.open() == "CLOSED"
    world.at(MONDAY + MINUTE)
    world.open()
    again = a_trade(world, "NVDA", "51", 0.98, 1.03)
    world.at(MONDAYS_CLOSE)
    assert world.open() == "CLOSED"
    return won, lost, again


def asked(capsys: pytest.CaptureFixture[str], **question: Any) -> dict[str, Any]:
    summary(json=True, **question)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def test_i4_a_day_and_a_range(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    won, lost, again = two_days(world)
    friday = asked(capsys, date="2026-03-20")
    assert friday["realised"] == money(won + lost)
    assert (friday["fees"], friday["unrealised"]) == ("1.25", "0.00")
    assert friday["profit"] == money(won + lost - Decimal("1.25"))
    assert (friday["trades_closed"], friday["win_rate"]) == (2, 0.5)
    assert friday["profit_factor"] == round(float(won / -lost), 6)
    excursions = {t["symbol"]: (t["adverse"], t["favourable"]) for t in friday["trades"]}
    assert excursions == {"AAPL": ("0.01", "0.04"), "MSFT": ("0.06", "0.01")}
    both = asked(capsys, first="2026-03-20", last="2026-03-23")
    assert both["realised"] == money(won + lost + again)
    assert [day["date"] for day in both["days"]] == ["2026-03-20", "2026-03-23"]
    assert (both["trades_closed"], both["win_rate"]) == (3, round(2 / 3, 6))
    assert [day["difference"] for day in both["days"]] == ["0.00", "0.00"]
    assert (both["first"], both["last"]) == ("2026-03-20", "2026-03-23")
    # Without a date it is the newest day; a range may begin and end where nothing was settled.
    assert asked(capsys)["days"] == both["days"][1:]
    assert asked(capsys, first="2026-01-01", last="2026-12-31") == both


def test_i4_profit_is_what_the_equity_became(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Held over the weekend: each day has its part of the gain, and both together all of it."""
    world.buy("AAPL")
    world.price("AAPL", "102")
    world.at(CLOSE)
    world.open()
    world.at(MONDAY + MINUTE)
    world.open()
    world.price("AAPL", "101")
    sell(world, "AAPL")
    world.at(MONDAYS_CLOSE)
    world.open()
    both = asked(capsys, first="2026-03-20", last="2026-03-23")
    one, two = (Decimal(day["profit"]) for day in both["days"])
    assert one == round(settled(world, NOON).equity_close - 100_000, 2)
    assert one > 0 > two
    assert one + two == Decimal(both["profit"]) == Decimal(both["realised"])
    assert Decimal(both["profit"]) == round(world.broker.ledger.account().cash - 100_000, 2)
    (trade,) = both["trades"]
    assert (trade["symbol"], trade["adverse"] is None) == ("AAPL", False)


def test_i4_the_drawdown_is_of_what_the_book_gained_and_not_of_what_was_paid(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Within a day as well: a fall and back, while half is taken out and much is paid in."""
    bank = teller(world)
    world.buy("AAPL")
    worth = [money_of(world).equity]
    for last, paid in (("104", "0"), ("98", "50000"), ("101", "-50000"), ("101", "900000")):
        bank.deposited = Decimal(paid)
        world.price("AAPL", last)
        world.wait(MINUTE)
        reconcile.run(world.to)
        worth.append(money_of(world).equity)
    world.at(CLOSE)
    world.open()
    told = asked(capsys)
    assert told["max_drawdown"] == money(max(worth) - min(worth))
    assert told["max_drawdown_share"] == round(float(1 - min(worth) / max(worth)), 6)


def test_i4_what_was_taken_out_in_the_night_is_no_drawdown(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    bank = teller(world)
    lost = a_trade(world, "AAPL", "99", 0.99, 1.0)
    world.at(CLOSE)
    world.open()
    bank.deposited = Decimal(-50_000)
    world.at(MONDAY + MINUTE)
    world.open()
    again = a_trade(world, "NVDA", "49", 0.98, 1.0)
    world.at(MONDAYS_CLOSE)
    world.open()
    both = asked(capsys, first="2026-03-20", last="2026-03-23")
    fallen, left = -(lost + again), money_of(world).equity
    assert both["max_drawdown"] == money(fallen)
    assert both["max_drawdown_share"] == round(float(fallen / (left + fallen)), 6)


def test_i4_a_trade_without_a_bar_has_the_excursion_of_its_fills(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """In and out within a minute: what it lost it also fell by."""
    bought = world.buy("AAPL")
    world.price("AAPL", "97")
    sell(world, "AAPL")
    world.at(CLOSE)
    world.open()
    (trade,) = asked(capsys)["trades"]
    assert bought.average_price == Decimal("100.01")
    adverse = (Decimal("100.01") - Decimal("96.99")) / Decimal("100.01")
    assert (trade["adverse"], trade["favourable"]) == (str(decimal(adverse)), "0")


def test_the_command_prints_a_table(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    won, lost, again = two_days(world)
    summary(first="2026-03-20", last="2026-03-23")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "us_baskets from 2026-03-20 to 2026-03-23"
    lines = {line.split("  ")[0].strip(): line for line in shown if line.strip()}
    assert f"{won + lost + again:,.2f}" in lines["realised"]
    assert "66.67 %" in lines["win rate"]
    assert lines["2026-03-20"].split()[-1] == lines["2026-03-23"].split()[-1] == "0.00"
    assert lines["MSFT"].split()[-4:] == ["6.00", "%", "1.00", "%"]
    assert lines["AAPL"].split()[1:4] == ["03-20", "11:00", "11:03"]
    summary(date="2026-03-23")
    assert capsys.readouterr().out.splitlines()[0] == "us_baskets on 2026-03-23"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"date": "friday"}, "DATE: 'friday'; accepted: a date such as 2026-03-20"),
        ({"date": "20260320"}, "DATE: '20260320'; accepted: a date"),
        ({"first": "2026-02-30", "last": "2026-03-01"}, "--from: '2026-02-30'; accepted: a date"),
        ({"first": "2026-03-01", "last": "1999-01-01"}, "--to: '1999-01-01'; accepted: a date"),
        ({"first": "2026-03-20"}, "from and to belong together: give both, or one date"),
        ({"last": "2026-03-20"}, "from and to belong together: give both, or one date"),
        ({"date": "2026-03-20", "last": "2026-03-20"}, "give either one date, or from and to"),
        (
            {"first": "2026-03-21", "last": "2026-03-20"},
            "from 2026-03-21 is after to 2026-03-20: swap them",
        ),
        (
            {"date": "2026-03-20"},
            "us_baskets has no settlement on 2026-03-20, whose session is TRADING:"
            " no day was settled yet",
        ),
        ({}, "us_baskets has no settlement: no day was settled yet"),
    ],
)
def test_a_wrong_question_is_one_line(world: World, question: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidData) as refused:
        summary(**question)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_an_empty_range_says_what_is_there(world: World) -> None:
    world.at(CLOSE)
    world.open()
    with pytest.raises(InvalidData) as refused:
        summary(first="2026-03-21", last="2026-03-22")
    assert str(refused.value) == (
        "us_baskets has no settlement from 2026-03-21 to 2026-03-22:"
        " the newest settled day is 2026-03-20"
    )


def test_the_route_says_what_the_command_does(
    world: World, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    two_days(world)
    both = asked(capsys, first="2026-03-20", last="2026-03-23")
    ask = {"from": "2026-03-20", "to": "2026-03-23"}
    assert client.get("/portfolio/daily", params=ask).json() == both
    assert client.get("/v1/portfolio/daily").json()["days"] == both["days"][1:]
    friday = client.get("/portfolio/daily", params={"date": "2026-03-20"}).json()
    assert friday["days"] == both["days"][:1]


@pytest.mark.parametrize(
    ("question", "status", "said"),
    [
        ({"date": "friday"}, 422, "date: 'friday'; accepted: a date"),
        ({"from": "2026-03-21", "to": "2026-03-20"}, 422, "from 2026-03-21 is after to 2026-03-20"),
        ({"from": "2026-03-21"}, 422, "from and to belong together"),
        ({"since": "2026-03-21"}, 422, "since: no such parameter"),
        ({"date": "2026-03-21"}, 404, "us_baskets has no settlement on 2026-03-21"),
    ],
)
def test_a_wrong_question_to_the_route_is_a_problem(
    world: World, client: TestClient, question: dict[str, str], status: int, said: str
) -> None:
    answer = client.get("/portfolio/daily", params=question)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_a_day_settled_late_is_marked(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.buy("AAPL")
    world.at(NOON + timedelta(days=1))
    world.open()
    told = asked(capsys, date=date(2026, 3, 20).isoformat())
    assert (told["days"][0]["late"], told["days"][0]["broker_equity"]) == (True, None)
    summary()
    assert "2026-03-20 late" in capsys.readouterr().out
