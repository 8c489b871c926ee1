"""Where a command works: the settings that were named, and the installation behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailer.errors import ConfigError

if TYPE_CHECKING:
    from mailer.app import App

CONFIG = "config.toml"
"""The settings' file where none is named, and what `mailer init` calls it."""


@dataclass
class Desk:
    """What the global options say; filled while the command line is read."""

    config: Path | None = None
    verbose: bool = False

    def open(self, overrides: Mapping[str, Mapping[str, Any]] | None = None) -> "App":
        """Open the installation; `overrides` are flags, by table, and win over everything.

        Raises ConfigError or DatabaseError.
        """
        from mailer.app import App

        flags = dict(overrides or {})
        if self.verbose:
            flags["log"] = {"level": "debug"}
        return App.open(self.path(), flags)

    def path(self) -> Path:
        """Give the file of the settings; ConfigError when none is named and none is here."""
        if self.config is not None:
            return self.config
        here = Path.cwd() / CONFIG
        if not here.exists():
            why = (
                f"there is no {here}: name the settings by --config FILE or MAILER_CONFIG, "
                "or make some by “mailer init DIR”"
            )
            raise ConfigError([why])
        return here
