"""Where the files live that ship beside the code: templates and the sample settings.

A wheel carries them inside the package (`mailer/_templates`); a checkout and an editable
install, where the build's extra files do not exist, have them beside it.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent


def templates() -> Path:
    """Give the folder of the templates that ship with the program."""
    return _first(PACKAGE / "_templates", CHECKOUT / "templates")


def example_config() -> Path:
    """Give the sample settings that ship with the program."""
    return _first(PACKAGE / "_config.example.toml", CHECKOUT / "config.example.toml")


def _first(*candidates: Path) -> Path:
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"the installation is not whole: {candidates[0]} is missing")
