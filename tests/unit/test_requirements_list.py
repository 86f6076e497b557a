"""Every requirement that names numbers has them in one of the tables."""

from pathlib import Path

import test_requirements_exits as exits
import test_requirements_feeds as feeds
import test_requirements_model as model
import test_requirements_orders as orders
import test_requirements_reports as reports
import test_requirements_risk as risk
import test_requirements_signals as signals

TABLES = (exits, feeds, model, orders, reports, risk, signals)
REQUIREMENTS = (
    "A6 A7 A9 B1 B2 B3 B4 B5 B6 B7 C1 C2 C3 C4 C5 D1 D2 D3 D4 E3 E5 E6 E7 E9 E10 E12"
    " F1 F2 F3 F4 F5 F6 F9 F10 I5 I6"
)


def test_every_requirement_has_a_row() -> None:
    named = {row[0].split()[0] for table in TABLES for row in table.NUMBERS}
    assert named == set(REQUIREMENTS.split())


def test_no_number_has_two_rows() -> None:
    names = [row[0] for table in TABLES for row in table.NUMBERS]
    assert sorted(set(names)) == sorted(names)


def test_every_table_is_listed() -> None:
    here = Path(__file__)
    files = {path.stem for path in here.parent.glob("test_requirements_*.py")} - {here.stem}
    assert files == {table.__name__ for table in TABLES}
