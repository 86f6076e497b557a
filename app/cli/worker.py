"""`metronome worker`."""

from app.cli import real


def worker(confirm_real_trading: real.Confirm = False) -> None:
    """Carry out tasks until stopped."""
    from app.jobs import worker

    real.ask(confirm_real_trading)
    worker.run()
