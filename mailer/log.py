"""What is written about the work: to stderr, as text at a terminal and as JSON elsewhere.

Values named like secrets are dropped and whole addresses are masked, whoever logs them.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from mailer.address import mask
from mailer.config import Log
from mailer.links import (
    ACCESS,
    CONFIRM,
    EVENT,
    LEAVE,
    MOVE,
    PREFERENCES,
    REFUSE,
    UNDO,
    UNDO_MOVE,
)

ADDRESS = re.compile(r"[^\s<>\"'(),:;@]+@[^\s<>\"'(),:;@]+")
WITH_TOKEN = (CONFIRM, LEAVE, REFUSE, UNDO, PREFERENCES, ACCESS, MOVE, UNDO_MOVE, EVENT)
TOKEN = re.compile(rf"(/(?:{'|'.join(WITH_TOKEN)})/)[A-Za-z0-9_-]{{16,}}")
SECRET_NAMES = frozenset({"password", "token", "key", "keys", "secret", "authorization"})


def set_up(settings: Log) -> None:
    """Send structured lines to stderr, at the level and in the form that the settings say."""
    as_text = settings.format == "text" or (settings.format == "auto" and sys.stderr.isatty())
    last: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if as_text:
        # Tracebacks come as text already: a renderer that draws its own would show what is masked.
        last = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.level.upper()]
        ),
        # Looked up for each line: whoever puts another stream in its place will find it there.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def redact(_logger: object, _method: str, line: MutableMapping[str, Any]) -> dict[str, Any]:
    """Mask addresses and drop secrets and tokens from a line before it is written."""
    return _masked(dict(line))  # type: ignore[no-any-return]


def _masked(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {
            name: "…" if name in SECRET_NAMES else _masked(inner) for name, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner) for inner in value]
    # Whatever else is logged is written as its text: an error, a path, a moment.
    return TOKEN.sub(r"\1…", ADDRESS.sub(lambda found: mask(found.group()), str(value)))
