"""A world: a market, an exchange that speaks Alpaca's protocol, and faults on demand."""
