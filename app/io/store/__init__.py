"""Postgres: tables, migrations, one file per table, functions on a Connection."""
