"""Commands as processes of their own, forked from one that has our modules loaded.

Most of what a short command takes is its imports, and journeys run hundreds. All else is as in a
process that is started anew: environment, folder, streams, signals, exit code.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import IO, Any

from mailer import cli

_LOADED = [
    "mailer.backups",
    "mailer.db.migrate",
    "mailer.serve",
    "psycopg",
    "uvloop",
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


@dataclass(frozen=True)
class Running:
    """A command that goes on, with the words of `subprocess.Popen`."""

    process: ForkServerProcess

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, seconds: float | None = None) -> int:
        self.process.join(seconds)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired(self.process.name, seconds or 0)
        return self.process.exitcode

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()


def run(
    module: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path | None,
    seconds: float,
) -> Ended:
    """Run `python -m MODULE ARGUMENTS`, kill it after so many seconds; give how it ended."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        streams = (out.fileno(), err.fileno())
        process = start(module, arguments, environment, folder, streams=streams)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        return Ended(code, _read(out), _read(err))


def start(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None,
    *,
    streams: tuple[int, int] = (1, 2),
) -> Running:
    """Start `python -m MODULE ARGUMENTS`, which prints to these two open files."""
    process = _context.Process(
        target=_be,
        args=(module, tuple(arguments), dict(environment), folder, *map(_Stream, streams)),
    )
    process.start()
    return Running(process)


@dataclass(frozen=True)
class _Stream:
    """An open file that goes along to the process, where it is another number."""

    number: int

    def __reduce__(self) -> Any:
        return _arrived, (reduction.DupFd(self.number),)


def _arrived(sent: Any) -> _Stream:
    return _Stream(sent.detach())


def _be(
    module: str,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    folder: Path | None,
    *streams: _Stream,
) -> None:
    """Become the command: in a process that has just been forked."""
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream.number, number)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    if folder is not None:
        os.chdir(folder)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=False)


def _read(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()
