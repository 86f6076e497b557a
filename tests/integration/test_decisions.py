"""Decisions end to end: every reason is explained, a day adds up, AUTO_MODE=0 sends nothing."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from pipeline_market import CALENDAR, NOON, SECOND
from pipeline_world import World, world_of

from app.api.root import create_app
from app.api.words import WORDS
from app.cli.funnel import funnel as funnel_command
from app.cli.why import why
from app.config import ConfigError, load
from app.engine.errors import InvalidData
from app.engine.ids import slot_of
from app.engine.verdicts import BELOW_NOISE, Reason, Verdict
from app.io.store import sessions, verdicts
from app.io.store.database import Database
from app.io.store.schema import events, intents, model_calls, orders, signals
from app.io.store.sessions import SessionRow
from app.io.store.verdicts import Judged
from app.pipeline import quotes
from app.pipeline import signals as signal_step
from app.pipeline.funnel import funnel
from app.pipeline.why import explain

AT = datetime(2026, 3, 20, 14, 31, tzinfo=UTC)
DAY = date(2026, 3, 20)
BOOK, TOKEN = "us_baskets", "a-token-of-the-test"


@pytest.fixture
def shell(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A session of a day, and a shell in which the commands find it."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    with database.begin() as db:
        hours = (AT - timedelta(hours=1), AT + timedelta(hours=5))
        sessions.save(db, BOOK, SessionRow(DAY, "TRADING", *hours), AT)
    return database


@pytest.fixture
def client(shell: Database) -> TestClient:
    app = create_app(load({"API_TOKEN": TOKEN}, Path("no.env")), shell)
    return TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"})


#: A step and a subject of every kind.
ABOUT = (
    ("signals", "signal:s1"),
    ("model", "event:e1"),
    ("route", "basket:SEMIS:7"),
    ("route", "opposite:s1"),
    ("exits", "intent:i2"),
    ("protect", "intent:i3"),
    ("risk", "intent:i1"),
    ("execute", "intent:i1"),
)


def test_every_reason_is_explained_whatever_it_is_about(
    shell: Database, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [(reason, *about) for reason in Reason for about in ABOUT]
    for n, (reason, step, subject) in enumerate(said):
        judged = Judged("NVDA", subject, Verdict("a_gate", reason, 0.25, timedelta(seconds=n)))
        with shell.begin() as db:
            verdicts.add(db, BOOK, AT + n * timedelta(days=8), "f00d", {step: [judged]})
    for n, (reason, step, subject) in enumerate(said):
        at = (AT + n * timedelta(days=8)).isoformat().replace("+00:00", "Z")
        found = client.get(f"/decisions/why?symbol=NVDA&at={at}").json()["chain"]
        # What is about one intent or signal belongs to one chain, whatever day it is of.
        [told] = [d for d in found if d["at"] == at and d["step"] == step]
        assert (told["reason"], told["words"]) == (reason, WORDS[reason])
        assert (told["measured"], told["limit"]) == ("0.25", f"{n}s")
        assert (told["settings"], told["passed"]) == ("f00d", reason is Reason.PASSED)
        assert told["subject"] == ("" if reason in BELOW_NOISE else subject)
    for reason in Reason:
        n = said.index((reason, "model", "event:e1"))
        why("NVDA", at=(AT + n * timedelta(days=8)).isoformat())
        shown = capsys.readouterr().out
        assert reason is Reason.PASSED or WORDS[reason] in shown.splitlines()[1]


def test_what_is_behind_an_order_is_shown(
    shell: Database, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [("model", "NVDA", "event:e1"), ("signals", "NVDA", "signal:s1")]
    steps += [("route", "SOXS", "basket:SEMIS:7"), ("risk", "SOXS", "intent:i1")]
    with shell.begin() as db:
        for table, row in rows_of_a_chain().items():
            db.execute(sa.insert(table).values({"book": BOOK, "symbol": "SOXS"} | row))
        for step, symbol, subject in steps:
            judged = Judged(symbol, subject, Verdict(f"{step}_gate", Reason.PASSED))
            verdicts.add(db, BOOK, AT, "f00d", {step: [judged]})
    why("SOXS")
    shown = capsys.readouterr().out
    for words in (
        "It became an order: buy 10 SOXS (entry) FILLED, filled 10 at 20.5, for basket SEMIS.",
        "NVDA -0.3000: technical -0.2000",
        "fed_speech on SOXS, rss: Rates  [31m stay",
        'gpt, prompt v7, on NVDA: {"stance": -0.5}, ok, 0.0012 USD',
    ):
        assert words in shown
    told = client.get("/decisions/why?symbol=SOXS").json()
    assert [d["step"] for d in told["chain"]] == ["model", "signals", "route", "risk"]
    assert (told["orders"][0]["signals"], told["signals"][0]["id"]) == (["s1"], "s1")
    assert told["calls"][0]["answer"] == {"stance": -0.5}


def test_which_signals_moved_an_order_and_how_much(
    shell: Database, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_of_a_chain()
    with shell.begin() as db:
        for table, row in rows.items():
            db.execute(sa.insert(table).values({"book": BOOK, "symbol": "SOXS"} | row))
        own = rows[signals] | {"id": "s2", "symbol": "SOXS", "score": 0.1, "components": {}}
        db.execute(sa.insert(signals).values({"book": BOOK} | own))
        db.execute(sa.update(intents).values(signals=["s1", "s2"]))
        judged = Judged("SOXS", "intent:i1", Verdict("a_gate", Reason.PASSED))
        verdicts.add(db, BOOK, AT, "f00d", {"risk": [judged]})
    [order] = client.get("/decisions/why?symbol=SOXS").json()["orders"]
    # The fund's own signal to buy it counts with its sign turned around: both speak against stocks.
    shares = {s["symbol"]: (s["reading"], s["share"]) for s in order["shares"]}
    assert shares == {"NVDA": (-0.3, 0.75), "SOXS": (-0.1, 0.25)}
    assert sum(order["shares"][0]["parts"].values()) == pytest.approx(0.75)
    why("SOXS")
    shown = capsys.readouterr().out
    assert "moved 75.0 % by NVDA -0.3000: " in shown
    assert "moved 25.0 % by SOXS -0.1000: score 25.0 %" in shown


def rows_of_a_chain() -> dict[sa.Table, dict[str, object]]:
    ten, none = Decimal(10), Decimal(0)
    order = {"client_id": "c1", "intent_id": "i1", "side": "buy", "purpose": "entry"}
    order |= {"type": "market", "time_in_force": "day", "extended_hours": False, "fence": 1}
    order |= {"state": "FILLED", "broker": "b", "quantity": ten, "filled_quantity": ten}
    order |= {"average_price": Decimal("20.5"), "reserved_risk": none, "reserved_notional": none}
    call = {"day": DAY, "event_id": "e1", "content_key": "k", "prompt_version": "v7", "at": AT}
    call |= {"prompt": "p", "asked_model": "gpt", "state": "SETTLED", "krw_per_usd": ten}
    call |= {"reserved_usd": none, "cost_usd": Decimal("0.0012"), "outcome": "ok"}
    intent = {"id": "i1", "side": "buy", "purpose": "entry", "price": ten, "at": AT}
    signal = {"id": "s1", "symbol": "NVDA", "slot": 1, "at": AT, "score": -0.3, "price": 20.0}
    event = {"id": "e1", "kind": "fed_speech", "at": AT, "first_seen_at": AT, "source": "rss"}
    return {
        orders: order | {"created_at": AT, "updated_at": AT},
        intents: intent | {"signals": ["s1"], "basket": "SEMIS", "time_in_force": "day"},
        signals: signal | {"components": {"technical": -0.2}},
        events: event
        | {"title": "Rates \x1b[31m stay", "summary": "", "relevance": 1.0, "payload": {}},
        model_calls: call | {"symbol": "NVDA", "answer": {"stance": -0.5}},
    }


# -- a day of the pipeline ----------------------------------------------------------------------


@pytest.fixture
def world(
    request: pytest.FixtureRequest, database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, **getattr(request, "param", {})) as made:
        made.market.drift = {"AAPL": 0.0008, "TSLA": -0.0008, "MSFT": -0.0008}
        assert made.open() == "TRADING"
        yield made


def rise(world: World, ticks: int) -> None:
    for _ in range(ticks):
        world.market.at += 30 * SECOND
        bid, ask = world.market.prices["AAPL"]
        up = Decimal("1.0006")
        world.market.prices["AAPL"] = (round(bid * up, 2), round(ask * up, 2) + Decimal("0.01"))
        slot = slot_of(world.market.at, 30 * SECOND)
        quotes.update(world.to, slot)
        signal_step.generate(world.to, slot)
        world.run()


def test_a_day_adds_up_from_scores_to_fills(world: World) -> None:
    rise(world, 12)
    found = funnel(world.to.database, world.book, CALENDAR, NOON.date())
    stages = {(stage.step, stage.kind): stage for stage in found.stages}
    for stage in found.stages:
        assert stage.taken == stage.passed + sum(refused.count for refused in stage.refused)
        left = stage.taken
        for refused in stage.refused:
            assert refused.reached == left
            left -= refused.count
    with world.to.database.begin() as db:
        count = {t.name: db.scalar(sa.select(sa.func.count()).select_from(t)) for t in TABLES}
    scores = stages["signals", "signal"]
    assert scores.taken == 12 * len(world.book.universe.symbols)
    assert scores.passed == count["signals"] == stages["route", "signal"].taken > 0
    routed = sum(stage.passed for stage in found.stages if stage.step == "route")
    assert routed == stages["risk", "entry"].taken == count["intents"] > 1  # a stock and a basket
    assert stages["risk", "entry"].passed == sum(found.orders.values()) == count["orders"]
    assert stages["execute", "entry"].passed == count["orders"]
    assert found.fills > 0
    assert {r.reason for r in scores.refused} >= {"not_due", "below_cutoff"}
    empty = funnel(world.to.database, world.book, CALENDAR, NOON.date() + timedelta(days=30))
    assert empty.empty


TABLES = (signals, intents, orders)
REFUSED_AT = "SELECT max(at) FROM verdicts WHERE gate = 'auto_mode' AND symbol = 'AAPL'"


@pytest.mark.parametrize("world", [{"auto": False}], indirect=True)
def test_auto_mode_0_decides_and_records_and_sends_nothing(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rise(world, 10)  # longer, and the last reconciliation would be too old
    assert (world.orders(), world.theirs()) == ([], [])
    found = funnel(world.to.database, world.book, CALENDAR, NOON.date())
    [entries] = [stage for stage in found.stages if stage.kind == "entry"]
    assert [(r.gate, r.count) for r in entries.refused] == [("auto_mode", entries.taken)]
    assert (entries.passed, found.orders, found.fills) == (0, {}, 0)
    with world.to.database.begin() as db:
        at = db.execute(sa.text(REFUSED_AT)).scalar_one()
    chain = explain(world.to.database, world.book, "AAPL", at)
    assert (chain.decisions[-1].reason, chain.orders, chain.auto) == ("auto_mode_off", (), False)
    monkeypatch.setenv("DATABASE_URL", world.database_url)
    monkeypatch.setenv("AUTO_MODE", "0")
    why("AAPL", at=at.isoformat())
    shown = capsys.readouterr().out
    assert "Stopped at risk/auto_mode: AUTO_MODE is 0: it is decided and recorded" in shown
    funnel_command(date=NOON.date().isoformat())
    assert "AUTO_MODE is 0: decided and recorded, nothing is submitted." in capsys.readouterr().out


# -- what is asked ------------------------------------------------------------------------------


def test_the_command_and_the_api_count_the_same(
    shell: Database, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    low = [Judged(s, f"signal:{s}", Verdict("cutoff", Reason.BELOW_CUTOFF, 0.1)) for s in "ABC"]
    rest = [Judged(s, f"signal:{s}", Verdict("cooldown", Reason.COOLDOWN, 0.1)) for s in "DE"]
    went = [Judged("F", "signal:F", Verdict(g, Reason.PASSED)) for g in ("cutoff", "cooldown")]
    with shell.begin() as db:
        verdicts.add(db, BOOK, AT, "f00d", {"signals": [*low, *rest, *went]})
        yesterday = datetime(2026, 3, 20, 3, 59, 59, tzinfo=UTC)  # before midnight in New York
        verdicts.add(db, BOOK, yesterday, "f00d", {"signals": rest})
    told = client.get("/decisions/funnel").json()
    [stage] = told["stages"]
    assert (told["date"], stage["taken"], stage["passed"]) == ("2026-03-20", 6, 1)
    assert [(r["reason"], r["reached"], r["count"]) for r in stage["refused"]] == [
        ("below_cutoff", 6, 3),
        ("cooldown", 3, 2),
    ]
    assert stage["refused"][1]["top"] == [
        {"symbol": "D", "count": 1},
        {"symbol": "E", "count": 1},
    ]
    funnel_command(json=True)
    assert json.loads(capsys.readouterr().out) == told
    funnel_command(date="2026-03-20", book=BOOK)
    shown = capsys.readouterr().out
    assert "the score's size is below the cutoff" in shown
    assert "6  scores" in shown
    funnel_command(date="2026-03-21")
    shown = capsys.readouterr().out
    assert "no session on this day" in shown
    assert "Nothing was decided." in shown


@pytest.mark.parametrize(
    "day", ["", "today", "2026-02-30", "20260320", "2026-W12-5", "1999-12-31", "2041-01-01", "１"]
)
def test_a_bad_date_is_one_line(shell: Database, client: TestClient, day: str) -> None:
    with pytest.raises(InvalidData, match=r"--date: .*accepted: a date such as 2026-03-20") as told:
        funnel_command(date=day)
    assert "\n" not in str(told.value)
    answer = client.get("/decisions/funnel", params={"date": day})
    assert answer.status_code == 422
    assert "accepted: a date such as" in answer.json()["detail"]


def test_an_unknown_book_and_a_database_without_a_session_are_one_line(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with pytest.raises(ConfigError, match="us_baskets"):
        funnel_command(book="kr_scout")
    with pytest.raises(InvalidData, match="has had no session"):
        funnel_command()
