"""Kills that everything else keeps away from, so that the recovery from each kind is measured."""

from random import Random

from proof.chaos.victims import Victim

#: Wall seconds from one to the next, and for how long only the feed is struck before and after.
EVERY_S, BEFORE_S, AFTER_S = 16.0, 3.0, 6.0
FIRST_S = 5.0
#: Everything whose loss keeps work from being done, but for a child of the pool: of all those that
#: are killed, many have nothing else near them.
KINDS = (
    Victim.WORKER,
    Victim.BEAT,
    Victim.VALKEY,
    Victim.POSTGRES,
    Victim.BACKEND,
)


class Solos:
    """Says whom the next blow must hit. Each kind has its turn before any has a second one."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._deck: list[Victim] = []
        self._due: float | None = None
        self._calm_from: float | None = None
        self._alone_until = 0.0

    def turn(self, now: float, somebody_sleeps: bool) -> Victim | None:
        """Return None where anybody may be struck, the feed where nothing else may be.

        Any other kind has its turn: it is killed, alone. What is stopped for long is waited for.
        """
        if self._due is None:
            self._due = now + FIRST_S
        if now < self._alone_until:
            return Victim.FEED
        if now < self._due or (self._calm_from is None and somebody_sleeps):
            return None
        if self._calm_from is None:
            self._calm_from = now
        if now < self._calm_from + BEFORE_S:
            return Victim.FEED
        self._calm_from, self._alone_until, self._due = None, now + AFTER_S, now + EVERY_S
        return self._next()

    def _next(self) -> Victim:
        if not self._deck:
            self._deck = self._random.sample(KINDS, len(KINDS))
        return self._deck.pop()
