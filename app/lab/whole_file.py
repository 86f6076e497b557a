"""A file written as a whole: it has all of its content or keeps what it had."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from app.engine.errors import InvalidData


def write(path: Path, body: bytes) -> None:
    """Put a file in its place in one step, for its owner to read.

    Raises InvalidData for a place that cannot be written to.
    """
    try:
        _replace(path, body)
    except OSError as error:
        raise InvalidData(
            f"{path} cannot be written: {error.strerror}; name another file"
        ) from None


def _replace(path: Path, body: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        Path(name).chmod(0o600)
        os.replace(name, path)
    except OSError:
        with suppress(OSError):
            os.unlink(name)
        raise
