"""How a command ends: one table from error to exit code, and what is said on the way out."""

import os
import sys
import traceback

import typer

from mailer.errors import ConfigError, MailerError, NotFound, Refused, UsageError

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
REFUSED = 4

EXIT_CODES: dict[type[Exception], int] = {
    UsageError: USAGE,
    NotFound: NOT_FOUND,
    Refused: REFUSED,
    MailerError: FAILED,
    typer.Abort: FAILED,
    OSError: FAILED,
}
"""An error ends with the code of its nearest class; what is in none of them is our mistake."""


OURS = "something went wrong that should not, by a mistake in the program"
REPORT = "“mailer -v …” says where; please report that where you got the program from"


def explain(error: Exception, *, verbose: bool) -> int:
    """Say on stderr what went wrong; give the exit code."""
    if isinstance(error, BrokenPipeError):
        return _nobody_reads()
    if isinstance(error, typer.TyperException):
        _say(_usage(error))
        return error.exit_code
    code = exit_code(error)
    if verbose:
        traceback.print_exception(error)
    for line in _lines(error, known=code is not None):
        _say(line)
    return FAILED if code is None else code


def exit_code(error: Exception) -> int | None:
    """Give the exit code of an error; None for one that nobody foresaw."""
    return next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), None)


def _lines(error: Exception, *, known: bool) -> list[str]:
    if isinstance(error, ConfigError):
        return [_on_one_line(problem) for problem in error.problems]
    if isinstance(error, MailerError):
        return [_on_one_line(str(error))]
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        return [_on_one_line(f"{where}{error.strerror or error}")]
    said = _on_one_line(str(error))
    if known:
        return [said or "stopped"]
    return [f"{OURS} ({type(error).__name__}: {said[:300]}); {REPORT}"]


def _usage(error: typer.TyperException) -> str:
    """Give what Typer found wrong, on one line, with the way to more."""
    text = _on_one_line(error.format_message()).rstrip(".")
    where = getattr(error, "ctx", None)
    if not text or where is None:
        return text
    return f"{text[:1].lower()}{text[1:]}; see “{where.command_path} --help”"


def _say(text: str) -> None:
    if text:
        typer.echo(f"error: {text}", err=True)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _nobody_reads() -> int:
    """End quietly when the reader of our output has gone (`mailer … | head`)."""
    # Python flushes once more at its end: let that go nowhere.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED
