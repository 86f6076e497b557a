"""What is said about wrong settings: all of them at once, one line each."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.errors import AppError


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong setting: its name, what was given (secrets masked), what is accepted, a hint.

    ``about`` is the setting where ``name`` is that of a place.
    """

    name: str
    value_shown: str
    accepted: str
    hint: str = ""
    about: str = ""

    def __str__(self) -> str:
        line = f"{self.name}: {self.value_shown}; accepted: {self.accepted}"
        return f"{line}. {self.hint}" if self.hint else line


class ConfigError(AppError):
    """The settings cannot be used. ``problems`` names every wrong one."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
