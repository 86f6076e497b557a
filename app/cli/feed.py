"""`metronome feed`."""


def feed() -> None:
    """Listen to the brokers' streams until stopped."""
    from app.jobs import feed

    feed.run()
