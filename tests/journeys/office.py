"""An office as an owner sets it up: the real command, in processes of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAILER = (sys.executable, "-m", "mailer")
PATIENCE_SECONDS = 240


@dataclass
class Office:
    """An installation in a folder; `settings` are the environment of every command."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = MAILER
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

    def start(self, *arguments: object) -> "subprocess.Popen[bytes]":
        """Start a command that goes on, such as serve; the caller ends it."""
        command = [*self.command, "--config", str(self.config), *map(str, arguments)]
        return subprocess.Popen(command, env=self._environment(), cwd=self.cwd)

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            env=self._environment(),
            cwd=self.cwd,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}:\n{done.stderr}"
        return done.stdout

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, **self.settings}
