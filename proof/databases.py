"""Databases on servers of our own: a migrated one to copy, and as many copies as are asked for."""

from typing import Any

import psycopg2
from sqlalchemy.engine import make_url

from app.io.store.migrate import migrate
from app.local.postgres import libpq_url
from app.local.servers import Servers

TEMPLATE = "template_metronome"


def execute(url: str, statement: str) -> list[Any]:
    """Run statements outside of any transaction of ours; return the last one's rows."""
    connection = psycopg2.connect(libpq_url(url))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def make_template(servers: Servers) -> str:
    """Make the migrated database from which others are copied; return its name."""
    execute(servers.cluster.url("postgres"), f"CREATE DATABASE {TEMPLATE}")
    migrate(servers.cluster.url(TEMPLATE))
    return TEMPLATE


def copy(admin: str, name: str) -> str:
    """Make a database like the template, asked for at the URL of another; return its URL."""
    execute(admin, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    return make_url(admin).set(database=name).render_as_string(hide_password=False)
