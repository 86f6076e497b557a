"""One owner a book: what may change its orders runs under the book's lease, never twice at once."""

from collections.abc import Callable

from sqlalchemy.engine import Connection

from app.engine.errors import Transient
from app.io.locks import Lease, held
from app.pipeline.messages import GROUPS
from app.pipeline.services import Services

#: Wall seconds that a lease lasts without renewal: longer than one call to a broker may take.
LEASE_S = 20.0
BUSY = "busy"
LOST = "the book has another owner now"


def keep(to: Services, lease: Lease) -> None:
    """Renew the lease. Raises Transient where somebody else has taken it meanwhile."""
    if not to.leases.renew(lease, LEASE_S):
        raise Transient(LOST)


def require(db: Connection, lease: Lease) -> None:
    """Go on in a transaction only as the book's owner. Raises Transient where it has another."""
    if not held(db, lease):
        raise Transient(LOST)


def owning(to: Services, work: Callable[[Lease], str]) -> str:
    """Run ``work`` as the book's owner; return what it says, or BUSY where somebody else is.

    Whoever was refused meanwhile left its wake-up in a stream, so the owner looks there after it
    let go: a nudge is never lost between the last read and the release.
    """
    with to.leases.hold(f"book:{to.book.id}", to.book.id, LEASE_S) as lease:
        if lease is None:
            return BUSY
        result = work(lease)
    if to.streams.waiting_in(GROUPS):
        to.nudge("pipeline_e2e")
    return result
