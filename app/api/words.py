"""Every reason in words, for people: what a refusal says, after the symbol it is about."""

from app.engine.verdicts import Reason

WORDS: dict[Reason, str] = {
    Reason.PASSED: "passed",
    Reason.NOT_DUE: "its tier is not due in this slot",
    Reason.MARKET_CLOSED: "the market is closed",
    Reason.NO_HISTORY: "too few bars to score it",
    Reason.STALE_DATA: "its newest price is too old",
    Reason.BAD_DATA: "its data are not usable numbers",
    Reason.BELOW_CUTOFF: "the score's size is below the cutoff",
    Reason.COOLDOWN: "it gave a signal too short a time ago",
    Reason.DIRECTION_LOCK: "its last signal pointed the other way too short a time ago",
    Reason.DAILY_CAP: "the day's number of entries is used up",
    Reason.NO_EVENT: "it is on the bench and nothing has happened that wakes it",
    Reason.TEXT_ALONE: "its own price says too little: texts do not begin a trade",
    Reason.MODEL_OFF: "the language model is off or has no key",
    Reason.MODEL_BELOW_SCORE: "the score is too small to ask the language model",
    Reason.MODEL_CALLS_SPENT: "the day's calls to the language model are used up",
    Reason.MODEL_MONEY_SPENT: "the month's budget for the language model would be passed",
    Reason.MODEL_RATE_LIMITED: "the language model was asked too often within a minute",
    Reason.MODEL_LATE: "the language model did not answer in time",
    Reason.MODEL_UNAVAILABLE: "the language model could not be reached",
    Reason.MODEL_REFUSED: "the language model refused to answer",
    Reason.MODEL_TRUNCATED: "the language model's answer was cut off",
    Reason.MODEL_MALFORMED: "the language model's answer could not be read",
    Reason.MODEL_OUT_OF_RANGE: "the language model's numbers were out of range",
    Reason.NOT_TRADED_ITSELF: "it is evidence for a basket and is not traded itself",
    Reason.BASKET_TOO_FEW: "too few members of the basket gave a signal",
    Reason.BASKET_TOO_POSITIVE: "too small a share of the basket's signals is negative",
    Reason.BASKET_MEAN_TOO_HIGH: "the mean of the basket's scores is not low enough",
    Reason.BASKET_UNCONFIRMED: "the basket has not qualified for enough ticks in a row",
    Reason.ETF_LOCKED: "the ETF was chosen too short a time ago",
    Reason.CONFLICTING_PAIR: "the other half of a conflicting pair is held or on its way",
    Reason.POSITION_EXISTS: "it is held already",
    Reason.ORDER_PENDING: "an order for it is on its way already",
    Reason.NO_POSITION: "there is no position to sell",
    Reason.BOOK_REDUCING: "the book may only reduce positions",
    Reason.BOOK_HALTED: "the book is halted",
    Reason.NOT_RECONCILED: "our books and the broker's were not found equal",
    Reason.AUTO_MODE_OFF: "AUTO_MODE is 0: it is decided and recorded, but not sent",
    Reason.SESSION_CLOSED: "the session takes no such order now",
    Reason.TOO_LATE_IN_SESSION: "the pre-close liquidation has begun",
    Reason.DAILY_LOSS_LIMIT: "the day's loss has reached its limit",
    Reason.MAX_POSITIONS: "as many positions as allowed are held or on their way",
    Reason.CONCURRENT_RISK: "no room is left under the limit of risk in all positions",
    Reason.EXPOSURE: "no room is left under the limit of exposure",
    Reason.LOOK_THROUGH: "no room is left under the limit of exposure through leveraged funds",
    Reason.KELLY: "the book's own closed trades give no reason to bet (Kelly)",
    Reason.BUYING_POWER: "there is not enough money",
    Reason.ZERO_QUANTITY: "every limit together leaves less than one share",
    Reason.STALE_PRICE: "there is no price that is fresh enough",
    Reason.EXPIRED_INTENT: "what caused it is too long ago",
    Reason.BROKER_REJECTED: "the broker refused the order",
    Reason.OUTCOME_UNKNOWN: "the broker's answer is not known yet; it is being looked up",
    Reason.RATE_FUSE: "too many orders within a minute",
    Reason.EXIT_PARKED: "the exit waits until orders are possible again",
    Reason.STOP_NOT_PLACED: "the broker did not take the stop",
    Reason.WORKED_TOO_LONG: "it has worked for too long without filling whole",
    Reason.MAKES_WAY: "it makes way for a sale",
    Reason.NO_NEWS: "the broker has said nothing of it for too long and does not have it",
    Reason.STOP_OUT_OF_STEP: "the position needs another stop, or none any more",
}


def in_words(reason: str) -> str:
    """Return a stored reason in words; one of another version in its own."""
    try:
        return WORDS[Reason(reason)]
    except ValueError:
        return reason.replace("_", " ")
