"""An office as an owner sets it up: the real command, in processes of its own."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.journeys import forked
from tests.journeys.forked import Ended, Running

PATIENCE_SECONDS = 240


@dataclass
class Office:
    """An installation in a folder; `settings` are the environment of every command.

    `module` is what `python -m` calls the command; `program` stands for both, where it is given.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    module: str = "mailer"
    program: tuple[str, ...] = ()
    cwd: Path | None = None

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def found(self, **settings: str) -> None:
        """Make the installation; settings such as smtp__port="2525" go with every command."""
        self.settings |= {f"MAILER_{name.upper()}": value for name, value in settings.items()}
        self._run("init", str(self.folder))

    def run(self, *arguments: object) -> str:
        """Run a command that must end well; give what it printed."""
        return self._run("--config", str(self.config), *map(str, arguments))

    def json(self, *arguments: object) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def start(self, *arguments: object, said: Path | None = None) -> Running:
        """Start a command that goes on, such as serve; the caller ends it.

        What it says goes into the file `said`, if there is one.
        """
        command = ("--config", str(self.config), *map(str, arguments))
        if said is None:
            return forked.start(self.module, command, self._environment(), self.cwd)
        with said.open("wb") as file:
            streams = (file.fileno(), file.fileno())
            return forked.start(
                self.module, command, self._environment(), self.cwd, streams=streams
            )

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def _run(self, *arguments: str) -> str:
        ended = self._started_anew(arguments) if self.program else self._forked(arguments)
        assert ended.code == 0, f"{arguments} ended with {ended.code}:\n{ended.err}"
        return ended.out

    def _forked(self, arguments: tuple[str, ...]) -> Ended:
        return forked.run(
            self.module,
            arguments,
            environment=self._environment(),
            folder=self.cwd,
            seconds=PATIENCE_SECONDS,
        )

    def _started_anew(self, arguments: tuple[str, ...]) -> Ended:
        done = subprocess.run(
            [*self.program, *arguments],
            capture_output=True,
            text=True,
            env=self._environment(),
            cwd=self.cwd,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, **self.settings}
