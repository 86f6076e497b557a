"""The first benchmark in backtesting.py; the second needs a cash that ten symbols share."""

from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from measuring import CASH, WARM_UP, Bars, CameTo, measure


def ema(values: Any, span: int) -> np.ndarray:
    return pd.Series(values).ewm(span=span, adjust=False).mean().to_numpy()


class Cross(Strategy):  # type: ignore[misc]
    """Hold 100 shares while the fast mean is above the slow one."""

    def init(self) -> None:
        self.fast = self.I(ema, self.data.Close, 12)
        self.slow = self.I(ema, self.data.Close, 26)

    def next(self) -> None:
        if len(self.data) <= WARM_UP:
            return
        if self.position:
            if crossover(self.slow, self.fast):
                self.position.close()
        elif crossover(self.fast, self.slow):
            self.buy(size=100)


def s1(bars: Bars) -> CameTo:
    prices = {name.title(): getattr(bars, name)[:, 0] for name in ("open", "high", "low", "close")}
    frame = pd.DataFrame(prices, index=pd.to_datetime(bars.at))
    stats = Backtest(frame, Cross, cash=CASH).run()
    still_open = len(stats["_strategy"].trades)
    return CameTo(len(stats["_trades"]) + still_open, float(stats["Equity Final [$]"]))


if __name__ == "__main__":
    measure({"s1": s1}, warm=False)
