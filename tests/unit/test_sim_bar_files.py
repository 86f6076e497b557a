"""Hostile bars: each one line that names the file, the row and what to do."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sim_builders import FRIDAY, SESSIONS, TIMETABLE

from app.engine.errors import InvalidData
from app.sim.market import Market
from app.sim.recorded import recorded_market
from app.sim.world import session_of

HEADER = "ts,open,high,low,close,volume"
OPEN = datetime(2026, 3, 20, 13, 30, tzinfo=UTC)


def line(minute: int, prices: str = "100,101,99,100.5,1000", zone: str = "+00:00") -> str:
    at = OPEN + timedelta(minutes=minute)
    return f"{at:%Y-%m-%dT%H:%M:%S}{zone},{prices}"


def write(folder: Path, *lines: str, name: str = "QQQ.csv", header: str = HEADER) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def load(folder: Path, day: date = FRIDAY) -> Market:
    return recorded_market(folder, TIMETABLE, session_of(TIMETABLE, day), seed=1)


FULL = [line(m) for m in range(390)]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("100,101,99,nan,1000", "row 4: close is missing (NaN)"),
        ("100,101,99,,1000", "is not a time and five numbers"),
        ("0,101,99,100,1000", "row 4: open is 0; it must be above 0"),
        ("100,101,-99,100,1000", "row 4: low is -99; it must be above 0"),
        ("100,101,99,100,-1", "row 4: volume is -1; it must be 0 or more"),
        ("100,98,99,100,1000", "row 4: high 98 is below low 99"),
        ("100,101,99,140,1000", "row 4: open or close lies outside of low and high"),
        ("100,inf,99,100,1000", "row 4: high is missing"),
        ("abc,101,99,100,1000", "row 4:"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, said: str) -> None:
    path = write(tmp_path, line(0), line(1), line(2, row), line(3))
    with pytest.raises(InvalidData) as caught:
        load(tmp_path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([line(0), line(2), line(1)], "row 4: earlier than the row before it; sort the rows by ts"),
        ([line(0), line(1), line(1)], "row 4: the same time twice; keep one row a bar"),
        ([line(0), line(5), line(10)], "bars are 5 minutes apart; one-minute bars are needed"),
        ([line(0, zone=""), line(1, zone="")], "no time zone; write them in UTC"),
        (["2026-03-20T13:30:20Z,1,1,1,1,1"], "not on a whole minute"),
        (["yesterday,1,1,1,1,1"], "is not a time and five numbers"),
        ([], "no rows"),
    ],
)
def test_bad_times_are_named(tmp_path: Path, lines: list[str], said: str) -> None:
    write(tmp_path, *lines)
    with pytest.raises(InvalidData) as caught:
        load(tmp_path)
    assert said in str(caught.value)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    write(tmp_path, "1,2", header="time,open")
    with pytest.raises(InvalidData, match=r"no column ts, high, low, close, volume; name the col"):
        load(tmp_path)


def test_new_york_time_labelled_utc_is_seen(tmp_path: Path) -> None:
    write(tmp_path, *(line(m - 240) for m in range(390)))
    with pytest.raises(InvalidData, match="05:30-12:00 New York, outside the session; ts must be"):
        load(tmp_path)


def test_a_folder_without_bars_a_missing_folder_and_two_files_of_a_symbol(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"no SYMBOL.parquet or SYMBOL.csv in it"):
        load(tmp_path)
    with pytest.raises(InvalidData, match="no such folder"):
        load(tmp_path / "nowhere")
    write(tmp_path, *FULL)
    write(tmp_path, *FULL, name="qqq.csv")
    with pytest.raises(InvalidData, match="QQQ has two files; keep one"):
        load(tmp_path)


def test_a_day_without_bars_says_which_days_there_are(tmp_path: Path) -> None:
    write(tmp_path, *FULL)
    with pytest.raises(InvalidData, match="no bars on that day; it has 2026-03-20 to 2026-03-20"):
        load(tmp_path, date(2026, 3, 23))


def test_a_holiday_names_the_next_session() -> None:
    with pytest.raises(InvalidData, match=r"2026-03-21: the exchange is closed .* is 2026-03-23"):
        session_of(TIMETABLE, date(2026, 3, 21))


def test_symbols_without_bars_are_derived_or_left_out_and_said_so(tmp_path: Path) -> None:
    write(tmp_path, *FULL)
    write(tmp_path, *FULL, name="GOOG.csv")
    market = load(tmp_path)
    assert set(market.symbols) == {"QQQ", "GOOG", "SQQQ", "GOOGL"}
    assert market.tapes["SQQQ"].derived == "-3 x the minute returns of QQQ"
    assert "GOOGL has no bars: derived, = GOOG" in market.warnings
    assert "NVDA is left out: it has no bars and no rule derives it" in market.warnings


def parquet(path: Path, **columns: object) -> None:
    pq.write_table(pa.table(columns), path)


def test_parquet_times_need_a_zone_and_numbers_must_be_numbers(tmp_path: Path) -> None:
    numbers = {name: [1.0] for name in ("open", "high", "low", "close", "volume")}
    parquet(tmp_path / "QQQ.parquet", ts=pa.array([OPEN.replace(tzinfo=None)]), **numbers)
    with pytest.raises(InvalidData, match="no time zone"):
        load(tmp_path)
    parquet(tmp_path / "QQQ.parquet", ts=pa.array([OPEN]), **{**numbers, "open": ["x"]})
    with pytest.raises(InvalidData, match="column open is not numeric"):
        load(tmp_path)
    (tmp_path / "QQQ.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(InvalidData, match="not readable as Parquet"):
        load(tmp_path)


def test_parquet_in_new_york_s_zone_is_the_same_instant(tmp_path: Path) -> None:
    times = pa.array([OPEN + timedelta(minutes=m) for m in range(390)])
    zoned = times.cast(pa.timestamp("us", tz="America/New_York"))
    numbers = {n: [100.0] * 390 for n in ("open", "high", "low", "close", "volume")}
    parquet(tmp_path / "QQQ.parquet", ts=zoned, **numbers)
    assert int(load(tmp_path).tapes["QQQ"].starts[0]) == OPEN.timestamp()


RECORDED = Path(__file__).parents[2].parent / "shared/data/bars/us_minute"


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded bars are not on this machine")
def test_recorded_days_load_whole_with_their_history() -> None:
    market = load(RECORDED)
    assert {"NVDA", "SQQQ", "SOXS", "GOOGL"} <= set(market.symbols)
    tape = market.tapes["NVDA"]
    first, last = tape.span(SESSIONS[1].open, SESSIONS[1].close - 1)
    assert last - first == 390
    assert tape.derived == ""
