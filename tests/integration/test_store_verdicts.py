"""The ledger answers why a symbol did or did not trade, noise included, in few rows."""

from datetime import datetime, timedelta

from store_builders import AT, BOOK, an_intent, judged, the_only

from app.engine.verdicts import Reason
from app.io.store import intents, verdicts
from app.io.store.database import Database
from app.io.store.verdicts import Decision, Judged

SECOND = timedelta(seconds=1)


def _add(database: Database, step: str, *said: Judged, at: datetime = AT) -> None:
    with database.begin() as db:
        verdicts.add(db, BOOK, at, "f00d", {step: said})


def _chain(database: Database, symbol: str, at: datetime | None = None) -> list[Decision]:
    with database.begin() as db:
        return verdicts.chain(db, BOOK, symbol, at)


def test_noise_is_one_row_a_slot_gate_and_reason(database: Database) -> None:
    symbols = [f"S{n}" for n in range(500)]
    _add(database, "signals", *(judged(s, Reason.BELOW_CUTOFF, measured=0.01) for s in symbols))
    _add(database, "signals", *(judged(s, Reason.NOT_DUE) for s in symbols), at=AT + SECOND)
    assert the_only(database, "SELECT count(*) FROM verdict_slots") == 2
    assert the_only(database, "SELECT count(*) FROM verdicts") == 0


def test_a_compact_refusal_still_says_its_numbers(database: Database) -> None:
    said = [
        judged("NVDA", Reason.NOT_DUE, measured=timedelta(seconds=12), limit=30 * SECOND),
        judged("AMZN", Reason.NOT_DUE, measured=timedelta(seconds=42), limit=60 * SECOND),
    ]
    _add(database, "signals", *said)
    assert _chain(database, "AMZN") == [
        Decision(AT, "signals", "AMZN", "", "not_due", "not_due", "42s", "60s", "f00d")
    ]
    assert [d.limit for d in _chain(database, "NVDA")] == ["30s"]
    assert _chain(database, "TSLA") == []


def test_a_repeated_slot_is_kept_once(database: Database) -> None:
    for _ in range(2):
        _add(database, "signals", judged("NVDA", Reason.NOT_DUE))
    with database.begin() as db:
        assert verdicts.counts(db, BOOK, AT, AT + SECOND) == {"not_due": 1}


def test_passes_before_noise_are_left_out_and_others_are_kept(database: Database) -> None:
    gates = [
        judged("NVDA", Reason.PASSED, "signal:s1", gate="tier_due"),
        judged("NVDA", Reason.BELOW_CUTOFF, "signal:s1", measured=0.0512, limit=0.12),
        judged("NVDA", Reason.PASSED, "intent:i1", gate="stop"),
        judged("AMD", Reason.PASSED, "signal:s2", gate="tier_due"),
        judged("AMD", Reason.COOLDOWN, "signal:s2"),
    ]
    _add(database, "signals", *gates)
    chain = _chain(database, "NVDA")
    assert [d.gate for d in chain] == ["stop", "below_cutoff"]
    assert (chain[-1].measured, chain[-1].limit) == ("0.0512", "0.12")
    assert [d.gate for d in _chain(database, "AMD")] == ["tier_due", "cooldown"]


def test_the_newest_decisions_come_newest_first(database: Database) -> None:
    for n, symbol in enumerate(("A", "B", "C")):
        _add(database, "signals", judged(symbol, Reason.COOLDOWN), at=AT + n * SECOND)
    with database.begin() as db:
        assert [d.symbol for d in verdicts.newest(db, BOOK, 2)] == ["C", "B"]
        assert [d.symbol for d in verdicts.newest(db, BOOK, 2, AT)] == ["A"]
        assert verdicts.newest(db, "other", 2) == []


def test_the_newest_chain_at_a_time(database: Database) -> None:
    _add(database, "signals", judged("NVDA", Reason.COOLDOWN, "signal:s1"))
    _add(database, "signals", judged("NVDA", Reason.NOT_DUE), at=AT + 30 * SECOND)
    _add(database, "signals", judged("NVDA", Reason.STALE_DATA, "signal:s3"), at=AT + 60 * SECOND)
    answers = {
        None: ["stale_data"],
        AT + 59 * SECOND: ["not_due"],
        AT + 30 * SECOND: ["not_due"],
        AT + 29 * SECOND: ["cooldown"],
        AT - SECOND: [],
    }
    for at, reasons in answers.items():
        assert [d.reason for d in _chain(database, "NVDA", at)] == reasons


def test_a_chain_follows_the_signal_to_its_order_and_back(database: Database) -> None:
    with database.begin() as db:
        intents.insert_once(db, [an_intent(id="i1", symbol="SOXS", signals=("s1", "s2"))])
    for n, symbol in ((1, "NVDA"), (2, "AMD"), (3, "TSLA")):
        said = judged(symbol, Reason.PASSED, f"signal:s{n}", gate="cutoff")
        _add(database, "signals", said, at=AT + n * SECOND)
    _add(
        database,
        "route",
        judged("NVDA", Reason.PASSED, "signal:s1", gate="basket"),
        judged("SOXS", Reason.PASSED, "intent:i1", gate="etf_lock"),
        at=AT + 9 * SECOND,
    )
    risk = judged("SOXS", Reason.MAX_POSITIONS, "intent:i1", measured=4, limit=4)
    _add(database, "risk", risk, at=AT + 10 * SECOND)
    steps = [(d.step, d.symbol) for d in _chain(database, "SOXS")]
    assert steps == [
        ("signals", "NVDA"),
        ("signals", "AMD"),
        ("route", "NVDA"),
        ("route", "SOXS"),
        ("risk", "SOXS"),
    ]
    from_the_signal = _chain(database, "AMD")
    assert from_the_signal[-1].reason == "max_positions"
    assert {d.symbol for d in _chain(database, "TSLA")} == {"TSLA"}


def test_counts_are_by_reason_with_noise_and_passes(database: Database) -> None:
    said = [judged(s, Reason.BELOW_CUTOFF) for s in ("A", "B", "C")]
    said += [judged("D", Reason.PASSED), judged("D", Reason.PASSED), judged("E", Reason.COOLDOWN)]
    _add(database, "signals", *said)
    _add(database, "signals", judged("A", Reason.COOLDOWN), at=AT + SECOND)
    with database.begin() as db:
        first = verdicts.counts(db, BOOK, AT, AT + SECOND)
        both = verdicts.counts(db, BOOK, AT, AT + 2 * SECOND)
        other = verdicts.counts(db, "other", AT, AT + SECOND)
    assert first == {"below_cutoff": 3, "passed": 2, "cooldown": 1}
    assert both == {"below_cutoff": 3, "passed": 2, "cooldown": 2}
    assert other == {}
