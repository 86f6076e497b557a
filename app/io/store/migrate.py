"""Bring a database to the newest tables: safe to run twice, and by two at once."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import URL, Connection
from sqlalchemy.pool import NullPool

from app.engine.errors import InvalidData, Transient
from app.io.store.database import connect_arguments, database_url, first_line

MINIMUM = 15
#: A step may take its time; waiting for another process's migration may, too.
_SESSION = {"timezone": "UTC", "statement_timeout": "10min", "lock_timeout": "10min"}
_FOR_A_PERSON = ("authentication failed", "does not exist", "no password", "permission denied")


def migrate(url: str) -> None:
    """Apply every step that the database does not have yet, all of them or none.

    Raises InvalidData for a database of a too old version, a refused login and a wrong URL, and
    Transient where no server answers.
    """
    target = database_url(url)
    engine = sa.create_engine(
        target, poolclass=NullPool, connect_args=connect_arguments("migrate", _SESSION)
    )
    try:
        with engine.begin() as connection:
            check_version(int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()))
            upgrade(connection)
    except sa.exc.OperationalError as error:
        raise _unreachable(target, error) from error


def check_version(number: int) -> None:
    """Raise InvalidData unless PostgreSQL's version number, such as 150018, is new enough."""
    if number < MINIMUM * 10_000:
        found = f"{number // 10_000}.{number % 10_000}"
        raise InvalidData(
            f"the database is PostgreSQL {found}; Metronome needs {MINIMUM} or newer: "
            "let DATABASE_URL point to one, or remove it to use the PostgreSQL that comes along"
        )


def upgrade(connection: Connection) -> None:
    """Apply the steps in the caller's transaction; a second caller waits and finds them done."""
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('migrate', 0))"))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _unreachable(url: URL, error: sa.exc.OperationalError) -> InvalidData | Transient:
    said = first_line(error)
    message = f"cannot use the database {url.render_as_string(hide_password=True)}: {said}"
    if any(words in said for words in _FOR_A_PERSON):
        return InvalidData(f"{message}; check DATABASE_URL")
    return Transient(f"{message}; check DATABASE_URL, and that the server runs")
