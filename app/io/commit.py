"""The commit of the code that runs, read once from git's own files; changes need git itself."""

import re
import subprocess
from pathlib import Path

_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
#: Where this package's working copy would be.
ROOT = Path(__file__).parents[2]


def commit_of(folder: Path = ROOT) -> str | None:
    """Return the commit that is checked out in ``folder``; None where that is not known.

    Changes that were not committed do not show; ``changed_in`` names them.
    """
    try:
        git = _git_folder(folder / ".git")
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        found = _resolve(git, head.removeprefix("ref: ")) if head.startswith("ref: ") else head
    except (OSError, UnicodeDecodeError):
        return None
    return found if found and _HASH.fullmatch(found) else None


def changed_in(folder: Path = ROOT) -> list[str] | None:
    """Return the files that are not as committed; None where git is not there or cannot say."""
    try:
        told = subprocess.run(
            ["git", "-C", str(folder), "status", "--porcelain"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.splitlines()


def _git_folder(place: Path) -> Path:
    """Return git's folder: itself, or where the file of a second working copy points."""
    if place.is_dir():
        return place
    named = place.read_text(encoding="utf-8").strip().removeprefix("gitdir: ")
    return place.parent / named


def _resolve(git: Path, name: str) -> str | None:
    """Return a branch's commit: its own file comes before the packed ones."""
    shared = git / "commondir"
    places = [git]
    if shared.is_file():
        places.append(git / shared.read_text(encoding="utf-8").strip())
    for place in places:
        if (place / name).is_file():
            return (place / name).read_text(encoding="utf-8").strip()
    for place in places:
        if (place / "packed-refs").is_file():
            for line in (place / "packed-refs").read_text(encoding="utf-8").splitlines():
                if line.endswith(f" {name}"):
                    return line.partition(" ")[0]
    return None
