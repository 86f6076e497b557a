"""Folders of bars: side by side as they are, and a line for each thing that is wrong."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.engine.errors import InvalidData
from app.io import barfiles
from app.lab.bars import read_folder

OPEN = datetime(2026, 3, 20, 13, 30, tzinfo=UTC)
HEADER = "ts,open,high,low,close,volume"


def line(minute: float, close: float = 100.5, volume: str = "1000", zone: str = "+00:00") -> str:
    at = OPEN + timedelta(minutes=minute)
    return f"{at:%Y-%m-%dT%H:%M:%S}{zone},100,101,99,{close},{volume}"


def write(folder: Path, symbol: str, *lines: str) -> Path:
    path = folder / f"{symbol}.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def test_symbols_lie_side_by_side_on_the_union_of_their_times(tmp_path: Path) -> None:
    write(tmp_path, "AAA", line(0, 100.1), line(1, 100.2))
    write(tmp_path, "BBB", line(1, 100.3), line(2, 100.4))
    loaded = read_folder(tmp_path)
    assert loaded.bars.symbols == ("AAA", "BBB")
    start = int(OPEN.timestamp() * 1e9)
    assert loaded.bars.at.tolist() == [start + n * 60_000_000_000 for n in range(3)]
    np.testing.assert_array_equal(
        loaded.bars.close, [[100.1, 100.2, np.nan], [np.nan, 100.3, 100.4]]
    )
    np.testing.assert_array_equal(np.isnan(loaded.bars.open), np.isnan(loaded.bars.close))
    assert loaded.warnings == (
        "AAA: ends earlier than others, 2026-03-20 13:31 UTC",
        "BBB: begins later than others, 2026-03-20 13:31 UTC",
    )


def test_parquet_and_csv_of_the_same_bars_are_the_same(tmp_path: Path) -> None:
    write(tmp_path, "AAA", *(line(n, 100 + n / 100) for n in range(5)))
    columns = {"open": 100.0, "high": 101.0, "low": 99.0, "volume": 1000.0}
    table = {
        "ts": pa.array([OPEN + timedelta(minutes=n) for n in range(5)], pa.timestamp("us", "UTC")),
        "close": [100 + n / 100 for n in range(5)],
        **{name: [value] * 5 for name, value in columns.items()},
    }
    pq.write_table(pa.table(table), tmp_path / "BBB.parquet")
    loaded = read_folder(tmp_path)
    assert loaded.warnings == ()
    for name in ("open", "high", "low", "close", "volume"):
        rows = getattr(loaded.bars, name)
        np.testing.assert_array_equal(rows[0], rows[1], err_msg=name)


def test_only_the_symbols_asked_for_are_read(tmp_path: Path) -> None:
    write(tmp_path, "AAA", line(0), line(1))
    write(tmp_path, "BAD", "nonsense")
    assert read_folder(tmp_path, ["AAA"]).bars.symbols == ("AAA",)
    with pytest.raises(InvalidData, match="no file of CCC, DDD; it has AAA, BAD"):
        read_folder(tmp_path, ["CCC", "AAA", "DDD"])


def test_holes_and_unknown_volumes_are_counted(tmp_path: Path) -> None:
    day = 24 * 60
    minutes = [0, 1, 2, 5, 6, 9, day, day + 1]
    write(tmp_path, "AAA", *(line(m, volume="nan" if m in (1, 6) else "5") for m in minutes))
    assert read_folder(tmp_path).warnings == (
        "AAA: 4 bars are missing within days, in 2 gaps, first after 2026-03-20 13:32 UTC",
        "AAA: the volume of 2 bars is NaN",
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([line(0), line(1), line(1)], "AAA.csv row 4: the same time twice; keep one row a bar"),
        ([line(0), line(2), line(1)], "row 4: earlier than the row before it; sort the rows by ts"),
        ([line(0, zone=""), line(1, zone="")], "no time zone; write them in UTC"),
        ([line(0), line(5), line(10), line(11)], "row 5: 60 s after the row before it, most are"),
        ([line(0), line(1, volume="")], "is not a time and five numbers"),
        ([line(0), line(1, close=float("nan"))], "row 3: close is missing (NaN)"),
        ([line(0), line(1, volume="inf")], "row 3: volume is missing"),
        ([], "no rows"),
    ],
)
def test_what_makes_bars_unusable_is_named(tmp_path: Path, lines: list[str], said: str) -> None:
    write(tmp_path, "AAA", *lines)
    with pytest.raises(InvalidData) as caught:
        read_folder(tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_folder_holds_bars_of_one_length(tmp_path: Path) -> None:
    write(tmp_path, "AAA", line(0), line(1))
    write(tmp_path, "BBB", line(0), line(5), line(10))
    with pytest.raises(InvalidData, match="AAA's are 60 s apart; BBB's are 300 s apart; keep one"):
        read_folder(tmp_path)


def test_a_day_of_23_hours_is_a_day(tmp_path: Path) -> None:
    day = 24 * 60
    write(tmp_path, "AAA", line(0), line(day), line(2 * day - 60), line(3 * day - 60))
    assert read_folder(tmp_path).warnings == ()


def test_a_sound_csv_file_is_parsed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "AAA", line(0), line(1))
    monkeypatch.setattr(barfiles, "_spelled_csv", None)
    assert read_folder(tmp_path).bars.close.tolist() == [[100.5, 100.5]]
