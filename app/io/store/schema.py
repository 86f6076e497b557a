"""Every table. ``at`` columns are the market's time, ``*_wall`` columns are the machine's.

Money and quantities are NUMERIC, states are text with a CHECK, every row carries its book.
"""

from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.engine.book import BookStatus
from app.engine.orders import OrderState, Purpose, Side
from app.engine.session import Phase

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Time = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")


def _book(*, key: bool = False) -> sa.Column[str]:
    return sa.Column("book", sa.Text, primary_key=key, nullable=False)


def _one_of(column: str, values: type[StrEnum]) -> sa.CheckConstraint:
    words = ", ".join(f"'{v}'" for v in values)
    return sa.CheckConstraint(f"{column} IN ({words})", name=column)


def _serial() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True)


def _wall(name: str = "written_wall") -> sa.Column[object]:
    return sa.Column(name, Time, server_default=NOW, nullable=False)


# -- market -------------------------------------------------------------------------------------

bars_30s = sa.Table(
    "bars_30s",
    metadata,
    _book(key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("at", Time, primary_key=True),
    *(
        sa.Column(name, sa.Double, nullable=False)
        for name in ("open", "high", "low", "close", "volume")
    ),
    sa.Column("source", sa.Text, nullable=False),
)

quotes = sa.Table(
    "quotes",
    metadata,
    _book(key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("at", Time, nullable=False),
    *(sa.Column(n, sa.Double, nullable=False) for n in ("bid", "ask", "last", "day_volume")),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    _serial(),
    _book(),
    sa.Column("at", Time, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("payload", JSONB, nullable=False),
    sa.Index(None, "book", "at"),
)

events = sa.Table(
    "events",
    metadata,
    _book(key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text),
    sa.Column("at", Time, nullable=False),
    sa.Column("first_seen_at", Time, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("relevance", sa.Double, nullable=False),
    sa.Column("tone", sa.Double),
    sa.Column("payload", JSONB, nullable=False),
    sa.Column("tone_at", Time),
    sa.Index(None, "book", "first_seen_at"),
)

model_calls = sa.Table(
    "model_calls",
    metadata,
    _serial(),
    _book(),
    sa.Column("at", Time, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("content_key", sa.Text, nullable=False),
    sa.Column("prompt_version", sa.Text, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("asked_model", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reserved_usd", sa.Numeric, nullable=False),
    sa.Column("cost_usd", sa.Numeric),
    sa.Column("krw_per_usd", sa.Numeric, nullable=False),
    sa.Column("input_tokens", sa.Integer),
    sa.Column("output_tokens", sa.Integer),
    sa.Column("answered_model", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Column("outcome", sa.Text),
    sa.Column("answer", JSONB),
    _wall("asked_wall"),
    sa.Column("answered_wall", Time),
    sa.CheckConstraint("state IN ('RESERVED', 'SETTLED')", name="state"),
    sa.Index(None, "book", "day"),
    sa.Index(None, "book", "content_key", "at"),
    sa.Index(None, "book", "at"),
    comment="the budget's ledger: a row counts with cost_usd once settled, reserved_usd before",
)

# -- decisions ----------------------------------------------------------------------------------

book_states = sa.Table(
    "book_states",
    metadata,
    _book(key=True),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("set_by", sa.Text, nullable=False),
    sa.Column("set_at", Time, nullable=False),
    sa.Column("engine", JSONB, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("reconciled_at", Time),
    sa.Column("account", sa.Text),
    sa.Column("cash_short", sa.Numeric, server_default=sa.text("0"), nullable=False),
    _one_of("status", BookStatus),
)

status_log = sa.Table(
    "status_log",
    metadata,
    _serial(),
    _book(),
    sa.Column("at", Time, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("set_by", sa.Text, nullable=False),
    _wall(),
    _one_of("status", BookStatus),
    sa.Index(None, "book", "at"),
    comment="every status that a book was set to; the one of now stands in book_states",
)

signals = sa.Table(
    "signals",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _book(),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("slot", sa.BigInteger, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("price", sa.Double, nullable=False),
    sa.Column("components", JSONB, nullable=False),
    sa.Column("routed_at", Time),
    _wall(),
    sa.UniqueConstraint("book", "symbol", "slot"),
    sa.Index("ix_signals_unrouted", "book", "at", postgresql_where=sa.text("routed_at IS NULL")),
    sa.Index(None, "book", "at"),
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    _serial(),
    _book(),
    sa.Column("at", Time, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("gate", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("measured", sa.Text),
    sa.Column("limit", sa.Text),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Index(None, "book", "symbol", "at"),
    sa.Index(None, "book", "subject"),
    sa.Index(None, "book", "at"),
    comment="one row a gate and subject: signal:ID, event:ID, basket:NAME:TICK or intent:ID",
)

verdict_symbols = sa.Table(
    "verdict_symbols",
    metadata,
    _book(key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("symbols", ARRAY(sa.Text), nullable=False),
    comment="lists of symbols that slots refer to; the id is a digest of the list",
)

verdict_slots = sa.Table(
    "verdict_slots",
    metadata,
    _book(key=True),
    sa.Column("at", Time, primary_key=True),
    sa.Column("step", sa.Text, primary_key=True),
    sa.Column("gate", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("list", sa.Text, nullable=False),
    sa.Column("members", sa.LargeBinary),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("measured", sa.LargeBinary),
    sa.Column("limit", sa.LargeBinary),
    comment="refusals below noise, a row a slot, gate and reason: a bit for each symbol of the "
    "list (none: all of them), and the numbers of those as packing.py writes them",
)

# -- orders -------------------------------------------------------------------------------------

intents = sa.Table(
    "intents",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _book(),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("price", sa.Numeric, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("signals", ARRAY(sa.Text), nullable=False),
    sa.Column("basket", sa.Text),
    sa.Column("quantity", sa.Numeric),
    sa.Column("time_in_force", sa.Text, nullable=False),
    sa.Column("stop_price", sa.Numeric),
    sa.Column("decided_at", Time),
    _wall(),
    _one_of("side", Side),
    _one_of("purpose", Purpose),
    sa.Index(None, "book", "at"),
    sa.Index("ix_intents_undecided", "book", "at", postgresql_where=sa.text("decided_at IS NULL")),
)

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("client_id", sa.Text, primary_key=True),
    _book(),
    sa.Column("intent_id", sa.Text, nullable=False, unique=True),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("time_in_force", sa.Text, nullable=False),
    sa.Column("limit_price", sa.Numeric),
    sa.Column("stop_price", sa.Numeric),
    sa.Column("extended_hours", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("broker", sa.Text, nullable=False),
    sa.Column("broker_id", sa.Text, unique=True),
    sa.Column("filled_quantity", sa.Numeric, nullable=False),
    sa.Column("average_price", sa.Numeric),
    sa.Column("reserved_risk", sa.Numeric, nullable=False),
    sa.Column("reserved_notional", sa.Numeric, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("updated_at", Time, nullable=False),
    _wall("created_wall"),
    sa.Column("submitting_wall", Time),
    sa.Column("accepted_wall", Time),
    sa.Column("resolve_after_wall", Time),
    sa.Column("resolve_tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("sent_at", Time),
    _one_of("side", Side),
    _one_of("purpose", Purpose),
    _one_of("state", OrderState),
    sa.CheckConstraint("quantity > 0", name="quantity"),
    sa.CheckConstraint("filled_quantity >= 0 AND filled_quantity <= quantity", name="filled"),
    sa.Index(
        "uq_orders_one_in_doubt",
        "book",
        "symbol",
        "side",
        unique=True,
        postgresql_where=sa.text("state IN ('SUBMITTING', 'UNKNOWN')"),
    ),
    sa.Index(
        "ix_orders_open",
        "book",
        "symbol",
        postgresql_where=sa.text(
            "state IN ('NEW', 'SUBMITTING', 'UNKNOWN', 'SUBMITTED', 'PARTIAL')"
        ),
    ),
    sa.Index(None, "book", "created_at"),
    sa.Index(None, "book", "submitting_wall"),
)

order_links = sa.Table(
    "order_links",
    metadata,
    sa.Column("broker", sa.Text, primary_key=True),
    sa.Column("broker_id", sa.Text, primary_key=True),
    _book(),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("replaces", sa.Text),
    sa.Column("replaced_by", sa.Text),
    sa.Column("quantity", sa.Numeric),
    sa.Column("filled_quantity", sa.Numeric, nullable=False),
    *(sa.Column(n, sa.Numeric) for n in ("average_price", "limit_price", "stop_price")),
    sa.Column("state", sa.Text, nullable=False),
    _one_of("state", OrderState),
    sa.UniqueConstraint("client_id", "place"),
    comment="one row a broker order of ours; place counts the replacements before it",
)

fills = sa.Table(
    "fills",
    metadata,
    sa.Column("broker", sa.Text, primary_key=True),
    sa.Column("execution_id", sa.Text, primary_key=True),
    _book(),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("broker_order_id", sa.Text, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("price", sa.Numeric, nullable=False),
    sa.Column("cumulative", sa.Numeric, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    _wall(),
    _one_of("side", Side),
    sa.CheckConstraint("quantity > 0 AND price > 0", name="positive"),
    sa.Index(None, "book", "at"),
    sa.Index(None, "client_id"),
)

positions = sa.Table(
    "positions",
    metadata,
    _book(key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("average_price", sa.Numeric, nullable=False),
    sa.Column("realised", sa.Numeric, nullable=False),
    sa.Column("stop_price", sa.Numeric),
    sa.Column("opened_at", Time),
    sa.Column("peak_price", sa.Numeric),
    sa.Column("through_at", Time),
    sa.Column("at_broker", sa.Numeric),
    sa.Column("bare_since", Time),
    sa.Column("updated_at", Time, nullable=False),
)

pending_exits = sa.Table(
    "pending_exits",
    metadata,
    _book(key=True),
    sa.Column("symbol", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("parked_at", Time, nullable=False),
    sa.Column("retry_at", Time, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    _one_of("purpose", Purpose),
    comment="exits that wait until orders are possible again; gone when retried or flat",
)

adjustments = sa.Table(
    "adjustments",
    metadata,
    _serial(),
    _book(),
    sa.Column("at", Time, nullable=False),
    sa.Column("symbol", sa.Text, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("average_price", sa.Numeric, nullable=False),
    sa.Column("set_by", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    _wall(),
    sa.Column("price", sa.Numeric),
    sa.CheckConstraint("quantity <> 0 AND average_price >= 0", name="numbers"),
    sa.Index(None, "book", "at"),
    comment="changes of a position without a fill: it is the sum of fills and of these",
)

account_snapshots = sa.Table(
    "account_snapshots",
    metadata,
    _serial(),
    _book(),
    sa.Column("at", Time, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    *(sa.Column(n, sa.Numeric, nullable=False) for n in ("cash", "equity", "buying_power")),
    _wall(),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Index(None, "book", "at"),
    comment="kind is open, check or close; what the broker said",
)

# -- running ------------------------------------------------------------------------------------

sessions = sa.Table(
    "sessions",
    metadata,
    _book(key=True),
    sa.Column("date", sa.Date, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("open_at", Time, nullable=False),
    sa.Column("close_at", Time, nullable=False),
    sa.Column("equity_open", sa.Numeric),
    sa.Column("cash_open", sa.Numeric),
    sa.Column("equity_close", sa.Numeric),
    sa.Column("updated_at", Time, nullable=False),
)

market_states = sa.Table(
    "market_states",
    metadata,
    _serial(),
    _book(),
    sa.Column("date", sa.Date, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("from_state", sa.Text, nullable=False),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    _wall(),
    _one_of("from_state", Phase),
    _one_of("to_state", Phase),
    sa.Index(None, "book", "date"),
    comment="every move of a session; where it is now stands in sessions",
)

daily_settlements = sa.Table(
    "daily_settlements",
    metadata,
    _book(key=True),
    sa.Column("date", sa.Date, primary_key=True),
    sa.Column("at", Time, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    *(
        sa.Column(name, sa.Numeric, nullable=False)
        for name in (
            "realised",
            "unrealised",
            "fees",
            "cash_open",
            "cash_close",
            "broker_cash",
            "equity_open",
            "equity_close",
        )
    ),
    sa.Column("broker_equity", sa.Numeric),
    sa.Column("trades", sa.Integer, nullable=False),
    sa.Column("positions", JSONB, nullable=False),
    _wall(),
    sa.Column("adjusted", sa.Numeric, server_default=sa.text("0"), nullable=False),
    comment="the day in the book's own money beside the broker's; positions are those of the close",
)

fees = sa.Table(
    "fees",
    metadata,
    sa.Column("broker", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    _book(),
    sa.Column("date", sa.Date, nullable=False),
    sa.Column("amount", sa.Numeric, nullable=False),
    sa.Column("settled_on", sa.Date, nullable=False),
    _wall(),
    sa.Index(None, "book", "settled_on"),
    comment="what the broker charged, by its own date; settled_on is the settlement it counts in",
)

task_slots = sa.Table(
    "task_slots",
    metadata,
    _book(key=True),
    sa.Column("task", sa.Text, primary_key=True),
    sa.Column("slot", sa.BigInteger, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("started_wall", Time, server_default=NOW, nullable=False),
    sa.Column("finished_wall", Time),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("detail", sa.Text),
    comment="status is running, done, failed or skipped; the key is the guard against a second run",
)

leases = sa.Table(
    "leases",
    metadata,
    _book(key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("backend_pid", sa.Integer, nullable=False),
    sa.Column("backend_start", Time, nullable=False),
    sa.Column("renewed_wall", Time, nullable=False),
    sa.Column("expires_wall", Time, nullable=False),
)

commands = sa.Table(
    "commands",
    metadata,
    _serial(),
    _book(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("arguments", JSONB, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    _wall("asked_wall"),
    sa.Column("done_wall", Time),
    sa.Column("result", sa.Text),
    sa.Index("ix_commands_waiting", "book", postgresql_where=sa.text("done_wall IS NULL")),
)

recovery_logs = sa.Table(
    "recovery_logs",
    metadata,
    _serial(),
    _book(),
    sa.Column("at", Time, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("ours", sa.Text),
    sa.Column("theirs", sa.Text),
    sa.Column("action", sa.Text, nullable=False),
    _wall(),
)

broker_contact = sa.Table(
    "broker_contact",
    metadata,
    _book(key=True),
    *(sa.Column(name, Time) for name in ("reached_wall", "missed_wall", "told_wall")),
    comment="the newest answer, the first call without one since, and when that was announced",
)

tape = sa.Table(
    "tape",
    metadata,
    _serial(),
    _book(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("at", Time),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index(None, "book", "id"),
    sa.Index("ix_tape_bases", "book", "at", postgresql_where=sa.text("kind = 'base'")),
    comment="what a book's turns changed and decided, in their order; bodies are compressed",
)

reports = sa.Table(
    "reports",
    metadata,
    _book(key=True),
    sa.Column("date", sa.Date, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("body", JSONB, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    _wall(),
)

kpis = sa.Table(
    "kpis",
    metadata,
    _book(key=True),
    sa.Column("at", Time, primary_key=True),
    sa.Column("body", JSONB, nullable=False),
    _wall(),
    comment="key figures of the hour that ends at ``at``",
)

experiments = sa.Table(
    "experiments",
    metadata,
    _serial(),
    _book(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("changes", JSONB, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("started_by", sa.Text, nullable=False),
    sa.Column("started_at", Time, nullable=False),
    sa.Column("until_at", Time, nullable=False),
    sa.Column("ended_at", Time),
    sa.Column("ended_why", sa.Text),
    sa.Column("measured", JSONB),
    sa.CheckConstraint("state IN ('RUNNING', 'ENDED', 'STOPPED', 'ROLLED_BACK')", name="state"),
    sa.Index(
        "uq_experiments_one_running",
        "book",
        unique=True,
        postgresql_where=sa.text("state = 'RUNNING'"),
    ),
)

overrides = sa.Table(
    "overrides",
    metadata,
    _book(key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("set_at", Time, nullable=False),
    sa.Column("until_at", Time),
    comment="settings changed on a running book: by an experiment, a rollback or a tier proposal",
)

settings_log = sa.Table(
    "settings_log",
    metadata,
    _serial(),
    _book(),
    sa.Column("at", Time, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("commit", sa.Text),
    sa.Column("values", JSONB, nullable=False),
    sa.Index(None, "book", "at"),
    comment="what was in force from ``at`` on; no secret is among the values",
)

tier_proposals = sa.Table(
    "tier_proposals",
    metadata,
    _book(key=True),
    sa.Column("at", Time, primary_key=True),
    sa.Column("tier_a", ARRAY(sa.Text), nullable=False),
    sa.Column("tier_b", ARRAY(sa.Text), nullable=False),
    sa.Column("bench", ARRAY(sa.Text), nullable=False),
    sa.Column("volatility", JSONB, nullable=False),
    sa.Column("applied", sa.Boolean, nullable=False),
)

feed_marks = sa.Table(
    "feed_marks",
    metadata,
    _book(key=True),
    sa.Column("feed", sa.Text, primary_key=True),
    sa.Column("read_to", Time, nullable=False),
    sa.Column("asked_at", Time, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("said", sa.Text),
    comment="how far a feed has been read, and what it said when it last failed",
)

sweeps = sa.Table(
    "sweeps",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _book(),
    sa.Column("trials", JSONB, nullable=False),
    sa.Column("dates", JSONB, nullable=False),
    _wall(),
)

sweep_trials = sa.Table(
    "sweep_trials",
    metadata,
    sa.Column("sweep", sa.Text, primary_key=True),
    sa.Column("trial", sa.Integer, primary_key=True),
    sa.Column("date", sa.Date, primary_key=True),
    sa.Column("equity_open", sa.Numeric, nullable=False),
    sa.Column("gained", sa.Numeric, nullable=False),
    sa.Column("orders", sa.Integer, nullable=False),
    sa.Column("unanswered", sa.Integer, nullable=False),
    sa.Column("error", sa.Text),
    _wall(),
)
