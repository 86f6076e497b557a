"""What Alembic runs: every step in the one transaction that the caller opened."""

from alembic import context

from app.io.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
