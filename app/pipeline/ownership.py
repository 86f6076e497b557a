"""One owner a book: what may change its orders runs under the book's lease, never twice at once."""

from collections.abc import Callable

from sqlalchemy.engine import Connection

from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.io.locks import Lease, held
from app.io.store import book_states
from app.pipeline.messages import GROUPS
from app.pipeline.services import Services

#: Wall seconds that a lease lasts without renewal: longer than one call to a broker may take.
LEASE_S = 20.0
BUSY = "busy"
LOST = "the book has another owner now"
#: So many characters of an account's id are told at each end.
_TOLD = 4


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

    Nothing is run, and why is returned, where the broker's account is not the one that the book is
    in: orders in doubt would be looked for where they never were, and sent there a second time.

    Whoever was refused meanwhile left its wake-up in a stream, so the owner looks there after it
    let go: a nudge is never lost between the last read and the release.
    """
    if hindered := _unnamed(to):
        return hindered
    with to.leases.hold(f"book:{to.book.id}", to.book.id, LEASE_S) as lease:
        if lease is None:
            return BUSY
        if hindered := _elsewhere(to):
            return hindered
        result = work(lease)
    if to.streams.waiting_in(GROUPS):
        to.nudge("pipeline_e2e")
    return result


def _unnamed(to: Services) -> str | None:
    """Ask the broker once in this process's life for its account; say why it is not known yet."""
    mine = to.identity
    if mine.account:
        return None
    if not to.buckets.take("broker", to.clock.now(), reserve=True).allowed:
        return "not the owner: no call to ask for the account is left in this minute"
    try:
        mine.account = to.broker.account().id
        why = "it has no id"
    except (Transient, Rejected, OutcomeUnknown) as error:
        why = str(error)
    if mine.account:
        return None
    _tell(to, "account_unknown", why=why)
    return f"not the owner: the broker does not say whose account it is: {why}"


def _elsewhere(to: Services) -> str | None:
    """Say why this process is not the book's owner: its account is another one than the book's.

    Looked up under the lease, and until the book has an account and it is this one: under the lease
    of another the book may have got one a moment ago.
    """
    mine = to.identity
    if mine.proven:
        return None
    with to.database.begin() as db:
        account = book_states.load(db, to.book.id).account
    if account is None:
        return None
    if account == mine.account:
        mine.proven = True
        return None
    ours, theirs = shortened(account), shortened(mine.account)
    do = "use that account's key, or another database; see 'Another account' in the runbook"
    _tell(to, "account_differs", book_is_in=ours, broker_says=theirs, do=do)
    return f"not the owner: the book is in account {ours}, and the broker's is {theirs}"


def shortened(account: str) -> str:
    """Return both ends of an account's id: enough to know one's own by."""
    return account if len(account) <= 2 * _TOLD else f"{account[:_TOLD]}…{account[-_TOLD:]}"


def _tell(to: Services, event: str, **told: str) -> None:
    """Log what keeps this process from its book, once in its life."""
    if event not in to.identity.told:
        to.identity.told.add(event)
        to.log(event, book=to.book.id, broker=to.broker.name, **told)
