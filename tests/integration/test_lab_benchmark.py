"""`metronome bench`: what it measures, writes and refuses."""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lab_builders import walk

from app.cli.bench import bench
from app.cli.writing import check_places
from app.engine.errors import AppError, InvalidData
from app.lab import whole_file
from app.lab.benchmark import BENCHMARKS, measure


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with bars of both benchmarks, long enough for trades after the warm-up."""
    path = tmp_path_factory.mktemp("bars")
    for work in BENCHMARKS.values():
        write(path, work.symbols)
    return path


def write(folder: Path, symbols: Sequence[str], count: int = 1300) -> None:
    of = walk(len(symbols), len(symbols), count)
    for row, symbol in enumerate(symbols):
        prices = {n: getattr(of, n)[row] for n in ("open", "high", "low", "close", "volume")}
        table = pa.table({"ts": of.at, **prices})
        at = table.column("ts").cast(pa.timestamp("ns", "UTC"))
        pq.write_table(table.set_column(0, "ts", at), folder / f"{symbol}.parquet")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_figures_are_those_of_the_run_however_it_is_carried_out(name: str, folder: Path) -> None:
    compiled, run = measure(name, folder, 2, plain=False)
    plain, _ = measure(name, folder, 1, plain=True)
    assert compiled.trades == len(run.result.trades) + compiled.open > 0
    assert compiled.equity == run.result.equity[-1]
    assert compiled.bars == compiled.symbols * 1300
    assert compiled.bars_per_s == pytest.approx(compiled.bars / compiled.run_s)
    assert plain.run_s == plain.first_s
    same = {"load_s": 0, "first_s": 0, "run_s": 0, "bars_per_s": 0, "peak_mb": 0, "rounds": 0}
    assert replace(plain, plain=False, **same) == replace(compiled, **same)


def test_files_hold_the_figures_and_the_trades(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench("s2", folder, tmp_path / "f.json", tmp_path / "t.csv", plain=True, rounds=1)
    figures = json.loads((tmp_path / "f.json").read_text())
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    header = ["symbol", "entry_ts", "entry_price", "quantity", "exit_ts", "exit_price"]
    assert list(rows[0]) == header
    assert len(rows) == figures["trades"]
    ended = [row for row in rows if row["exit_ts"]]
    assert len(rows) - len(ended) == figures["open"]
    assert all(re.fullmatch(r"1970-01-0\dT\d\d:\d\d:00Z", row["exit_ts"]) for row in ended)
    gained = sum(
        (float(row["exit_price"]) - float(row["entry_price"])) * int(row["quantity"])
        for row in ended
    )
    _, run = measure("s2", folder, 1, plain=True)
    assert gained == pytest.approx(run.result.trades.gained.sum())
    printed = capsys.readouterr().out
    assert f"trades     {figures['trades']:,}, {figures['open']} of them still open" in printed
    assert f"equity     {figures['equity']:,.2f}" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.json", "t.csv"]


def test_mistakes_are_named_before_anything_is_written(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    with pytest.raises(InvalidData, match="bench s3: no such benchmark; there are s1, s2"):
        bench("s3", folder, trades=out, rounds=1)
    with pytest.raises(InvalidData, match="no such folder"):
        bench("s1", tmp_path / "nowhere", trades=out, rounds=1)
    with pytest.raises(AppError, match=r"make the folder .*missing first"):
        bench("s1", folder, trades=tmp_path / "missing" / "t.csv", rounds=1)
    with pytest.raises(AppError, match="is a folder; give a file's name"):
        check_places(None, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    whole_file.write(path, b"one\n")
    with pytest.raises(InvalidData, match="cannot be written"):
        whole_file.write(tmp_path / "nowhere" / "t.csv", b"two\n")
    assert path.read_text() == "one\n"
    assert [left.name for left in tmp_path.iterdir()] == ["t.csv"]
