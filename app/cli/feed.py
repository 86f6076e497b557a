"""`metronome feed`."""

from app.cli import real


def feed(confirm_real_trading: real.Confirm = False) -> None:
    """Listen to the brokers' streams until stopped."""
    from app.jobs import feed

    real.ask(confirm_real_trading)
    feed.run()
