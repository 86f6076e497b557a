"""One database for all tests of a process: emptied for each, made anew where one changed its form.

Copying the migrated template takes some eight times as long as emptying its tables.
"""

import os

from app.io.store.schema import metadata
from app.local.servers import Servers
from proof.databases import TEMPLATE, copy, execute

# A copy has the object numbers of the template, and nothing new ever has an old number.
_FORM = """
    SELECT (SELECT md5(string_agg(concat(oid, relname), ',' ORDER BY oid)) FROM pg_class
             WHERE oid >= 16384),
           (SELECT md5(string_agg(concat(attrelid, attname), ',' ORDER BY attrelid, attnum))
              FROM pg_attribute WHERE attrelid >= 16384),
           (SELECT md5(string_agg(oid::text, ',' ORDER BY oid)) FROM pg_constraint),
           (SELECT md5(string_agg(oid::text, ',' ORDER BY oid)) FROM pg_trigger)
"""
_END_SESSIONS = """
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_RESTART = """
    SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false)
      FROM pg_sequences WHERE last_value IS NOT NULL
"""
_EMPTY = [_END_SESSIONS, *(f"DELETE FROM {name}" for name in metadata.tables), _RESTART]


class Kept:
    """The database of this process."""

    def __init__(self, servers: Servers) -> None:
        self._admin, self._name = servers.cluster.url("postgres"), f"test_{os.getpid()}"
        self._form = execute(servers.cluster.url(TEMPLATE), _FORM)
        self.url = copy(self._admin, self._name)

    def clear(self) -> None:
        """End every session in it and forget all rows; copy it anew if a test changed its form."""
        if execute(self.url, _FORM) == self._form:
            execute(self.url, "; ".join(_EMPTY))
        else:
            execute(self._admin, f"DROP DATABASE {self._name} WITH (FORCE)")
            copy(self._admin, self._name)
