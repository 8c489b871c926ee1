"""What is written about the work: to stderr, as text at a terminal and as JSON elsewhere.

Values named like secrets are dropped and whole addresses are masked, whoever logs them.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from mailer.address import mask
from mailer.config import Log

ADDRESS = re.compile(r"[^\s<>\"'(),:;@]+@[^\s<>\"'(),:;@]+")
TOKEN = re.compile(r"(/(?:c|u|n|back)/)[A-Za-z0-9_-]{16,}")
SECRET_NAMES = {"password", "token", "key", "secret"}


def set_up(settings: Log) -> None:
    """Send structured lines to stderr, at the level and in the form that the settings say."""
    as_text = settings.format == "text" or (settings.format == "auto" and sys.stderr.isatty())
    last: Any = structlog.dev.ConsoleRenderer() if as_text else structlog.processors.JSONRenderer()
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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def redact(_logger: object, _method: str, line: MutableMapping[str, Any]) -> dict[str, Any]:
    """Mask addresses and drop secrets and tokens from a line before it is written."""
    return {name: "…" if name in SECRET_NAMES else _masked(value) for name, value in line.items()}


def _masked(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return TOKEN.sub(r"\1…", ADDRESS.sub(lambda found: mask(found.group()), value))
