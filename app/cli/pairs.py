"""Settings as people type them: KEY=VALUE."""

from collections.abc import Sequence

from app.engine.errors import InvalidData


def changed(pairs: Sequence[str]) -> dict[str, str]:
    """Return KEY=VALUE pairs by key. Raises InvalidData for what is none, and for a key twice."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InvalidData(f"--set: {pair[:60]!r}; accepted: KEY=VALUE")
        if name in found:
            raise InvalidData(f"--set: {name} is given twice; accepted: each setting once")
        found[name] = value
    return found
