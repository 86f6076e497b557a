"""A simulated process: the services of a book over edges at which it can be killed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.engine.book import Book
from app.engine.errors import AppError
from app.engine.in_force import InForce
from app.pipeline.services import Services
from proof.sim.broker import MemoryBroker
from proof.sim.edges import Line
from proof.sim.fate import Crash, Fate, Life
from proof.sim.judge import Judge
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
    broker: MemoryBroker
    fate: Fate
    judge: Judge


@dataclass
class Process:
    """A worker. It is wired anew after it was killed; its name stays, as a machine's does."""

    name: str
    around: Around
    busy: bool = False
    nudges: int = 0
    life: Life = field(init=False)
    services: Services = field(init=False)

    def __post_init__(self) -> None:
        self._wire()

    def run(self, what: str, work: Callable[[Services], object]) -> None:
        """Carry out a piece of work, as far as fate lets it."""
        self.around.fate.note(f"{self.name} {what}")
        self.busy = True
        try:
            work(self.services)
        except Crash as crash:
            if crash.process != self.name:
                raise
            self.kill()
        except AppError as error:
            self.around.fate.note(f"{self.name} gave up: {error}")
        finally:
            self.busy = False

    def kill(self) -> None:
        """End the process without asking it, and start it again."""
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
            database=mine.store,
            streams=mine.wire,
            buckets=mine.buckets,
            leases=mine.rights,
            broker=Line(around.broker, self.life, around.fate, around.judge.arriving),
            quotes=around.market,
            clock=around.market,
            calendar=CALENDAR,
            nudge=self._nudge,
            log=lambda event, **about: around.fate.note(f"  {event} {about}"),
            resolve_delays_s=RESOLVE_DELAYS_S,
            owner=self.name,
            rebook=self._rebook,
        )

    def _nudge(self, task: str, slot: int | None = None) -> None:
        self.nudges += 1

    def _rebook(self, changes: Mapping[str, str]) -> InForce:
        return InForce(self.around.book, "simulated", {}, {})
