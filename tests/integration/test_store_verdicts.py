"""The ledger answers why a symbol did or did not trade, noise included, in few rows."""

from datetime import datetime, timedelta

from store_builders import AT, BOOK, an_intent, judged, the_only

from app.engine.verdicts import Reason
from app.io.store import chains, intents, verdicts
from app.io.store.chains import Decision
from app.io.store.database import Database
from app.io.store.verdicts import Judged

SECOND = timedelta(seconds=1)
WEIGHT = (
    "SELECT pg_total_relation_size('verdict_slots') + pg_total_relation_size('verdict_symbols')"
)


def _add(database: Database, step: str, *said: Judged, at: datetime = AT) -> None:
    with database.begin() as db:
        verdicts.add(db, BOOK, at, "f00d", {step: said})


def _chain(database: Database, symbol: str, at: datetime | None = None) -> list[Decision]:
    with database.begin() as db:
        return chains.chain(db, BOOK, symbol, at)


def test_noise_is_one_row_a_slot_gate_and_reason(database: Database) -> None:
    symbols = [f"S{n}" for n in range(500)]
    _add(database, "signals", *(judged(s, Reason.BELOW_CUTOFF, measured=0.01) for s in symbols))
    _add(database, "signals", *(judged(s, Reason.NOT_DUE) for s in symbols), at=AT + SECOND)
    assert the_only(database, "SELECT count(*) FROM verdict_slots") == 2
    assert the_only(database, "SELECT count(*) FROM verdicts") == 0


def test_a_days_refusals_of_many_symbols_stay_small(database: Database) -> None:
    """200 MB a day are 25 bytes for each symbol and slot; a score is eight, its bit and the row
    are the rest."""
    before = the_only(database, WEIGHT)
    symbols, slots = [f"S{n:04d}" for n in range(2000)], 20
    for slot in range(slots):
        scores = [(s, (n * 7919 + slot) % 12007 / 1e5) for n, s in enumerate(symbols)]
        said = [judged(s, Reason.BELOW_CUTOFF, measured=score, limit=0.12) for s, score in scores]
        said[slot] = judged(symbols[slot], Reason.NOT_DUE)
        _add(database, "signals", *said, at=AT + slot * 30 * SECOND)
    assert the_only(database, WEIGHT) - before < 12 * slots * len(symbols)
    assert the_only(database, "SELECT count(*) FROM verdict_symbols") == 1
    [asked] = _chain(database, "S1234", AT + 100 * SECOND)
    assert asked.at == AT + 90 * SECOND
    assert asked.measured == f"{(1234 * 7919 + 3) % 12007 / 1e5:.12g}"
    [resting] = _chain(database, "S0003", AT + 100 * SECOND)
    assert resting.reason == "not_due"


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


def test_an_event_is_below_noise_for_one_symbol_and_not_for_another(database: Database) -> None:
    small = {"measured": 0.1, "limit": 0.4, "gate": "model_score"}
    said = [
        judged("NVDA", Reason.MODEL_BELOW_SCORE, "event:fed", **small),
        judged("NVDA", Reason.MODEL_BELOW_SCORE, "event:cpi", **small),
        judged("AMD", Reason.PASSED, "event:fed", measured=0.5, limit=0.4, gate="model_score"),
        judged("AMD", Reason.MODEL_LATE, "event:fed", gate="model"),
        judged("TSLA", Reason.MODEL_BELOW_SCORE, "event:fed", **small),
        judged("TSLA", Reason.MODEL_BELOW_SCORE, "event:cpi", **small | {"measured": 0.2}),
    ]
    _add(database, "model", *said)
    assert [(d.subject, d.measured) for d in _chain(database, "NVDA")] == [("", "0.1")]
    assert [d.reason for d in _chain(database, "AMD")] == ["passed", "model_late"]
    assert [(d.subject, d.measured) for d in _chain(database, "TSLA")] == [
        ("event:cpi", "0.2"),
        ("", "0.1"),
    ]


def test_what_is_older_than_the_look_back_is_not_dug_out(database: Database) -> None:
    day = timedelta(days=1)
    _add(database, "signals", judged("AMD", Reason.COOLDOWN, "signal:s0"), at=AT - 9 * day)
    _add(database, "signals", judged("NVDA", Reason.NOT_DUE), at=AT - 9 * day)
    _add(database, "signals", judged("AMD", Reason.NOT_DUE), judged("TSLA", Reason.COOLDOWN))
    assert _chain(database, "NVDA") == []
    assert [d.at for d in _chain(database, "NVDA", AT - 3 * day)] == [AT - 9 * day]
    assert [d.at for d in _chain(database, "AMD")] == [AT]


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
        intents.insert_once(
            db, [an_intent(id="i1", symbol="SOXS", signals=("s1", "s2"), basket="SEMIS")]
        )
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
    basket = judged("SOXS", Reason.PASSED, "basket:SEMIS:7", gate="mean")
    other = judged("SOXS", Reason.PASSED, "basket:OTHER:7", gate="mean")
    heard = judged("AMD", Reason.MODEL_LATE, "event:e1", gate="model")
    unheard = judged("MU", Reason.MODEL_LATE, "event:e1", gate="model")
    _add(database, "route", basket, other, at=AT)
    _add(database, "model", heard, unheard, at=AT + 2 * SECOND)
    steps = [(d.step, d.symbol, d.gate) for d in _chain(database, "SOXS")]
    assert steps[0] == ("route", "SOXS", "mean")
    assert steps[2:4] == [("model", "AMD", "model"), ("signals", "AMD", "cutoff")]
    assert len(steps) == 7
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
