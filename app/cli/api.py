"""`metronome api`."""

import os


def api() -> None:
    """Serve the API until stopped."""
    from app.api.server import serve
    from app.config import load

    serve(load(os.environ, confirm_real=True))
