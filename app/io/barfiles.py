"""Read one symbol's bars from Parquet or CSV, and refuse what cannot be a market."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.engine.errors import InvalidData

COLUMNS = ("ts", "open", "high", "low", "close", "volume")
PRICES = COLUMNS[1:5]
#: How far open and close may lie outside of low and high and still count as rounding.
ROUNDING = 0.001


@dataclass(frozen=True, slots=True)
class RawBars:
    """Columns as read; ``starts`` are seconds since the epoch. ``first_row`` numbers the first."""

    path: Path
    starts: NDArray[np.int64]
    columns: dict[str, NDArray[np.float64]]
    first_row: int

    def bad(self, index: int, what: str, remedy: str) -> InvalidData:
        """Return the error that names the file, the row and what to do."""
        return InvalidData(f"{self.path} row {self.first_row + index}: {what}; {remedy}")


def bar_files(folder: Path) -> dict[str, Path]:
    """Return a folder's files by symbol, sorted. Raises InvalidData, naming the option --bars."""
    if not folder.is_dir():
        raise InvalidData(f"--bars {folder}: no such folder; give a folder of SYMBOL.parquet files")
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".parquet", ".csv"))
    if not files:
        raise InvalidData(
            f"--bars {folder}: no SYMBOL.parquet or SYMBOL.csv in it; give a folder of bar files"
        )
    symbols = [p.stem.upper() for p in files]
    twice = next((p for p in files if symbols.count(p.stem.upper()) > 1), None)
    if twice is not None:
        raise InvalidData(f"{twice}: {twice.stem.upper()} has two files; keep one")
    return dict(zip(symbols, files, strict=True))


def read_bars(path: Path, *, needed: Sequence[str] = COLUMNS[1:]) -> RawBars:
    """Read a file and check it: rows in order of time, prices that can be. Raises InvalidData.

    Columns that are not ``needed`` may hold NaN.
    """
    raw = _read_csv(path) if path.suffix.lower() == ".csv" else _read_parquet(path)
    if raw.starts.size == 0:
        raise InvalidData(f"{path}: no rows; remove the file or record bars into it")
    _check_values(raw, needed)
    _check_order(raw)
    return raw


def _missing(path: Path, found: list[str]) -> InvalidData | None:
    missing = [c for c in COLUMNS if c not in found]
    if not missing:
        return None
    return InvalidData(
        f"{path}: no column {', '.join(missing)}; name the columns {', '.join(COLUMNS)}"
    )


def _read_parquet(path: Path) -> RawBars:
    import pyarrow

    raw = _parsed_parquet(path)
    pyarrow.default_memory_pool().release_unused()  # the table was as large as the columns
    return raw


def _parsed_parquet(path: Path) -> RawBars:
    import pyarrow
    import pyarrow.parquet

    try:
        schema = pyarrow.parquet.read_schema(path)
        if error := _missing(path, schema.names):
            raise error
        table = pyarrow.parquet.read_table(path, columns=list(COLUMNS))
    except (pyarrow.ArrowException, OSError) as broken:
        line = str(broken).splitlines()[0]
        raise InvalidData(f"{path}: not readable as Parquet ({line}); write it anew") from None
    kind = table.schema.field("ts").type
    if not pyarrow.types.is_timestamp(kind) or kind.tz is None:
        raise _naive(path)
    times = table.column("ts").cast(pyarrow.timestamp("ns", tz="UTC")).to_numpy()
    nulls = np.flatnonzero(np.isnat(times))
    if nulls.size:
        raise InvalidData(f"{path} row {nulls[0] + 1}: no time; remove the row")
    seconds = times.astype("datetime64[s]").astype(np.int64)
    columns = {}
    for name in COLUMNS[1:]:
        try:
            columns[name] = table.column(name).cast(pyarrow.float64()).to_numpy().astype(np.float64)
        except pyarrow.ArrowException:
            raise InvalidData(f"{path}: column {name} is not numeric; write numbers") from None
    return RawBars(path, seconds, columns, first_row=1)


def _read_csv(path: Path) -> RawBars:
    return _parsed_csv(path) or _spelled_csv(path)


def _parsed_csv(path: Path) -> RawBars | None:
    """Parse a whole file at once; None where anything in it is not as it should be."""
    import pyarrow
    import pyarrow.csv

    at = pyarrow.timestamp("ns", tz="UTC")
    types = {"ts": at, **dict.fromkeys(COLUMNS[1:], pyarrow.float64())}
    options = pyarrow.csv.ConvertOptions(
        column_types=types, include_columns=list(COLUMNS), null_values=[]
    )
    try:
        table = pyarrow.csv.read_csv(path, convert_options=options)
    except (pyarrow.ArrowException, OSError, KeyError):
        return None
    seconds = table.column("ts").to_numpy().astype("datetime64[s]").astype(np.int64)
    columns = {name: table.column(name).to_numpy() for name in COLUMNS[1:]}
    return RawBars(path, seconds, columns, first_row=2)


def _spelled_csv(path: Path) -> RawBars:
    """Read a file row by row, to name the one that is wrong."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if error := _missing(path, list(reader.fieldnames or ())):
                raise error
            rows = list(_csv_rows(path, reader))
    except (OSError, UnicodeDecodeError) as broken:
        raise InvalidData(f"{path}: not readable as CSV ({broken}); write it anew") from None
    values = np.array([r[1:] for r in rows], dtype=np.float64).reshape(-1, 5)
    return RawBars(
        path,
        np.array([r[0] for r in rows], dtype=np.int64),
        {name: values[:, i] for i, name in enumerate(COLUMNS[1:])},
        first_row=2,
    )


def _csv_rows(path: Path, reader: "csv.DictReader[str]") -> Iterator[tuple[float, ...]]:
    for row_number, row in enumerate(reader, start=2):
        try:
            at = datetime.fromisoformat(row["ts"])
            numbers = tuple(float(row[name]) for name in COLUMNS[1:])
        except (TypeError, ValueError):
            raise InvalidData(
                f"{path} row {row_number}: {dict(row)} is not a time and five numbers;"
                " correct or remove the row"
            ) from None
        if at.tzinfo is None:
            raise _naive(path)
        yield (at.astimezone(UTC).timestamp(), *numbers)


def _naive(path: Path) -> InvalidData:
    return InvalidData(
        f"{path}: the times in ts have no time zone; write them in UTC, as 2026-03-20T13:30:00Z"
    )


def _check_values(raw: RawBars, needed: Sequence[str]) -> None:
    for name, values in raw.columns.items():
        bad = np.flatnonzero(~np.isfinite(values) if name in needed else np.isinf(values))
        if bad.size:
            raise raw.bad(int(bad[0]), f"{name} is missing (NaN)", "remove the row or fill it in")
        wrong = np.flatnonzero(values <= 0 if name in PRICES else values < 0)
        if wrong.size:
            value, least = values[wrong[0]], "above 0" if name in PRICES else "0 or more"
            raise raw.bad(int(wrong[0]), f"{name} is {value:g}", f"it must be {least}")
    open_, high, low, close = (raw.columns[name] for name in PRICES)
    crossed = np.flatnonzero(high < low)
    if crossed.size:
        i = int(crossed[0])
        raise raw.bad(i, f"high {high[i]:g} is below low {low[i]:g}", "correct or remove the row")
    outside = np.maximum(open_, close) > high * (1 + ROUNDING)
    outside |= np.minimum(open_, close) < low * (1 - ROUNDING)
    if outside.any():
        i = int(np.flatnonzero(outside)[0])
        raise raw.bad(i, "open or close lies outside of low and high", "correct or remove the row")


def _check_order(raw: RawBars) -> None:
    steps = np.diff(raw.starts)
    same = np.flatnonzero(steps == 0)
    if same.size:
        raise raw.bad(int(same[0]) + 1, "the same time twice", "keep one row a bar")
    back = np.flatnonzero(steps < 0)
    if back.size:
        raise raw.bad(int(back[0]) + 1, "earlier than the row before it", "sort the rows by ts")
