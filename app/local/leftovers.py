"""Servers that outlived the one who started them: stop them before their data are opened again."""

import contextlib
import signal
from pathlib import Path

import psutil

SERVERS = ("postgres", "valkey-server", "redis-server")
PATIENCE_S = 15.0


def stop_leftovers(data: Path, sign: signal.Signals) -> int:
    """Stop every server whose working folder is ``data``; return how many there were.

    A pid file alone proves nothing: after a reboot its number may be anybody's.
    """
    found = [p for p in psutil.process_iter() if _serves(p, data)]
    ids = {p.pid for p in found}
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.ppid() not in ids:
                process.send_signal(sign)
    _, alive = psutil.wait_procs(found, PATIENCE_S)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, PATIENCE_S)
    return len(found)


def _serves(process: psutil.Process, data: Path) -> bool:
    try:
        return process.name() in SERVERS and process.cwd() == str(data)
    except psutil.Error:
        return False
