"""`metronome beat`."""


def beat() -> None:
    """Send the schedule's ticks until stopped."""
    from app.jobs import beat

    beat.run()
