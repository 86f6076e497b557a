"""The second benchmark in backtrader: its own indicators, and brackets that its broker watches."""

from math import floor
from typing import Any

import backtrader as bt
import pandas as pd
from measuring import CASH, WARM_UP, Bars, CameTo, measure

MOST = 4


class Breakout(bt.Strategy):  # type: ignore[misc]
    """Enter breakouts at the next open; a stop and a target wait from then on."""

    def __init__(self) -> None:
        self.mean = [bt.ind.EMA(data.close, period=50) for data in self.datas]
        self.top = [bt.ind.Highest(data.high(-1), period=20) for data in self.datas]
        self.range = [bt.ind.ATR(data, period=14) for data in self.datas]
        self.waiting: dict[int, int] = {}  # by the entry's reference, the number of its symbol
        self.entries = 0

    def notify_order(self, order: Any) -> None:
        if order.ref in self.waiting and order.status >= order.Completed:
            del self.waiting[order.ref]
            self.entries += order.status == order.Completed

    def next(self) -> None:
        if len(self) <= WARM_UP or len(self) == self.data.buflen():
            return
        equity = self.broker.getvalue()
        taken = {n for n, data in enumerate(self.datas) if self.getposition(data).size}
        taken |= set(self.waiting.values())
        for number, data in enumerate(self.datas):
            if len(taken) >= MOST:
                return
            close, away = data.close[0], self.range[number][0]
            breaks_out = close > self.mean[number][0] and close > self.top[number][0]
            if breaks_out and number not in taken:
                size = floor(min(0.005 * equity / (2 * away), 0.24 * equity / close))
                levels = {
                    "stopprice": round(close - 2 * away, 2),
                    "limitprice": round(close + 3 * away, 2),
                }
                entry = self.buy_bracket(data, size, exectype=bt.Order.Market, **levels)[0]
                self.waiting[entry.ref] = number
                taken.add(number)


def s2(bars: Bars) -> CameTo:
    engine = bt.Cerebro(stdstats=False)
    engine.broker.setcash(CASH)
    engine.broker.set_checksubmit(False)
    for col in range(len(bars.symbols)):
        prices = {name: getattr(bars, name)[:, col] for name in ("open", "high", "low", "close")}
        frame = pd.DataFrame(prices, index=pd.to_datetime(bars.at))
        engine.adddata(bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes))
    engine.addstrategy(Breakout)
    (ran,) = engine.run()
    return CameTo(ran.entries, float(engine.broker.getvalue()))


if __name__ == "__main__":
    measure({"s2": s2}, warm=False)
