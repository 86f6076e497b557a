"""`metronome why` over a real database: what it prints, takes and refuses."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.cli.why import why
from app.config import ConfigError, load
from app.engine.errors import InvalidData, Transient
from app.engine.verdicts import Reason, Verdict
from app.io.store import book_states, sessions, verdicts
from app.io.store.database import Database
from app.io.store.sessions import SessionRow
from app.io.store.verdicts import Judged
from app.local.running import open_database
from app.local.servers import Servers

#: 10:31 in New York.
AT = datetime(2026, 3, 20, 14, 31, tzinfo=UTC)
BOOK = "us_baskets"
METRONOME = Path(sys.executable).parent / "metronome"


@pytest.fixture
def database(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """A book in the middle of its day, and a shell in which `why` finds it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    made = Database(database_url, "test-why")
    with made.begin() as db:
        book_states.ensure(db, load({}, Path("no.env")).books[0], "f00d", AT)
        hours = (AT - timedelta(hours=1), AT + timedelta(hours=5))
        sessions.save(db, BOOK, SessionRow(date(2026, 3, 20), "TRADING", *hours), AT)
    yield made
    made.dispose()


@pytest.fixture
def judged(database: Database) -> None:
    """One signal that passed, the intent it became, and the gate that stopped it."""
    seconds = timedelta(seconds=1)
    steps = [
        ("signals", "signal:s1", Verdict("cutoff", Reason.PASSED, 0.31, 0.12)),
        ("route", "signal:s1", Verdict("held", Reason.PASSED)),
        ("risk", "intent:i1", Verdict("age", Reason.PASSED, seconds, 60 * seconds)),
        ("risk", "intent:i1", Verdict("pre_close", Reason.TOO_LATE_IN_SESSION, AT, AT - seconds)),
    ]
    with database.begin() as db:
        for n, (step, subject, verdict) in enumerate(steps):
            at = AT + (n > 0) * seconds
            verdicts.add(db, BOOK, at, "f00d", {step: [Judged("NVDA", subject, verdict)]})
        link_intent(db)


def link_intent(db: sa.Connection) -> None:
    db.execute(
        sa.text(
            "INSERT INTO intents (id, book, symbol, side, purpose, price, at, signals,"
            " time_in_force) VALUES ('i1', :book, 'NVDA', 'buy', 'entry', 100, :at, '{s1}', 'day')"
        ),
        {"book": BOOK, "at": AT},
    )


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.rstrip() for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_the_chain_step_by_step(judged: None, capsys: pytest.CaptureFixture[str]) -> None:
    why("nvda")
    shown = lines(capsys)
    assert shown[0] == "NVDA in us_baskets on 2026-03-20, settings f00d"
    rows = [line for line in shown if "✓" in line or "✗" in line]
    assert [row.split("✓")[-1].split("✗")[-1].split()[0] for row in rows] == [
        "cutoff",
        "held",
        "age",
        "pre_close",
    ]
    assert rows[0].split()[:4] == ["10:31:00", "EDT", "14:31:00", "signals"]
    assert rows[0].split()[-2:] == ["0.31", "0.12"]
    assert "10:31:01 EDT" in rows[2]
    assert "NVDA intent" in rows[2]
    assert rows[2].split()[-2:] == ["1s", "60s"]
    refusal = " ".join(rows[3].split("✗")[1].split())
    words = "the pre-close liquidation has begun"
    assert refusal == f"pre_close 10:31:00 EDT 10:30:59 EDT {words}"
    assert len({row.find("✓") for row in rows[:3]} | {rows[3].find("✗")}) == 1


def test_the_chain_as_json(judged: None, capsys: pytest.CaptureFixture[str]) -> None:
    why("NVDA", json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["book"], told["symbol"]) == (BOOK, "NVDA")
    assert [link["reason"] for link in told["chain"]] == [
        "passed",
        "passed",
        "passed",
        "too_late_in_session",
    ]
    assert [link["step"] for link in told["chain"]] == ["signals", "route", "risk", "risk"]
    assert told["chain"][0]["measured"] == "0.31"


@pytest.mark.parametrize(
    ("at", "known"),
    [
        ("10:31", True),
        ("10:30", False),
        ("10:30:59", False),
        ("23:59", True),
        ("2026-03-20T14:31:00Z", True),
        ("2026-03-20T14:30:59+00:00", False),
        ("2026-03-20T10:31", True),  # the exchange's clock
        ("2026-03-20 10:30", False),
    ],
)
def test_a_time_of_the_exchange_or_of_iso(
    judged: None, capsys: pytest.CaptureFixture[str], at: str, known: bool
) -> None:
    why("NVDA", at=at)
    assert ("cutoff" in capsys.readouterr().out) is known


@pytest.mark.parametrize("at", ["", "noon", "25:00", "10:61", "2026-03-20", "9999-12-31T23:59"])
def test_a_bad_time_is_one_line(judged: None, at: str) -> None:
    with pytest.raises(InvalidData, match=r"--at: .*; accepted: HH:MM"):
        why("NVDA", at=at)


def test_nothing_known_yet_is_one_line(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    why("NVDA")
    assert lines(capsys) == ["Nothing is known of NVDA in us_baskets yet."]
    why("NVDA", json=True)
    assert json.loads(capsys.readouterr().out)["chain"] == []


@pytest.mark.parametrize("symbol", ["ZZZZ", "", "'; DROP TABLE orders", "ñ", "A" * 500])
def test_an_unknown_symbol_names_the_universe(database: Database, symbol: str) -> None:
    with pytest.raises(InvalidData, match=r"not in the universe of us_baskets.*NVDA"):
        why(symbol)


def test_an_unknown_book_names_the_books(database: Database) -> None:
    with pytest.raises(ConfigError, match="us_baskets"):
        why("NVDA", book="kr_scout")


def test_a_database_without_tables_is_one_line(database: Database) -> None:
    with database.begin() as db:
        db.execute(sa.text("DROP TABLE verdicts"))
    with pytest.raises(InvalidData, match="metronome migrate"):
        why("NVDA")


def test_a_database_that_is_gone_is_transient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "postgresql://metronome:secret@127.0.0.1:1/metronome")
    with pytest.raises(Transient) as gone:
        why("NVDA")
    assert "secret" not in str(gone.value)


def test_the_embedded_database_of_a_running_stack_is_found(servers: Servers) -> None:
    with open_database(servers.folder.path) as url:
        assert url == servers.database_url


def test_the_database_of_a_stopped_demo_is_started_and_stopped_again(tmp_path: Path) -> None:
    with Servers(tmp_path / "demo") as servers:
        kept = servers.database_url
    with open_database(tmp_path) as url:
        assert url == kept
        with Database(url, "test").begin() as db:
            assert db.scalar(sa.text("SELECT 1")) == 1
    with pytest.raises(Transient), Database(kept, "test").begin():
        pass
    servers.folder.remove()


def test_without_a_running_stack_the_command_says_what_to_do(tmp_path: Path) -> None:
    ended = subprocess.run(
        [METRONOME, "why", "NVDA"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert "metronome up" in line
    assert not (tmp_path / ".metronome").exists()
