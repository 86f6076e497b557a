"""The migrations make exactly the tables of the schema, once, whoever asks and how often."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy.engine import make_url

from app.engine.book import BookStatus
from app.engine.errors import InvalidData, Transient
from app.io.store import adjustments, chains, order_links, status_log, verdicts
from app.io.store import migrate as migration
from app.io.store.chains import Decision
from app.io.store.migrate import migrate
from app.io.store.schema import metadata

CHECKS = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0 ORDER BY 1"
VERSION = "SELECT version_num FROM alembic_version"


@pytest.fixture
def empty_url(database_url: str) -> Iterator[str]:
    """A database without a table."""
    url = make_url(database_url)
    name = f"{url.database}_empty"
    server = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with server.connect() as db:
        db.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
        yield url.set(database=name).render_as_string(hide_password=False)
        db.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def _ask(url: str, question: str) -> list[object]:
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as db:
        return list(db.exec_driver_sql(question).scalars())


def test_the_migrated_database_is_the_schema(empty_url: str) -> None:
    migrate(empty_url)
    options = {"compare_type": True, "compare_server_default": True}
    with sa.create_engine(empty_url, poolclass=sa.NullPool).connect() as db:
        context = MigrationContext.configure(db, opts=options)
        assert compare_metadata(context, metadata) == []
    made = _ask(empty_url, CHECKS)
    declared = sorted(
        str(constraint.name if "ck_" in str(constraint.name) else f"ck_{table}_{constraint.name}")
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint)
    )
    assert made == declared
    assert len(made) >= 10


def test_the_comparison_notices_a_difference(empty_url: str) -> None:
    migrate(empty_url)
    with sa.create_engine(empty_url, poolclass=sa.NullPool).begin() as db:
        db.exec_driver_sql("ALTER TABLE orders DROP COLUMN error")
        assert compare_metadata(MigrationContext.configure(db), metadata) != []


def test_a_second_run_changes_nothing(empty_url: str) -> None:
    migrate(empty_url)
    before = _ask(empty_url, VERSION)
    migrate(empty_url)
    assert _ask(empty_url, VERSION) == before
    assert len(before) == 1


@contextmanager
def version(url: str, number: str) -> Iterator[sa.Connection]:
    """Bring a database to an earlier version, and yield it."""
    config = Config()
    config.set_main_option("script_location", f"{Path(migration.__file__).parent}/migrations")
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as db:
        config.attributes["connection"] = db
        command.upgrade(config, number)
        yield db


def test_an_order_that_the_broker_had_before_is_found_by_its_id(empty_url: str) -> None:
    at = datetime(2026, 3, 20, 14, 30, tzinfo=UTC)
    with version(empty_url, "0010") as db:
        for client_id, broker_id in (("c1", "b-1"), ("c2", None)):
            db.exec_driver_sql(
                "INSERT INTO orders (client_id, book, intent_id, symbol, side, purpose, quantity,"
                " type, time_in_force, extended_hours, state, fence, broker, broker_id,"
                " filled_quantity, average_price, reserved_risk, reserved_notional, created_at,"
                " updated_at) VALUES (%s, 'us_baskets', %s, 'AAPL', 'buy', 'entry', 10, 'market',"
                " 'day', false, 'PARTIAL', 1, 'alpaca', %s, 4, 9.5, 0, 0, %s, %s)",
                (client_id, client_id, broker_id, at, at),
            )
    migrate(empty_url)
    with sa.create_engine(empty_url, poolclass=sa.NullPool).begin() as db:
        assert order_links.owners(db, "alpaca", ["b-1", "b-2"]) == {"b-1": "c1"}
        [link] = order_links.load(db, "c1")
        assert (link.quantity, link.filled_quantity, link.average_price) == (10, 4, Decimal("9.5"))
        assert not link.ended


def test_refusals_that_an_earlier_version_wrote_are_kept(empty_url: str) -> None:
    at = datetime(2026, 3, 20, 14, 30, tzinfo=UTC)
    with version(empty_url, "0007") as db:
        db.exec_driver_sql(
            "INSERT INTO verdict_slots VALUES (%s, %s, 'signals', 'cutoff', 'below_cutoff',"
            " '{NVDA,AMD}', '{0.05,0.07}', '{0.12,NULL}', 'f00d')",
            ("us_baskets", at),
        )
    migrate(empty_url)
    with sa.create_engine(empty_url, poolclass=sa.NullPool).begin() as db:
        [told] = chains.chain(db, "us_baskets", "AMD")
        first = "signals", "AMD", "", "cutoff", "below_cutoff", "0.07", None, "f00d"
        assert told == Decision(at, *first)
        assert [d.limit for d in chains.chain(db, "us_baskets", "NVDA")] == ["0.12"]
        day = timedelta(days=1)
        assert verdicts.counts(db, "us_baskets", at, at + day) == {"below_cutoff": 2}


def test_what_was_adopted_before_is_an_adjustment_at_what_it_had_cost(empty_url: str) -> None:
    """Seven adopted at 200, two of them sold at 210: five are held, 20 are realised."""
    config = Config()
    config.set_main_option("script_location", f"{Path(migration.__file__).parent}/migrations")
    with sa.create_engine(empty_url, poolclass=sa.NullPool).begin() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0010")
        for statement in (
            "INSERT INTO recovery_logs (book, at, kind, subject, ours, theirs, action)"
            " VALUES ('us_baskets', now(), 'position', 'MSFT', '0', '7', 'adopted'),"
            " ('us_baskets', now(), 'order', 'an-id', 'UNKNOWN', 'filled', 'adopted')",
            "INSERT INTO positions (book, symbol, quantity, average_price, realised, updated_at)"
            " VALUES ('us_baskets', 'MSFT', 5, 200, 20, now())",
            "INSERT INTO fills (broker, execution_id, book, client_id, broker_order_id, symbol,"
            " side, quantity, price, cumulative, at, source) VALUES"
            " ('paper', 'e', 'us_baskets', 'c', 'b', 'MSFT', 'sell', 2, 210, 2, now(), 'test')",
        ):
            db.exec_driver_sql(statement)
    migrate(empty_url)
    with sa.create_engine(empty_url, poolclass=sa.NullPool).begin() as db:
        [change] = adjustments.all(db, "us_baskets")
    assert (change.symbol, change.quantity, change.average_price) == ("MSFT", 7, 200)


def test_what_a_book_is_when_its_history_begins_is_its_first_entry(empty_url: str) -> None:
    at = datetime(2026, 3, 20, 14, 30, tzinfo=UTC)
    with version(empty_url, "0014") as db:
        db.exec_driver_sql(
            "INSERT INTO book_states (book, mode, status, why, set_by, set_at, engine, settings)"
            " VALUES ('us_baskets', 'PAPER', 'REDUCING', '31 orders', 'fuse', %s, '{}', 'f00d')",
            (at,),
        )
    migrate(empty_url)
    with sa.create_engine(empty_url, poolclass=sa.NullPool).begin() as db:
        [entry] = status_log.since(db, "us_baskets", at)
    assert entry == status_log.Entry(at, BookStatus.REDUCING, "31 orders", "fuse")


def test_four_at_once_make_the_tables_once(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrate, [empty_url] * 4)) == [None] * 4
    assert len(_ask(empty_url, VERSION)) == 1


def test_a_database_that_is_not_there_is_one_line_without_the_password(database_url: str) -> None:
    url = make_url(database_url).set(database="nowhere")
    password = url.password or "no password"
    with pytest.raises(InvalidData, match='database "nowhere" does not exist') as told:
        migrate(url.render_as_string(hide_password=False))
    assert password not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_refused_login_is_for_a_person(database_url: str) -> None:
    url = make_url(database_url).set(password="secret")
    with pytest.raises(InvalidData, match="check DATABASE_URL") as told:
        migrate(url.render_as_string(hide_password=False))
    assert "secret" not in str(told.value)


def test_a_server_that_is_not_there_is_one_line_without_the_password() -> None:
    with pytest.raises(Transient, match="check DATABASE_URL, and that the server runs") as told:
        migrate("postgresql://me:secret@127.0.0.1:1/db")
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)
