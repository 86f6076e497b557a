"""Matching: limits are limits, quantities are bounded, triggers are pulled, auctions print."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.sim.matching import Phase, Tick, match, price_step, quote_around
from app.sim.orders import Order
from app.sim.settings import Terms

D = Decimal
TERMS = Terms()
HUNDRED, OPEN = D(100), Phase.CONTINUOUS
cents = st.integers(500, 50_000).map(lambda n: D(n) / 100)
shares = st.integers(1, 5_000).map(D)
sides = st.sampled_from(["buy", "sell"])


def an_order(**changes: object) -> Order:
    order = Order(
        id="1",
        sequence=0,
        client_id="c",
        symbol="AAPL",
        side="buy",
        type="market",
        tif="day",
        quantity=D(10),
        submitted_at=0.0,
        status="new",
    )
    return replace(order, **changes)  # type: ignore[arg-type]


def a_tick(last: Decimal = HUNDRED, liquidity: object = 1000, phase: Phase = OPEN) -> Tick:
    bid, ask = quote_around(last, TERMS)
    return Tick("AAPL", 0.0, last, bid, ask, D(str(liquidity)), phase)


@given(cents)
def test_a_quote_stands_around_the_trade_on_the_price_grid(last: Decimal) -> None:
    bid, ask = quote_around(last, TERMS)
    assert bid <= last <= ask
    assert ask - bid >= price_step(last)
    assert bid % price_step(bid) == ask % price_step(ask) == 0


near = st.integers(-8, 8).map(lambda n: D(n) / 100)
times = st.sampled_from(["day", "gtc", "ioc", "fok"])


@given(sides, cents, cents | near, shares, shares, times)
def test_a_limit_order_never_trades_worse_than_its_limit(
    side: str, limit: Decimal, last: Decimal, quantity: Decimal, liquidity: Decimal, tif: str
) -> None:
    last = limit + last if abs(last) < 1 else last
    order = an_order(side=side, type="limit", limit=limit, quantity=quantity, tif=tif)
    tick = a_tick(last, liquidity)
    marketable = tick.ask <= limit if side == "buy" else tick.bid >= limit
    [step] = match([order], tick, TERMS) or [None]
    traded = step.quantity if step else D(0)
    if step and traded:
        assert step.price <= limit if side == "buy" else step.price >= limit
    if tif != "fok":
        assert traded == (min(quantity, liquidity) if marketable else 0)


@given(st.lists(st.tuples(sides, shares), min_size=1, max_size=8), st.integers(0, 6_000))
def test_orders_share_a_tick_s_liquidity_first_come_first_served(
    wanted: list[tuple[str, Decimal]], liquidity: int
) -> None:
    orders = [
        an_order(id=str(i), sequence=i, side=side, quantity=quantity)
        for i, (side, quantity) in enumerate(wanted)
    ]
    steps = {s.order.id: s.quantity for s in match(orders, a_tick(liquidity=liquidity), TERMS)}
    left = D(liquidity)
    for order in orders:
        expected = min(order.leaves, left)
        assert steps.get(order.id, D(0)) == expected
        left -= expected


@given(sides, cents)
def test_a_market_order_pays_the_spread_and_the_slippage(side: str, last: Decimal) -> None:
    tick = a_tick(last)
    [step] = match([an_order(side=side)], tick, TERMS)
    if side == "buy":
        assert step.price >= tick.ask
    else:
        assert step.price <= tick.bid
    assert step.price % price_step(step.price) == 0


@given(shares, shares)
def test_fill_or_kill_is_all_or_nothing_and_immediate_or_cancel_ends(
    quantity: Decimal, liquidity: Decimal
) -> None:
    tick = a_tick(liquidity=liquidity)
    [fok] = match([an_order(quantity=quantity, tif="fok")], tick, TERMS)
    [ioc] = match([an_order(quantity=quantity, tif="ioc")], tick, TERMS)
    assert fok.quantity == (quantity if quantity <= liquidity else 0)
    assert ioc.quantity == min(quantity, liquidity)
    assert fok.ends
    assert ioc.ends


@given(sides, cents, cents)
def test_a_stop_waits_for_its_price_and_then_trades_at_the_market(
    side: str, stop: Decimal, last: Decimal
) -> None:
    touched = last >= stop if side == "buy" else last <= stop
    steps = match([an_order(side=side, type="stop", stop=stop)], a_tick(last), TERMS)
    assert [s.quantity for s in steps] == ([D(10)] if touched else [])


def test_a_triggered_stop_limit_stays_triggered_and_keeps_its_limit() -> None:
    order = an_order(side="sell", type="stop_limit", stop=D(99), limit=D(98))
    [pulled] = match([order], a_tick(D(97)), TERMS)
    assert pulled.order.triggered
    assert pulled.quantity == 0
    [filled] = match([pulled.order], a_tick(D("98.50")), TERMS)
    assert filled.quantity == 10
    assert filled.price >= 98


@given(st.lists(cents, min_size=1, max_size=30), st.sampled_from([D(1), D("2.5"), D(10)]))
def test_a_trailing_stop_follows_the_best_price_and_never_moves_back(
    path: list[Decimal], trail: Decimal
) -> None:
    order, best = an_order(side="sell", type="trailing_stop", trail_price=trail), D(0)
    for last in path:
        best = max(best, last)
        steps = match([order], a_tick(last), TERMS)
        order = steps[0].order if steps else order
        assert order.hwm == best
        assert order.stop == best - trail
        assert order.triggered == (last <= best - trail)
        if order.triggered:
            assert steps[0].quantity == 10
            return


def test_auction_orders_trade_at_the_print_and_only_there() -> None:
    opening, closing = an_order(tif="opg"), an_order(tif="cls")
    assert match([opening, closing], a_tick(), TERMS) == []
    [step] = match([opening, closing], a_tick(D("100.03"), 0, Phase.OPENING), TERMS)
    assert (step.order.tif, step.quantity, step.price) == ("opg", D(10), D("100.03"))
    [step] = match([opening, closing], a_tick(D("100.03"), 0, Phase.CLOSING), TERMS)
    assert (step.order.tif, step.quantity, step.price) == ("cls", D(10), D("100.03"))


def test_an_auction_limit_that_the_print_misses_ends() -> None:
    order = an_order(tif="cls", type="limit", limit=D("99.99"))
    [step] = match([order], a_tick(D(100), 0, Phase.CLOSING), TERMS)
    assert (step.quantity, step.ends) == (D(0), True)


def test_money_becomes_shares_at_the_first_price_never_more_than_it_buys() -> None:
    [step] = match([an_order(quantity=None, notional=D(50))], a_tick(), TERMS)
    assert 0 < step.quantity * step.price <= 50
    assert 50 - step.quantity * step.price < D("0.000001")
