"""The tasks: each hands the services of a book to one step and says which slot it stands for."""

from celery import shared_task

from app.jobs import root
from app.jobs.run import run_nudged, run_slot
from app.jobs.schedule import look_for_week, watch_every
from app.pipeline import (
    contact,
    cycle,
    exits,
    experiments,
    filings,
    kpis,
    news,
    quotes,
    reconcile,
    sessions,
    signals,
    tiers,
)


@shared_task(name="advance_session", soft_time_limit=45, time_limit=60)
def advance_session(book: str, slot: int) -> None:
    """Move the book's session on."""
    to = root.services(book)
    run_slot(to, "advance_session", slot, to.book.schedule.session, sessions.advance)


@shared_task(name="update_quotes", soft_time_limit=75, time_limit=90)
def update_quotes(book: str, slot: int) -> None:
    """Fetch the due symbols' quotes."""
    to = root.services(book)
    run_slot(to, "update_quotes", slot, to.book.schedule.quotes, lambda to: quotes.update(to, slot))


@shared_task(name="generate_signals", soft_time_limit=30, time_limit=45)
def generate_signals(book: str, slot: int) -> None:
    """Score the due symbols and publish what passed the gates."""
    to = root.services(book)
    run_slot(
        to,
        "generate_signals",
        slot,
        to.book.schedule.signals,
        lambda to: signals.generate(to, slot),
    )


@shared_task(name="propose_tiers", soft_time_limit=75, time_limit=90)
def propose_tiers(book: str, slot: int) -> None:
    """Propose tiers once the week's last session is over."""
    to = root.services(book)
    run_slot(to, "propose_tiers", slot, look_for_week(to.book), tiers.propose)


@shared_task(name="check_exits", soft_time_limit=30, time_limit=45)
def check_exits(book: str, slot: int) -> None:
    """Ask the exit rules about every position."""
    to = root.services(book)
    run_slot(to, "check_exits", slot, to.book.schedule.stops, exits.check)


@shared_task(name="pipeline_e2e", soft_time_limit=10, time_limit=12)
def pipeline_e2e(book: str, slot: int | None = None) -> None:
    """Move everything that waits one step on: by beat's slot, or at once when nudged."""
    to = root.services(book)
    if slot is None:
        run_nudged(to, "pipeline_e2e", cycle.run)
    else:
        run_slot(to, "pipeline_e2e", slot, to.book.schedule.pipeline, cycle.run)


@shared_task(name="reconcile", soft_time_limit=45, time_limit=60)
def reconcile_book(book: str, slot: int | None = None) -> None:
    """Compare the broker's books with ours: by beat's slot, or at once when nudged."""
    to = root.services(book)
    if slot is None:
        run_nudged(to, "reconcile", reconcile.run)
    else:
        run_slot(to, "reconcile", slot, to.book.schedule.reconcile, reconcile.run)


@shared_task(name="watch_broker", soft_time_limit=30, time_limit=45)
def watch_broker(book: str, slot: int) -> None:
    """Notice a broker that does not answer, and one that does again, where nobody else calls."""
    to = root.services(book)
    run_slot(to, "watch_broker", slot, to.book.schedule.session, contact.watch)


@shared_task(name="watch_experiment", soft_time_limit=30, time_limit=45)
def watch_experiment(book: str, slot: int) -> None:
    """Start, stop, end or roll back an experiment where it is time to."""
    to = root.services(book)
    run_slot(to, "watch_experiment", slot, watch_every(to.book), experiments.watch)


@shared_task(name="write_kpis", soft_time_limit=30, time_limit=45)
def write_kpis(book: str, slot: int) -> None:
    """Store the key figures of the hour that has ended."""
    to = root.services(book)
    run_slot(to, "write_kpis", slot, to.book.schedule.kpis, lambda to: kpis.write(to, slot))


@shared_task(name="scan_news", soft_time_limit=45, time_limit=60)
def scan_news(book: str, slot: int) -> None:
    """Ask the feeds of news that are due."""
    to = root.services(book)
    run_slot(to, "scan_news", slot, to.book.schedule.news, news.scan)


@shared_task(name="scan_filings", soft_time_limit=45, time_limit=60)
def scan_filings(book: str, slot: int) -> None:
    """Ask the feeds of filings."""
    to = root.services(book)
    run_slot(to, "scan_filings", slot, to.book.schedule.filings, filings.scan)
