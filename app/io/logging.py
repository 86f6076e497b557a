"""Logs: JSON lines to files and pipes, readable on a terminal, and no secret in either."""

import json
import logging
import re
import sys
from collections.abc import Collection
from typing import Any, TextIO

import structlog

MASK = "****"
#: Shorter texts cannot be told from ordinary words.
SHORTEST_SECRET = 4
_URL_PASSWORD = re.compile(r"(://[^/\s:@\"']*:)[^/\s@\"']+(?=@)")
_QUERY_PASSWORD = re.compile(r"([?&]password=)[^&\s\"']+")

_FIELDS: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def configure(level: str, secrets: Collection[str] = (), stream: TextIO | None = None) -> None:
    """Send everything that is logged, by us or by libraries, to one stream (default: stderr).

    ``structlog.get_logger()`` gives loggers. Secrets are masked in the finished line, so in every
    field, message and traceback; so are the passwords of URLs.
    """
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_FIELDS,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(target.isatty()),
                Mask(secrets),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_FIELDS,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _renderers(terminal: bool) -> tuple[structlog.typing.Processor, ...]:
    if terminal:
        plain = structlog.dev.plain_traceback  # a rich one would show the values of variables
        return (structlog.dev.ConsoleRenderer(exception_formatter=plain),)
    return structlog.processors.format_exc_info, structlog.processors.JSONRenderer()


class Mask:
    """The last processor: takes secrets out of a finished line."""

    def __init__(self, secrets: Collection[str]) -> None:
        known = {s for s in secrets if len(s) >= SHORTEST_SECRET}
        # In a JSON line, or in a value's repr, a secret may be spelt with escapes.
        spelt = known | {json.dumps(s)[1:-1] for s in known} | {repr(s)[1:-1] for s in known}
        longest_first = sorted(spelt, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if spelt else None

    def __call__(self, logger: Any, method: str, line: Any) -> str:
        return self.text(str(line))

    def text(self, line: str) -> str:
        """Return the line with each secret and each URL's password as ``****``."""
        if self._secrets:
            line = self._secrets.sub(MASK, line)
        return _QUERY_PASSWORD.sub(rf"\1{MASK}", _URL_PASSWORD.sub(rf"\1{MASK}", line))
