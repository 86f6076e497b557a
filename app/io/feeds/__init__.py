"""What comes in from the market: quotes, bars, and later news and filings."""
