"""The cycle behind ``pipeline_e2e``: everything that waits in a book is moved one step on."""

from app.io.locks import Lease
from app.pipeline import execute, fills, resolve, risk, route
from app.pipeline.ownership import owning
from app.pipeline.services import Services


def run(to: Services) -> str:
    """Move fills, signals, intents and orders on; return what was done in one line."""
    return owning(to, lambda lease: _once(to, lease))


def _once(to: Services, lease: Lease) -> str:
    updates = fills.apply_streamed(to)
    intents = route.route(to)
    approved = risk.judge(to)
    sent = execute.submit(to, lease)
    # After what is new: looking up what is in doubt takes time, and waits for nobody here.
    settled = resolve.resolve(to, lease)
    polled = fills.poll(to)
    return (
        f"updates {updates}, resolved {settled}, intents {intents},"
        f" approved {approved}, sent {sent}, polled {polled}"
    )
