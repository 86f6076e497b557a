"""A simulated process: the services of a book over edges at which it falls asleep or is killed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.engine.book import Book
from app.engine.errors import AppError, InvalidData
from app.engine.in_force import InForce
from app.pipeline.services import Services
from proof.sim.fate import Crash, Fate, Life
from proof.sim.fiber import Fiber
from proof.sim.judge import Judge
from proof.sim.line import Far, Line
from proof.sim.market import CALENDAR, Market
from proof.sim.stage import Stage

#: Wall seconds between two look-ups of an order in doubt, as they are shipped.
RESOLVE_DELAYS_S = (2.0, 5.0, 15.0, 60.0)


@dataclass(frozen=True)
class Around:
    """What all processes of a seed share."""

    stage: Stage
    book: Book
    market: Market
    far: Far
    fate: Fate
    judge: Judge


@dataclass
class Process:
    """A worker. It is wired anew after it was killed; its name stays, as a machine's does."""

    name: str
    around: Around
    work: Fiber | None = None
    life: Life = field(init=False)
    services: Services = field(init=False)

    def __post_init__(self) -> None:
        self._wire()

    @property
    def asleep(self) -> bool:
        return self.work is not None

    def run(self, what: str, work: Callable[[Services], object]) -> None:
        """Carry out a piece of work until it is over or asleep, as far as fate lets it."""
        self.around.fate.note(f"{self.name} {what}")
        self.work = Fiber(lambda: self._carry_out(work))
        self._go(self.work.start)

    def sleep(self) -> None:
        """Fall asleep, in the middle of the work."""
        if self.work is not None:
            self.work.sleep()

    def wake(self) -> None:
        """Go on where it fell asleep."""
        if self.work is not None:
            self.around.fate.note(f"{self.name} wakes")
            self._go(self.work.wake)

    def kill(self) -> None:
        """End the process without asking it, and start it again."""
        if (work := self.work) is None:
            self._restart()
        else:
            self.life.dead = True
            self._go(lambda: work.wake(Crash(self.name)))

    def _go(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Crash:
            self.work = None
            self._restart()
            return
        if self.work is not None and self.work.over:
            self.work = None

    def _carry_out(self, work: Callable[[Services], object]) -> None:
        try:
            with self.services.database.keep():  # as every task does
                work(self.services)
        except InvalidData as error:
            self.around.judge.defect(f"{self.name} met what cannot be: {error}")
        except AppError as error:
            self.around.fate.note(f"{self.name} gave up: {error}")

    def _told(self, event: str, **about: object) -> None:
        self.around.fate.note(f"  {event} {about}")
        if about.get("error") == InvalidData.__name__:
            self.around.judge.defect(f"{self.name} met what cannot be: {about}")

    def _restart(self) -> None:
        self.around.stage.bury(self.name)
        self._wire()

    def _wire(self) -> None:
        around, self.life = self.around, Life(self.name)
        stage, book = around.stage, around.book
        mine = stage.sessions(self.name, book)
        mine.live(self.life, around.fate, around.judge.handed_out)
        self.services = Services(
            book=book,
            settings="simulated",
            database=mine.store.of(book.id),
            streams=mine.wire,
            buckets=mine.buckets,
            leases=mine.rights,
            broker=Line(around.far, self.life, around.fate),
            quotes=around.market,
            clock=around.market,
            calendar=CALENDAR,
            nudge=_lost,
            log=self._told,
            resolve_delays_s=RESOLVE_DELAYS_S,
            owner=self.name,
            rebook=self._rebook,
        )

    def _rebook(self, changes: Mapping[str, str]) -> InForce:
        return InForce(self.around.book, "simulated", {}, {})


def _lost(task: str, slot: int | None = None) -> None:
    """Lose every nudge: whoever is to act must do so with the next tick or comparison."""
