"""What `metronome down` and `status` need: which state folder, and who runs on it."""

from pathlib import Path

import psutil

from app.engine.errors import InvalidData
from app.local.environment import set_for_us
from app.local.ownership import holder_of

DEFAULT = ".metronome"
STOPPED_WITHIN_S = 15.0


def state_path() -> Path:
    """Return the state folder that the environment or .env names."""
    return Path(set_for_us().get("METRONOME_STATE", DEFAULT)).expanduser().resolve()


def stop_running(folder: Path) -> int | None:
    """Stop the supervisor of the folder and with it everything; return its process id."""
    holder = holder_of(folder)
    if holder is None:
        return None
    try:
        holder.terminate()
        holder.wait(STOPPED_WITHIN_S)
    except psutil.NoSuchProcess:
        return holder.pid
    except psutil.AccessDenied:
        raise InvalidData(
            f"Process {holder.pid} on {folder} belongs to another user: stop it as that user."
        ) from None
    except psutil.TimeoutExpired:
        raise InvalidData(
            f"Process {holder.pid} did not stop within {STOPPED_WITHIN_S:.0f} s: "
            f"see {folder / 'logs'}, or end it with kill -9 {holder.pid}."
        ) from None
    return holder.pid
