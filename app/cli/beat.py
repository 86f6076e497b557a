"""`metronome beat`."""

from app.cli import real


def beat(confirm_real_trading: real.Confirm = False) -> None:
    """Send the schedule's ticks until stopped."""
    from app.jobs import beat

    real.ask(confirm_real_trading)
    beat.run()
