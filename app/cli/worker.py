"""`metronome worker`."""


def worker() -> None:
    """Carry out tasks until stopped."""
    from app.jobs import worker

    worker.run()
