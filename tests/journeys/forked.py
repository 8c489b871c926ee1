"""One-shot commands as processes of their own, forked from one that has our modules loaded.

Most of what a short command takes is its imports, and journeys run hundreds. All else is as in a
process that is started anew: environment, folder, streams, exit code. What goes on (serve, worker)
and what must be seen from its first line on is started by `subprocess`.
"""

import multiprocessing
import os
import runpy
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailer import cli

_LOADED = [
    "mailer.worker",
    "mailer.backups",
    "mailer.db.migrate",
    "psycopg",
    *(f"mailer.cli.{file.stem}" for file in Path(cli.__file__).parent.glob("[a-z]*.py")),
]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_LOADED)


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed where."""

    code: int
    out: str
    err: str


def run(
    module: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path | None,
    seconds: float,
) -> Ended:
    """Run `python -m MODULE ARGUMENTS`, kill it after so many seconds; give how it ended."""
    with tempfile.TemporaryDirectory() as home:
        out, err = Path(home, "out"), Path(home, "err")
        out.touch()
        err.touch()
        process = _context.Process(
            target=_be, args=(module, tuple(arguments), dict(environment), folder, out, err)
        )
        process.start()
        process.join(seconds)
        if process.is_alive():
            process.kill()
            process.join()
        assert process.exitcode is not None
        return Ended(process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


def _be(
    module: str,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    folder: Path | None,
    out: Path,
    err: Path,
) -> None:
    """Become the command: in a process that has just been forked."""
    for stream, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY), stream)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    if folder is not None:
        os.chdir(folder)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=False)
