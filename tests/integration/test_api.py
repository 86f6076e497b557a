"""The API over a real database: what each route answers, and that it never writes."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.api.root import create_app
from app.config import Settings, load
from app.engine.book import BookStatus
from app.engine.market import Quote
from app.engine.orders import Order, OrderState, OrderType, Purpose, Side, TimeInForce
from app.engine.portfolio import Account, Position
from app.engine.verdicts import Reason, Verdict
from app.io.store import accounts, book_states, orders, positions, quotes, sessions, verdicts
from app.io.store.database import Database
from app.io.store.sessions import SessionRow
from app.io.store.verdicts import Judged

TOKEN = "a-token-of-the-test"
AT = datetime(2026, 3, 20, 14, 31, tzinfo=UTC)
BOOK = "us_baskets"


def settings_for(**environ: str) -> Settings:
    return load(environ, Path("there-is-no.env"))


def an_order(n: int, **changes: object) -> Order:
    values = {
        "client_id": f"us-{n}",
        "book": BOOK,
        "intent_id": f"intent-{n}",
        "symbol": "SQQQ",
        "side": Side.BUY,
        "purpose": Purpose.ENTRY,
        "quantity": Decimal(10),
        "type": OrderType.MARKET,
        "time_in_force": TimeInForce.DAY,
        "created_at": AT + timedelta(minutes=n),
        "reserved_risk": Decimal(20),
        "reserved_notional": Decimal(200),
    }
    return Order(**values | changes)  # type: ignore[arg-type]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url, "test-api")
    yield made
    made.dispose()


@pytest.fixture
def book(database: Database) -> None:
    """A book in the middle of its day: one position, two orders, a chain of verdicts."""
    settings = settings_for()
    with database.begin() as db:
        book_states.ensure(db, settings.books[0], "f00d", AT)
        book_states.set_reconciled(db, BOOK, AT)
        hours = (AT - timedelta(hours=1), AT + timedelta(hours=5))
        sessions.save(db, BOOK, SessionRow(date(2026, 3, 20), "TRADING", *hours), AT)
        account = Account(Decimal(10000), Decimal(10000), Decimal(20000))
        accounts.add(db, BOOK, AT - timedelta(hours=1), "open", account)
        held = Position("SQQQ", Decimal(40), Decimal("25.5"), stop_price=Decimal("25"))
        positions.save(db, BOOK, held, AT)
        quotes.save(db, BOOK, [Quote("SQQQ", AT, 25.9, 26.1, 26.0, 1e6)])
        assert orders.insert(db, an_order(1), "alpaca")
        assert orders.insert(db, an_order(2, symbol="AAPL", state=OrderState.NEW), "alpaca")
        said = [
            Judged("SQQQ", "intent:intent-1", Verdict("status", Reason.PASSED)),
            Judged(
                "SQQQ",
                "intent:intent-1",
                Verdict("price", Reason.STALE_PRICE, timedelta(seconds=91), 90),
            ),
        ]
        verdicts.add(db, BOOK, AT, "f00d", {"risk": said})


def client_for(database: Database, **environ: str) -> TestClient:
    app = create_app(settings_for(**environ), database)
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def client(database: Database, book: None) -> TestClient:
    made = client_for(database, API_TOKEN=TOKEN)
    made.headers["Authorization"] = f"Bearer {TOKEN}"
    return made


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health_is_open_and_names_every_book(client: TestClient, path: str) -> None:
    del client.headers["Authorization"]
    answer = client.get(path)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["database"]) == ("ok", "reachable")
    [told] = body["books"]
    assert told["book"] == BOOK
    assert (told["mode"], told["status"], told["set_by"]) == ("PAPER", "ACTIVE", "start")
    assert (told["phase"], told["session_date"]) == ("TRADING", "2026-03-20")
    assert datetime.fromisoformat(told["reconciled_at"]) == AT
    assert TOKEN not in answer.text


def test_health_of_a_book_that_was_never_started(database: Database) -> None:
    [told] = client_for(database).get("/health").json()["books"]
    assert told["status"] is None
    assert told["phase"] is None


def test_health_shows_who_halted_a_book_and_why(client: TestClient, database: Database) -> None:
    with database.begin() as db:
        book_states.set_status(db, BOOK, BookStatus.HALTED, "rate fuse: 31", "rate_fuse", AT)
    [told] = client.get("/health").json()["books"]
    assert (told["status"], told["why"], told["set_by"]) == ("HALTED", "rate fuse: 31", "rate_fuse")


def test_positions(client: TestClient) -> None:
    assert client.get("/positions").json() == {
        "book": BOOK,
        "positions": [
            {
                "symbol": "SQQQ",
                "quantity": "40",
                "average_price": "25.5",
                "stop_price": "25",
                "last_price": "26",
                "unrealised": "20.00",
            }
        ],
    }


def test_weighted_positions(client: TestClient) -> None:
    body = client.get("/portfolio/positions").json()
    # Equity is the opening cash and the position at its last price; there were no fills.
    assert body["equity"] == "11040.00"
    [held] = body["positions"]
    assert (held["market_value"], held["risk"]) == ("1040.00", "20.00")
    assert Decimal(held["weight_pct"]) == round(Decimal(1040) / Decimal(11040) * 100, 4)
    assert Decimal(held["risk_pct"]) == round(Decimal(20) / Decimal(11040) * 100, 4)


def test_summary(client: TestClient) -> None:
    body = client.get("/portfolio/summary").json()
    share = Decimal(20 + 20 + 20) / Decimal(11040)  # the position and two unfinished entries
    assert Decimal(body.pop("current_risk_pct")) == round(share * 100, 4)
    assert Decimal(body.pop("remaining_capacity")) == round(Decimal("0.02") - share, 6)
    assert body == {
        "book": BOOK,
        "equity": "11040.00",
        "cash": "10000.00",
        "day_pnl": "1040.00",
        "max_risk_pct": "2",
        "risk_status": "OK",
        "daily_loss_limit": "0.02",
        "risk_per_trade": "0.005",
        "max_positions": 4,
        "stop_loss_pct": "1.5",
    }


def test_summary_says_what_leaves_no_room(client: TestClient, database: Database) -> None:
    def status() -> str:
        return str(client.get("/portfolio/summary").json()["risk_status"])

    with database.begin() as db:
        orders.insert(db, an_order(3, reserved_risk=Decimal(500)), "alpaca")
    assert status() == "FULL"
    with database.begin() as db:
        fallen = Account(Decimal(10000), Decimal(12000), Decimal(20000))
        accounts.add(db, BOOK, AT, "open", fallen)
    assert status() == "DAILY_LOSS"
    with database.begin() as db:
        book_states.set_status(db, BOOK, BookStatus.REDUCING, "by hand", "me", AT)
    assert status() == "BLOCKED"


def test_summary_of_a_book_that_was_never_started_is_one_line(database: Database) -> None:
    client = client_for(database, API_TOKEN=TOKEN)
    answer = client.get("/portfolio/summary", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 409
    assert "never started" in answer.json()["detail"]


def test_orders_newest_first_and_filtered(client: TestClient) -> None:
    def ids(query: str) -> list[str]:
        return [o["client_id"] for o in client.get(f"/orders{query}").json()["orders"]]

    assert ids("") == ["us-2", "us-1"]
    assert ids("?limit=1") == ["us-2"]
    assert ids("?symbol=SQQQ") == ["us-1"]
    assert ids("?state=NEW&symbol=AAPL") == ["us-2"]
    assert ids("?state=FILLED") == []
    order = client.get("/v1/orders?symbol=SQQQ").json()["orders"][0]
    assert (order["quantity"], order["filled_quantity"]) == ("10", "0")
    assert order["average_price"] is None


def test_verdicts_of_a_symbol_are_its_chain(client: TestClient) -> None:
    found = client.get("/verdicts?symbol=SQQQ").json()["verdicts"]
    assert [(v["gate"], v["passed"]) for v in found] == [("status", True), ("price", False)]
    assert found[1]["words"] == "there is no price that is fresh enough"
    assert (found[1]["measured"], found[1]["limit"]) == ("91s", "90")
    assert client.get("/verdicts?symbol=NVDA").json()["verdicts"] == []


@pytest.mark.parametrize(
    ("at", "count"),
    [
        ("2026-03-20T14:31:00Z", 2),
        ("2026-03-20T14:30:59Z", 0),
        ("2026-03-20T10:31:00-04:00", 2),
        ("2026-03-20T15:31:00+01:00", 2),  # the + arrives as a blank
    ],
)
def test_verdicts_at_a_time(client: TestClient, at: str, count: int) -> None:
    for query in (f"symbol=SQQQ&at={at}", f"at={at}"):
        assert len(client.get(f"/verdicts?{query}").json()["verdicts"]) == count


def test_newest_verdicts_come_first(client: TestClient) -> None:
    found = client.get("/verdicts?limit=1").json()["verdicts"]
    assert [v["gate"] for v in found] == ["price"]
