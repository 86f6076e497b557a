"""What a gate says: a reason, the number it measured and the limit it compared with."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum


class Reason(StrEnum):
    """Why something was stopped, or that it passed. Stored: add freely, never rename."""

    PASSED = "passed"

    # signals
    NOT_DUE = "not_due"
    MARKET_CLOSED = "market_closed"
    NO_HISTORY = "no_history"
    STALE_DATA = "stale_data"
    BAD_DATA = "bad_data"
    BELOW_CUTOFF = "below_cutoff"
    COOLDOWN = "cooldown"
    DIRECTION_LOCK = "direction_lock"
    DAILY_CAP = "daily_cap"
    NO_EVENT = "no_event"
    TEXT_ALONE = "text_alone"

    # the language model
    MODEL_OFF = "model_off"
    MODEL_BELOW_SCORE = "model_below_score"
    MODEL_CALLS_SPENT = "model_calls_spent"
    MODEL_MONEY_SPENT = "model_money_spent"
    MODEL_RATE_LIMITED = "model_rate_limited"
    MODEL_LATE = "model_late"
    MODEL_UNAVAILABLE = "model_unavailable"
    MODEL_REFUSED = "model_refused"
    MODEL_TRUNCATED = "model_truncated"
    MODEL_MALFORMED = "model_malformed"
    MODEL_OUT_OF_RANGE = "model_out_of_range"

    # routing
    NOT_TRADED_ITSELF = "not_traded_itself"
    BASKET_TOO_FEW = "basket_too_few"
    BASKET_TOO_POSITIVE = "basket_too_positive"
    BASKET_MEAN_TOO_HIGH = "basket_mean_too_high"
    BASKET_UNCONFIRMED = "basket_unconfirmed"
    ETF_LOCKED = "etf_locked"
    CONFLICTING_PAIR = "conflicting_pair"
    POSITION_EXISTS = "position_exists"
    ORDER_PENDING = "order_pending"
    NO_POSITION = "no_position"
    NOT_AT_BROKER = "not_at_broker"

    # risk
    BOOK_REDUCING = "book_reducing"
    BOOK_HALTED = "book_halted"
    BOOK_FLATTENING = "book_flattening"
    BROKER_UNREACHABLE = "broker_unreachable"
    NOT_RECONCILED = "not_reconciled"
    AUTO_MODE_OFF = "auto_mode_off"
    SESSION_CLOSED = "session_closed"
    TOO_LATE_IN_SESSION = "too_late_in_session"
    DAILY_LOSS_LIMIT = "daily_loss_limit"
    MAX_POSITIONS = "max_positions"
    FIRST_REAL_DAY = "first_real_day"
    FIRST_REAL_ORDER = "first_real_order"
    CONCURRENT_RISK = "concurrent_risk"
    EXPOSURE = "exposure"
    LOOK_THROUGH = "look_through"
    KELLY = "kelly"
    BUYING_POWER = "buying_power"
    ZERO_QUANTITY = "zero_quantity"
    STALE_PRICE = "stale_price"
    EXPIRED_INTENT = "expired_intent"

    # execution
    BROKER_REJECTED = "broker_rejected"
    OUTCOME_UNKNOWN = "outcome_unknown"
    ORDER_IN_DOUBT = "order_in_doubt"
    ORDER_LOST = "order_lost"
    SETTLED_BY_HAND = "settled_by_hand"
    RATE_FUSE = "rate_fuse"
    EXIT_PARKED = "exit_parked"
    STOP_NOT_PLACED = "stop_not_placed"
    EXIT_BLOCKED = "exit_blocked"
    WITHDRAWN = "withdrawn"
    CANCEL_ASKED = "cancel_asked"
    WORKED_TOO_LONG = "worked_too_long"
    MAKES_WAY = "makes_way"
    STOP_OUT_OF_STEP = "stop_out_of_step"
    NO_NEWS = "no_news"
    GONE_AT_BROKER = "gone_at_broker"


#: What is stored as one compact record per slot instead of a row each.
BELOW_NOISE = frozenset(
    {
        Reason.NOT_DUE,
        Reason.NO_EVENT,
        Reason.NO_HISTORY,
        Reason.MARKET_CLOSED,
        Reason.BELOW_CUTOFF,
        Reason.MODEL_BELOW_SCORE,
    }
)

Measured = float | int | Decimal | timedelta | datetime | str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate's answer about one subject; ``reason`` is ``PASSED`` where it let it through."""

    gate: str
    reason: Reason
    measured: Measured = None
    limit: Measured = None

    @property
    def passed(self) -> bool:
        return self.reason is Reason.PASSED


#: (symbol, subject, verdict): what a decision leaves behind for each gate that it asked. Subjects
#: are ``signal:ID``, ``basket:NAME:TICK``, ``opposite:SIGNAL`` (a signal against a holding),
#: ``intent:ID`` and ``event:ID``.
Judged = tuple[str, str, Verdict]


def verdict(
    gate: str, ok: bool, otherwise: Reason, measured: Measured = None, limit: Measured = None
) -> Verdict:
    """Return a gate's answer: passed where ``ok``, else refused for the given reason."""
    return Verdict(gate, Reason.PASSED if ok else otherwise, measured, limit)
