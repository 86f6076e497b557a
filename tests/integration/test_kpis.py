"""Hourly key figures over real tables: what is written when, and what the commands show."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pipeline_market import NOON, SECOND
from pipeline_world import World, world_of

from app.cli import kpis as command
from app.engine.errors import InvalidData
from app.engine.ids import slot_of
from app.engine.market import Bar
from app.engine.orders import Purpose
from app.engine.verdicts import Reason, Verdict
from app.io.store import bars, kpis, verdicts
from app.io.store.kpis import Row
from app.io.store.schema import model_calls
from app.pipeline import kpis as steps
from app.pipeline.services import Services

BOOK = "us_baskets"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CLOSE = datetime(2026, 3, 20, 20, 0, tzinfo=UTC)


@pytest.fixture
def world(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    with world_of((database_url, redis_url), tmp_path) as made:
        assert made.open() == "TRADING"
        yield made


def write(world: World, until: datetime, to: Services | None = None) -> str:
    return steps.write(to or world.to, slot_of(until, HOUR))


def rows(world: World) -> list[Row]:
    with world.to.database.begin() as db:
        return kpis.listing(db, BOOK, NOON - 24 * HOUR, NOON + 24 * HOUR)


def a_busy_hour(world: World) -> None:
    """A position with bars on both sides of its entry, signals, refusals and a model's call."""
    bought = world.buy("AAPL")
    assert bought.average_price is not None
    entry = float(bought.average_price)
    at = NOON + MINUTE
    moves = [
        Bar("AAPL", at + n * 30 * SECOND, entry, entry * 1.02, entry * 0.99, entry, 1.0)
        for n in range(2)
    ]
    before = Bar("AAPL", NOON - MINUTE, entry, entry * 9, entry / 9, entry, 1.0)
    refused = [("AAPL", f"signal:{n}", Verdict("lock", Reason.DIRECTION_LOCK)) for n in range(3)]
    with world.to.database.begin() as db:
        bars.insert(db, BOOK, [before, *moves], "live")
        verdicts.add(db, BOOK, at, "f", {"signals": refused})
        for state, cost in (("SETTLED", Decimal("0.25")), ("RESERVED", None)):
            values = dict.fromkeys(
                ("symbol", "event_id", "content_key", "prompt_version", "prompt", "asked_model"),
                "x",
            )
            money = {"reserved_usd": Decimal(1), "cost_usd": cost, "krw_per_usd": Decimal(1450)}
            db.execute(
                model_calls.insert().values(
                    book=BOOK, at=at, day=at.date(), state=state, **values, **money
                )
            )
    world.at(at)
    world.signal("AAPL", -0.4)


def test_an_hour_is_a_row(world: World) -> None:
    world.to.buckets.take("quotes.tier_a", NOON)
    assert write(world, NOON) == "0 signals, 0 positions"
    world.to.buckets.take("quotes.tier_a", NOON)
    a_busy_hour(world)
    world.at(NOON + HOUR)
    assert write(world, NOON + HOUR) == "2 signals, 1 positions"
    first, second = rows(world)
    assert (first.at, second.at) == (NOON, NOON + HOUR)
    assert first.body["tokens"] is None  # nothing to compare the counters with
    assert first.body["strong_rate"] is None
    body = second.body
    assert body["suppressed"]["direction_lock"] == body["direction_locks"] == 3
    assert (body["strong"], body["strong_rate"], body["flip_flops"]) == (1, 0.5, 1)
    assert (body["mae_median"], body["mfe_median"]) == ("0.01", "0.02")
    assert body["tokens"]["quotes.tier_a"] == {"granted": 1, "refused": 0, "overflow": 0.0}
    assert (body["model_calls"], body["model_usd"]) == (2, "1.25")
    assert body["settings"] == "fingerprint"


def test_redis_away_is_null_and_not_zero(world: World) -> None:
    url, world.redis_url = world.redis_url, "redis://127.0.0.1:1/0"
    blind = world.worker()
    world.redis_url = url
    write(world, NOON)
    write(world, NOON + HOUR, blind)
    write(world, NOON + 2 * HOUR)
    write(world, NOON + 3 * HOUR)
    assert [row.body["tokens"] is None for row in rows(world)] == [True, True, True, False]


def test_outside_the_session_nothing_is_written(world: World) -> None:
    for until in (NOON - 3 * HOUR, CLOSE + HOUR, CLOSE + 24 * HOUR):
        assert write(world, until) == "outside the session"
    assert rows(world) == []


def test_the_first_hour_is_not_charged_with_the_night(world: World) -> None:
    """Tokens are counted from the last hour before the open, and never from yesterday's close."""
    open_ = world.to.calendar.session_for(NOON).open.replace(minute=0)  # 09:30 in New York
    write(world, CLOSE - 24 * HOUR)
    world.to.buckets.take("quotes.tier_a", NOON)
    write(world, open_ + HOUR)
    assert [row.body["tokens"] for row in rows(world)] == [None, None]
    write(world, open_)
    world.to.buckets.take("quotes.tier_a", NOON)
    write(world, open_ + HOUR)
    assert rows(world)[-1].body["tokens"]["quotes.tier_a"]["granted"] == 1


def test_the_last_hour_is_written_when_the_session_closes(world: World) -> None:
    world.buy("AAPL")
    world.intend("AAPL", Purpose.FLATTEN)
    world.run()
    world.stream(world.order("AAPL"))
    world.run()
    world.at(CLOSE + MINUTE)
    assert world.open() == "CLOSED"
    [last] = rows(world)
    assert last.at == CLOSE
    assert last.body["since"] == (CLOSE - HOUR).isoformat()
    write(world, CLOSE)
    assert len(rows(world)) == 1


def test_a_part_of_an_interval_is_written_too(world: World) -> None:
    policy = world.book.schedule
    uneven = replace(
        world.to, book=replace(world.book, schedule=replace(policy, kpis=timedelta(minutes=50)))
    )
    hours = world.to.calendar.session_for(NOON)
    steps.write_last(uneven, hours)
    [last] = rows(world)
    assert last.at == CLOSE
    since = datetime.fromisoformat(last.body["since"])
    assert timedelta(0) < CLOSE - since <= timedelta(minutes=50)
    assert since.timestamp() % 3000 == 0


def test_the_command_shows_a_day(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    command.kpis()
    assert capsys.readouterr().out == "There are no key figures of us_baskets yet.\n"
    write(world, NOON)
    a_busy_hour(world)
    world.at(NOON + HOUR)
    write(world, NOON + HOUR)
    capsys.readouterr()
    command.kpis(date="2026-03-20")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "us_baskets on 2026-03-20"
    figures = {line[:22].strip(): line[22:].split() for line in shown if line.strip()}
    assert figures["until"] == ["11:00", "12:00"]
    assert figures["signals"] == ["0", "2"]
    assert figures["strong"] == ["-", "50.00", "%"]
    assert figures["median for (MFE)"] == ["-", "2.00", "%"]
    command.kpis(json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["date"], len(told["hours"])) == ("2026-03-20", 2)
    assert told["hours"][1]["figures"]["generated"] == 2
    command.kpis(date="2026-03-19")
    assert capsys.readouterr().out == "There are no key figures of us_baskets on 2026-03-19.\n"
    with pytest.raises(InvalidData, match="--date: 'friday'; accepted: a date"):
        command.kpis(date="friday")
