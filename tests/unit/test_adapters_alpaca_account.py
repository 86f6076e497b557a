"""What Alpaca says of an account's money: fees, and what bars it from trading."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.adapters.alpaca import answers
from app.engine.errors import InvalidData
from app.engine.portfolio import Fee

FEE = {"id": "20260320::fee", "activity_type": "FEE", "date": "2026-03-20", "net_amount": "-0.37"}

ACCOUNT = {"id": "e6fe16f3", "cash": "1", "equity": "1", "buying_power": "1"}


def test_a_fee_is_what_was_taken_and_a_cancelled_one_is_nothing() -> None:
    assert answers.fee(FEE) == Fee("20260320::fee", date(2026, 3, 20), Decimal("0.37"))
    assert answers.fee({**FEE, "status": "executed"}).amount == Decimal("0.37")
    assert answers.fee({**FEE, "status": "canceled"}).amount == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None},
        {"date": "yesterday"},
        {"date": None},
        {"net_amount": "NaN"},
        {"net_amount": 0j},
    ],
    ids=str,
)
def test_a_malformed_fee_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidData):
        answers.fee({**FEE, **wrong})


@pytest.mark.parametrize(
    ("said", "barred"),
    [
        ({}, ()),
        ({"status": "ACTIVE", "trading_blocked": False}, ()),
        (
            {"trading_blocked": True, "account_blocked": True},
            ("account_blocked", "trading_blocked"),
        ),
        ({"trade_suspended_by_user": True}, ("trade_suspended_by_user",)),
        ({"status": "ACCOUNT_CLOSED"}, ("status ACCOUNT_CLOSED",)),
        ({"status": "ACCOUNT_UPDATED"}, ()),
    ],
)
def test_what_bars_an_account_is_read(said: dict[str, Any], barred: tuple[str, ...]) -> None:
    assert answers.account({**ACCOUNT, **said}).barred == barred


def test_an_account_without_an_id_is_refused() -> None:
    assert answers.account(ACCOUNT).id == "e6fe16f3"
    with pytest.raises(InvalidData):
        answers.account({**ACCOUNT, "id": None})
