"""A book: how often the preset runs, and numbers that are wrong alone or together."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from app.config import ConfigError, load
from app.config.book_names import OWN_LEDGERS
from app.config.books import PRESETS
from app.engine.book import Book
from app.jobs.root import MARKETS

NO_FILE = Path("/nonexistent/.env")


def book(**environ: str) -> Book:
    return load(environ, NO_FILE).books[0]


def refused(**environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(environ, NO_FILE)
    return [str(problem) for problem in caught.value.problems]


def test_the_preset_runs_as_often_as_required() -> None:
    every = book().schedule
    found = {"A1": (every.signals, every.pipeline), "E5": every.reconcile}
    assert found == {
        "A1": (timedelta(seconds=30), timedelta(seconds=15)),
        "E5": timedelta(minutes=1),
    }
    assert every.stops <= timedelta(minutes=5)


def test_two_books_have_no_account_in_common(tmp_path: Path) -> None:
    preset = (PRESETS / "us_baskets.toml").read_text()
    for name, broker in {"one": "alpaca", "two": "alpaca", "own": "paper", "own2": "paper"}.items():
        text = preset.replace('broker = "alpaca"', f'broker = "{broker}"')
        (tmp_path / f"{name}.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load({"METRONOME_BOOKS": "one,own,two"}, NO_FILE, tmp_path)
    assert [str(problem) for problem in caught.value.problems] == [
        "METRONOME_BOOKS: one and two trade on one account at alpaca; accepted: one book an account"
    ]
    made = load({"METRONOME_BOOKS": "one,own,own2"}, NO_FILE, tmp_path)
    assert [each.id for each in made.books] == ["one", "own", "own2"]


def test_the_brokers_of_which_each_book_has_its_own() -> None:
    assert set(MARKETS) == OWN_LEDGERS, "what has a market of its own has an account to share"


def test_flat_names_set_the_book() -> None:
    told = book(
        TIER_A_TICKERS="NVDA, AAPL",
        TIER_B_TICKERS="MSFT,TSLA,AMZN,GOOGL,META,BRK.B,AMD,AVGO,SQQQ,NFLX",
        BENCH_TICKERS="none",
        BASKETS="SEMIS:SQQQ:NVDA+AMD",
        SIGNAL_WEIGHTS="trend:1",
        CUTOFF_DELTA="-0.03",
        DIRECTION_LOCK_SECONDS="0",
    )
    assert told.universe.tier_a == ("NVDA", "AAPL")
    assert told.universe.bench == ()
    assert told.routing.baskets[0].members == ("NVDA", "AMD")
    assert told.signals.weights == {"trend": 1.0}
    assert told.signals.cutoff_delta == -0.03
    assert told.signals.direction_lock == timedelta(0)


def test_d2_a_model_costs_what_the_table_says_and_nothing_only_where_that_says_so() -> None:
    assert book().model.price == (Decimal("0.25"), Decimal(2))
    own = book(LLM_MODEL="llama3:8b", LLM_PRICES="gpt-5-mini:0.25:2, llama3:8b:0:0")
    assert own.model.price == (0, 0)


def test_the_threshold_must_equal_the_cutoff() -> None:
    assert refused(MIXER_THRESHOLD="0.13") == [
        "us_baskets: MIXER_THRESHOLD, RTH_CUTOFF: 0.13 and 0.12; accepted: the same number"
    ]
    assert book(MIXER_THRESHOLD="0.13", RTH_CUTOFF="0.13").signals.cutoff_regular == 0.13


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"TIER_A_TICKERS": "NVDA,AAPL,MSFT,TSLA,AMD"}, "AMD is in two tiers"),
        ({"BENCH_TICKERS": "AMD,AVGO,SOXS"}, "2 of 11 symbols are inverse ETFs"),
        ({"BASKETS": "M:SQQQ:AAPL+IBM"}, "M names IBM, which is in no tier"),
        ({"BASKETS": "M:NFLX:AAPL"}, "M trades NFLX, which is not among INVERSE_ETFS"),
        ({"BASKETS": "M:SQQQ:AAPL+SOXS"}, "M has the inverse ETF SOXS as a member"),
        ({"BASKETS": "A:SQQQ:AAPL+MSFT,B:SOXS:AMD+AAPL"}, "AAPL is in A and in B"),
        ({"BASKETS": "A:SQQQ:AAPL,B:SQQQ:AMD"}, "SQQQ is in A and in B"),
        ({"BASKET_MIN_SIGNALS": "5"}, "5, and SEMIS has 4 symbols, its ETF included"),
        (
            {n: "none" for n in ("TIER_A_TICKERS", "TIER_B_TICKERS", "BENCH_TICKERS", "BASKETS")},
            "no symbol at all",
        ),
        ({"CUTOFF_DELTA": "-0.12"}, "cutoff_regular is 0 with the delta"),
        ({"CUTOFF_DELTA": "0.9"}, "cutoff_regular is 1.02 with the delta"),
        ({"SIGNAL_WEIGHTS": "trend:0.5,momentum:0.4"}, "the sum is 0.9"),
        ({"SIGNAL_WEIGHTS": "trend:0.5,vibes:0.5"}, "vibes is no feature"),
        ({"SIGNAL_HISTORY_BARS": "5"}, "features need"),
        ({"EVIDENCE_WINDOW_SECONDS": "59"}, "dropped before 2 ticks"),
        ({"RISK_PER_TRADE": "0.03"}, "0.03 a trade, 0.02 together"),
        ({"FLATTEN_MINUTES": "12"}, "flattening would come before the pre-close"),
        ({"TIER_A_SECONDS": "45"}, "tier_a falls between two quote updates"),
        ({"MIXER_WEIGHTS": "technical:0.9,news:0.2,filing:0,model:0"}, "the sum is 1.1"),
        ({"MIXER_WEIGHTS": "technical:0.9,gossip:0.1"}, "gossip"),
        ({"MIXER_WEIGHTS": "technical:0,news:1,filing:0,model:0"}, "technical has no weight"),
        ({"LLM_BOUND": "0.3"}, "the model may move 0.3"),
        ({"LLM_MIN_SIGNAL_SCORE": "0.2"}, "it could move a score past 0.12"),
        ({"LLM_QUESTIONS_PER_ROUND": "30"}, "30 questions, 20 calls"),
        ({"LLM_MODEL": "gpt-5"}, "LLM_MODEL, LLM_PRICES: 'gpt-5' has no price among gpt-5-mini"),
        ({"LLM_PRICES": "a:1:2,b:1:2"}, "'gpt-5-mini' has no price among a, b; accepted: a model"),
        ({"LLM_CACHE_SECONDS": "900"}, "kept for 900 s, asked about for 900 s"),
        ({"EVENT_WINDOW_SECONDS": "3600"}, "kept for 1800 s, asked about for 3600 s"),
        ({"TRAILING_AFTER_PCT": "0.01"}, "the stop would begin below the entry"),
        ({"FUND_LEVERAGE": "SQQQ:-3"}, "SOXS is an inverse ETF without leverage"),
        ({"FUND_LEVERAGE": "SQQQ:3,SOXS:-3"}, "SQQQ is an inverse ETF and would move with"),
        ({"BROKER_CALLS": "60"}, "BROKER_CALLS_RESERVE: 60 of 60 leave 0"),
        ({"BROKER_CALLS": "80"}, "BROKER_CALLS_RESERVE: 60 of 80 leave 20"),
    ],
)
def test_numbers_that_are_wrong_together(environ: dict[str, str], said: str) -> None:
    assert any(said in line for line in refused(**environ))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("STOP_LOSS_PCT", ["0", "0.5", "1.5", "-0.01", "nan", "1,5", "1.5%", "0.0_1"]),
        ("RISK_PER_TRADE", ["0", "0.1", "Infinity"]),
        ("MAX_EXPOSURE", ["0", "1.01"]),
        ("MAX_POSITIONS", ["0", "-1", "2.5", "1e3", "४", "1_0"]),
        ("TIER_A_SECONDS", ["0", "-30", "nan"]),
        ("STOPS_EVERY_SECONDS", ["0", "301"]),
        ("PIPELINE_EVERY_SECONDS", ["0"]),
        ("MIXER_COOLDOWN_SECONDS", ["-1"]),
        ("TIER_A_TICKERS", ["NVDA,NVDA", "NVDA,", "nvda", "TOOLONG", "NV DA", "A/B"]),
        ("INVERSE_ETFS", ["SQQQ", "SQQQ:SQQQ", "SQQQ:QQQ,SQQQ:SPY", "SQQQ:QQQ:SPY"]),
        ("CONFLICTING_PAIRS", ["QQQ-SQQQ", "QQQ:QQQ"]),
        ("BASKETS", ["M:SQQQ", "M:SQQQ:", "M:SQQQ:AAPL+AAPL", "M:SQQQ:AAPL,M:SQQQ:MSFT"]),
        ("SIGNAL_WEIGHTS", ["trend", "trend:2", "trend:x", "trend:0.5,trend:0.5"]),
        ("BASKET_MAX_MEAN", ["0", "0.12"]),
        ("LLM_PRICES", ["none", "m", "m:1", ":1:2", "m:-1:2", "m:1:x", "m::", "m:1:2,m:1:2"]),
        ("MIXER_THRESHOLD", ["1.1", "-0.1", "0.12 #"]),
    ],
)
def test_numbers_that_are_wrong_alone(name: str, values: list[str]) -> None:
    for value in values:
        lines = refused(**{name: value})
        assert any(line.startswith(f"{name}: {value!r} (environment)") for line in lines), value


def changed(folder: Path, before: str, after: str) -> Path:
    text = (PRESETS / "us_baskets.toml").read_text()
    assert before in text
    (folder / "us_baskets.toml").write_text(text.replace(before, after))
    return folder


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("max_positions = 4", "max_postions = 4", "Did you mean risk.max_positions?"),
        ("max_positions = 4", "", "risk.max_positions: missing; accepted: a whole number"),
        ("max_positions = 4", 'max_positions = "four"', "MAX_POSITIONS: 'four' ("),
        ("max_positions = 4", "max_positions = true", "MAX_POSITIONS: 'true' ("),
        ("[risk]", "[risks]", "risks.max_positions: not a setting of a book"),
        ("[test.risk]", "[test.rsk]", "rsk.risk_per_trade: not a setting of a book"),
        ("[risk]", "[risk", "accepted: a readable TOML file"),
        ('broker = "alpaca"', 'broker = "alpacca"', "us_baskets.broker: 'alpacca'"),
        ('strategy = "us_baskets"', 'strategy = "x"', "strategy: 'x' is none of us_baskets"),
    ],
)
def test_a_books_file_that_is_wrong(tmp_path: Path, before: str, after: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({}, NO_FILE, changed(tmp_path, before, after))
    assert any(said in str(problem) for problem in caught.value.problems)


def test_flat_names_leave_other_books_alone(tmp_path: Path) -> None:
    text = (PRESETS / "us_baskets.toml").read_text()
    (tmp_path / "us_baskets.toml").write_text(text)
    calm = text.replace("max_positions = 4", "max_positions = 2")
    (tmp_path / "calm.toml").write_text(calm.replace('broker = "alpaca"', 'broker = "paper"'))
    told = {"METRONOME_BOOKS": "us_baskets,calm", "MAX_POSITIONS": "3"}
    settings = load(told, NO_FILE, tmp_path)
    assert {b.id: b.risk.max_positions for b in settings.books} == {"us_baskets": 3, "calm": 2}
    assert settings.book("calm").id == "calm"
    with pytest.raises(ConfigError, match="us_baskets or calm"):
        settings.book("wild")
