"""`metronome bench`: time a strategy that every engine can run, and write down its trades."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

    from app.lab.benchmark import Figures
    from app.lab.planned import Run

HEADER = "symbol,entry_ts,entry_price,quantity,exit_ts,exit_price"


def bench(
    name: Annotated[str, typer.Argument(metavar="s1|s2", help="One symbol, or ten.")],
    bars: Annotated[Path, typer.Option(help="Folder of bars, SYMBOL.parquet or SYMBOL.csv.")],
    json: Annotated[Path | None, typer.Option(help="Also write the figures to this file.")] = None,
    trades: Annotated[
        Path | None,
        typer.Option(help="Also write the trades to this CSV file; open ones have no exit."),
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Compile nothing.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="The time is their median.")] = 7,
) -> None:
    """Time a benchmark: s1 is ema_cross over SINGLE, s2 is breakout over P00 to P09."""
    from dataclasses import asdict
    from json import dumps

    from app.cli.writing import check_places
    from app.lab import whole_file
    from app.lab.benchmark import measure

    check_places(json, trades)
    figures, run = measure(name, bars, rounds, plain=plain)
    if trades:
        whole_file.write(trades, "\n".join([HEADER, *_rows(run), ""]).encode())
    if json:
        whole_file.write(json, (dumps(asdict(figures), indent=2) + "\n").encode())
    for line in (*run.result.warnings, *_lines(figures)):
        print(line)


def _lines(of: "Figures") -> Iterator[str]:
    how = "as plain Python" if of.plain else "compiled"
    yield f"{of.benchmark}: {of.strategy}, {of.symbols} x {of.bars // of.symbols:,} bars, {how}"
    yield f"load       {of.load_s:.3f} s"
    if not of.plain:
        yield f"first run  {of.first_s:.3f} s, compiling or reading the cache included"
    yield f"run        {of.run_s:.4f} s, median of {of.rounds}: {of.bars_per_s:,.0f} bars/s"
    yield f"memory     {of.peak_mb:.0f} MB at the most"
    yield f"trades     {of.trades:,}, {of.open} of them still open"
    yield f"equity     {of.equity:,.2f}"


def _rows(run: "Run") -> Iterator[str]:
    """Yield the trades as they ended, then what is still open; every number as it is."""
    ended, left = run.result.trades, run.open
    columns = (ended.entry_price, ended.quantity, ended.exit_price)
    moments = zip(_iso(ended.entry_at), _iso(ended.exit_at), strict=True)
    numbers = zip(ended.symbol, *(column.tolist() for column in columns), strict=True)
    for (began, until), (symbol, entry, quantity, exit_) in zip(moments, numbers, strict=True):
        yield f"{ended.symbols[symbol]},{began},{entry!r},{quantity:.0f},{until},{exit_!r}"
    rows = zip(left.symbol, left.entry_price.tolist(), left.quantity.tolist(), strict=True)
    for began, (symbol, entry, quantity) in zip(_iso(left.entry_at), rows, strict=True):
        yield f"{ended.symbols[symbol]},{began},{entry!r},{quantity:.0f},,"


def _iso(moments: "NDArray[int64]") -> list[str]:
    """Return nanoseconds UTC as texts such as 2026-03-20T13:30:00Z."""
    return [f"{text}Z" for text in moments.astype("datetime64[ns]").astype("datetime64[s]")]
