"""The report of a run: one page that opens offline, says what was stopped, and stays small."""

import base64
import gzip
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from result_builders import a_result, a_stage, sessions, some_candles, some_trades

from app.engine.errors import InvalidData
from app.lab import formats, pictures, report
from app.lab.figures import Searched
from app.lab.result import Result

SYMBOLS = ("AAPL", "MSFT", "NVDA")
EVIL = "<script>alert(1)</script>"
WORSE = ("</script><img src='https://example.com/x'>", "{{ 7 * 7 }}", "]]>-->", '" onload="x')


class Page(HTMLParser):
    """What a browser makes of a page: its tags, its scripts and the text that is shown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.shown = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.shown += data

    def figures(self) -> list[dict[str, Any]]:
        kinds = [attrs.get("type") for tag, attrs in self.tags if tag == "script"]
        both = zip(kinds, self.scripts, strict=True)
        return [json.loads(text) for kind, text in both if kind == "application/json"]


def numbers(array: Any) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(array["bdata"]), dtype=array["dtype"])


def a_traded(
    n: int = 40, symbols: tuple[str, ...] = SYMBOLS, days: int = 4, **other: Any
) -> Result:
    at = sessions(days, 60)
    trades = some_trades(n, at, symbols, seed=7)
    rest: dict[str, Any] = {
        "equity": 10_000 + np.cumsum(np.random.default_rng(7).normal(0, 20, len(at))),
        "exposure": np.tile([0.0, 500.0], len(at) // 2),
        "candles": {symbol: some_candles(at, seed=n) for symbol in symbols},
        "funnel": (a_stage(),),
    }
    return a_result(at=at, trades=trades, **(rest | other))


@pytest.fixture(scope="module")
def text() -> str:
    return report.render(
        a_traded(changes={"risk.max_positions": "8"}, warnings=("3 bars missing",))
    )


def test_nothing_comes_from_elsewhere(text: str) -> None:
    outside = [
        (tag, name, value)
        for tag, attrs in Page(text).tags
        for name, value in attrs.items()
        if name in ("src", "href", "srcset", "data", "action", "poster")
    ]
    assert outside == []
    own = re.sub(r'<script type="text/plain" id="library">.*?</script>', "", text, flags=re.S)
    assert re.findall(r"https?:|url\(|@import|import\(|fetch\(|<link|<iframe", own) == []


def test_a_browser_is_told_to_load_nothing(text: str) -> None:
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"
    assert text.index(policy) < text.index("<style>") < text.index("<script")


def test_paper_is_white_and_repeats_the_head_of_the_list(text: str) -> None:
    assert text.count("prefers-color-scheme: dark") == 2
    assert "@media screen and (prefers-color-scheme: dark) { :root:not(.paper)" in text
    assert "<thead><tr><th>Symbol</th>" in text
    assert 'addEventListener("beforeprint"' in text


def test_the_library_travels_with_the_page(text: str) -> None:
    packed = max(Page(text).scripts, key=len)
    script = gzip.decompress(base64.b64decode(packed)).decode()
    assert "Licensed under the MIT license" in script[:300]
    assert "window.Plotly" in script


def test_the_curve_the_scatter_and_a_chart_for_each_symbol_are_drawn(text: str) -> None:
    course, scatter, *symbols = Page(text).figures()
    assert [line["hovertemplate"].split()[0] for line in course["data"]] == [
        "equity",
        "drawdown",
        "exposure,",
    ]
    assert {dots["mode"] for dots in scatter["data"]} == {"markers"}
    assert [[trace["type"] for trace in chart["data"]] for chart in symbols] == [
        ["candlestick", "scatter", "scatter", "scatter"]
    ] * 3
    assert sum(len(chart["data"][2]["x"]) for chart in symbols) == 40


def test_a_mark_says_why_it_was_opened_and_closed_and_what_it_gained() -> None:
    run = a_traded(1, ("AAPL",))
    _, _, chart = Page(report.render(run)).figures()
    (told,) = chart["data"][2]["text"]
    assert f"<b>{formats.gain(run.trades.gained[0])}" in told
    assert f"opened by {run.trades.why[run.trades.opened_by[0]]}: 2024-03-" in told
    assert f"closed by {run.trades.why[run.trades.closed_by[0]]}: 2024-03-" in told
    assert chart["data"][3]["text"] == [told]


def test_a_mark_stands_on_the_candle_of_its_time() -> None:
    run = a_traded(1, ("AAPL",))
    _, _, chart = Page(report.render(run)).figures()
    expected = formats.moments(run.trades.entry_at, ZoneInfo(run.zone))[0]
    assert chart["data"][2]["x"] == [expected]
    assert expected in chart["data"][0]["x"]


def test_the_page_tells_all_that_was_asked_of_it(text: str) -> None:
    shown = Page(text).shown
    for each in (
        "spring",
        "9f2c1a7b",
        "risk.max_positions",
        "Sharpe ratio",
        "entries: 100 seen, 10 passed (10.00%)",
        "stale price",
        "75.00%",
        "Opened by",
        "take_profit",
        "All 40, as they ended.",
        "4 sessions are few",
    ):
        assert each in shown
    assert shown.index("3 bars missing") < shown.index("Figures")


def test_more_trials_are_told(text: str) -> None:
    assert "luck alone" not in text
    searched = report.render(a_traded(), Searched(trials=250, variance=0.01))
    assert "the best of 250 trials" in searched
    assert "luck alone would reach" in searched


def test_only_the_first_trades_are_listed_and_it_is_said() -> None:
    shown = Page(report.render(a_traded(620, candles={}))).shown
    assert "The first 500 of 620 trades" in shown
    assert len(re.findall(r"2024-03-\d\d \d\d:\d\d", shown)) >= 1000


def test_text_from_outside_stays_text() -> None:
    run = a_traded(
        5,
        (EVIL,),
        name=EVIL,
        book=EVIL,
        strategy=EVIL,
        settings=EVIL,
        currency=EVIL,
        warnings=(EVIL, *WORSE),
        changes={EVIL: EVIL},
        funnel=(a_stage(what=EVIL),),
    )
    trades = run.trades
    harmless, page = Page(report.render(a_traded(5, ("AAPL",)))), Page(report.render(run))
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in harmless.tags} | {"li", "ul"}
    assert len(page.scripts) == len(harmless.scripts)
    assert all(each in page.shown for each in WORSE)
    assert page.shown.count(EVIL) >= 9
    assert EVIL not in json.dumps(page.figures())
    assert len(trades) == 5


def test_a_reason_in_a_mark_is_escaped() -> None:
    run = a_traded(3, ("AAPL",))
    named = [EVIL] * len(run.trades.why)
    object.__setattr__(run.trades, "why", tuple(named))
    chart = Page(report.render(run)).figures()[2]
    assert "opened by &lt;script&gt;" in chart["data"][2]["text"][0]


def test_without_a_trade_the_gates_are_told_and_nothing_is_drawn() -> None:
    text = report.render(a_result(funnel=(a_stage(passed=0, taken=90),)))
    page = Page(text)
    assert "No trade was completed." in page.shown
    assert (
        "Of 90 entries none passed; stopped were 60 by exposure (exposure), 60.00% of what reached"
        " it, 30 by prices (stale price), 75.00% of what reached it." in page.shown
    )
    assert page.shown.index("No trade") < page.shown.index("stale price") < page.shown.index("Risk")
    assert page.scripts == []
    assert len(text) < 20_000


@pytest.mark.parametrize(
    ("funnel", "said"),
    [((), "Not one step had anything to judge"), ((a_stage(refused=()),), "No gate stopped")],
)
def test_without_a_refusal_the_page_says_so(funnel: Any, said: str) -> None:
    assert said in Page(report.render(a_result(funnel=funnel))).shown


def test_a_curve_that_moved_without_a_trade_is_drawn() -> None:
    run = a_result(equity=np.linspace(10_000, -50, 15))
    assert len(Page(report.render(run)).figures()) == 1


def test_a_run_without_a_bar_is_a_page() -> None:
    nothing = np.array([], dtype=float)
    run = a_result(at=nothing.astype(np.int64), equity=nothing, exposure=nothing)
    assert "No trade was completed." in report.render(run)


def test_a_symbol_without_bars_is_told() -> None:
    shown = Page(report.render(a_traded(candles={}))).shown
    assert shown.count("Not drawn") == 3


def test_a_large_run_makes_a_file_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "CHARTS", 2)
    at = sessions(120, 60)
    candles = dict.fromkeys(SYMBOLS, some_candles(at, seed=1))
    run = a_traded(2_600, days=120, candles=candles)
    text = report.render(run)
    assert len(text) < 4_000_000
    page = Page(text)
    course, scatter, *charts = page.figures()
    equity = numbers(course["data"][0]["y"])
    assert (equity.min(), equity.max()) == pytest.approx((run.equity.min(), run.equity.max()))
    assert len(equity) <= 6_000
    assert "7,200 bars are drawn 8 at a time" in page.shown
    assert sum(len(dots["text"]) for dots in scatter["data"][:2]) <= 2_500
    assert (len(charts), page.shown.count("Not drawn")) == (2, 1)
    highest = float(candles["AAPL"].high.max())
    assert numbers(charts[0]["data"][0]["high"]).max() == pytest.approx(highest)
    assert "A candle is 5 bars. 300 of 8" in page.shown


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    place = tmp_path / "run.html"
    place.write_text("old")
    report.write(a_result(name="new\ud800"), place)
    assert "<title>new?" in place.read_text()
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("place", ["folder", "missing/run.html", "file/run.html", "x" * 300])
def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(InvalidData, match=r"cannot be written: [A-Z].*; name another file") as told:
        report.write(a_result(), tmp_path / place)
    assert "\n" not in str(told.value)
    assert {each.name for each in tmp_path.iterdir()} == {"folder", "file"}


def test_who_does_not_draw_does_not_load_plotly() -> None:
    code = "import sys, app.lab.report; sys.exit('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
