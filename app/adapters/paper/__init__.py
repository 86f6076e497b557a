"""The paper ledger: live prices, and no order leaves the house."""
