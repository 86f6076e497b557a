"""`metronome migrate`."""

import os


def migrate() -> None:
    """Bring the database of DATABASE_URL to this version's tables."""
    from app.config import load
    from app.io.store.migrate import migrate as bring_up

    url = load(os.environ, confirm_real=True).store_url()
    bring_up(url)
    print("the database is up to date")
