"""What tests of stops at the broker share: a world whose ledger has them, and what rests there."""

from pipeline_market import NOON, SECOND, D
from pipeline_world import World

from app.engine.orders import (
    FINAL,
    Order,
    Purpose,
    Side,
    outstanding,
)
from app.pipeline import reconcile

CLOSE = NOON.replace(hour=20)
HELD = Purpose.PROTECT


def resting(world: World) -> list[Order]:
    return [o for o in world.orders() if o.purpose is HELD and o.state not in FINAL]


def sales(world: World) -> list[Order]:
    return [o for o in world.orders() if o.purpose not in (Purpose.ENTRY, HELD)]


def run(world: World, times: int = 1) -> None:
    """Run passes one by one; after none of them is more on sale than is held."""
    for _ in range(times):
        world.run()
        held, selling = world.held(), [o for o in world.orders() if o.side is Side.SELL]
        for symbol in {o.symbol for o in selling}:
            left = sum((outstanding(o) for o in selling if o.symbol == symbol), D(0))
            assert left <= (held[symbol].quantity if symbol in held else 0)
        stops = [o.symbol for o in selling if o.purpose is HELD and outstanding(o)]
        assert len(set(stops)) == len(stops)


def settle(world: World) -> None:
    """Let the broker's word come in by the comparison of books, as it does every minute."""
    world.wait(31 * SECOND)
    assert reconcile.run(world.to) == "reconciled"
    run(world)


def flat(world: World) -> bool:
    return world.held() == world.broker.ledger.positions() == {} and not resting(world)
