"""The command `mailer`: read what was typed, open the installation, do it, say how it went."""

from mailer.cli.tree import main, run

__all__ = ["main", "run"]
