"""Files that a command is to write: refused before the work begins."""

import os
from pathlib import Path

from app.engine.errors import AppError


def check_places(*paths: Path | None) -> None:
    """Raise AppError where a file could not be written; None is not asked for."""
    for path in paths:
        if path is None:
            continue
        if path.is_dir():
            raise AppError(f"{path}: is a folder; give a file's name")
        if not os.access(path.parent, os.W_OK):
            raise AppError(f"{path}: cannot be written; make the folder {path.parent} first")
