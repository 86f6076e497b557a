"""The .env file: NAME=value lines, quotes, comments, and the line that each value stands on."""

import re
from dataclasses import dataclass
from pathlib import Path

from app.config.errors import Problem

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=(?P<rest>.*)")
_QUOTED = re.compile(
    r"""\s*(?:'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)")\s*(?:#.*)?""", re.DOTALL
)
_COMMENT = re.compile(r"\s+#.*")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and the number of the line where it stands."""

    value: str
    line: int


def read(path: Path) -> tuple[dict[str, Entry], list[Problem]]:
    """Return the entries of a file (none where there is no file) and what is wrong with it.

    What is not UTF-8 is a problem, and the lines are still read: the switch makes do with them.
    """
    try:
        read = path.read_bytes()
        return parse(read.decode("utf-8-sig"), path.name)
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        return {}, [Problem(str(path), error.strerror or "unreadable", "a readable file")]
    except UnicodeDecodeError as error:
        wrong = Problem(str(path), f"byte {error.start} is not UTF-8", "a file in UTF-8")
        return parse(read.decode("utf-8-sig", "replace"), path.name)[0], [wrong]


def parse(text: str, source: str = ".env") -> tuple[dict[str, Entry], list[Problem]]:
    """Return the entries by name, and a problem for each line that is none or repeats a name.

    A comment starts at a ``#`` that begins a line or follows a blank. Single quotes keep what they
    hold; double quotes know the escapes of newline, tab, quote and backslash. ``$`` is nothing
    special. A problem never shows a value: it might be a secret.
    """
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        value = _value(match["rest"]) if match else None
        where = f"{source} line {number}"
        if match is None or value is None:
            hint = "A quote must be closed on its own line" if match else ""
            about = match["name"] if match else ""
            problems.append(Problem(where, "not understood", "NAME=value  # comment", hint, about))
        elif (first := entries.get(match["name"])) is not None:
            problems.append(
                Problem(
                    match["name"],
                    f"set twice in {source}, lines {first.line} and {number}",
                    "one line for each name",
                    "Remove one of them",
                )
            )
        else:
            entries[match["name"]] = Entry(value, number)
    return entries, problems


def _value(rest: str) -> str | None:
    if rest.lstrip()[:1] not in ("'", '"'):
        return _COMMENT.sub("", rest).strip()
    quoted = _QUOTED.fullmatch(rest)
    if quoted is None:
        return None
    if quoted["single"] is not None:
        return quoted["single"]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), quoted["double"])
