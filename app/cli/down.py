"""`metronome down`: stop what `metronome up` started."""


def down() -> None:
    """Stop every process of this state folder; their data stay."""
    from app.local.control import state_path, stop_running

    folder = state_path()
    stopped = stop_running(folder)
    print(f"Stopped (process {stopped})." if stopped else f"Nothing runs on {folder}.")
