"""Research: the very same engine over the past, and what it came to."""
