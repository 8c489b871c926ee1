"""What `mailer init` does: a folder with settings, fresh secrets and a database."""

import os
from pathlib import Path

from mailer import sample, tokens
from mailer.app import App
from mailer.cli.desk import CONFIG
from mailer.cli.printing import talk
from mailer.errors import Refused

DATABASE = "mailer.db"


def found(folder: Path) -> None:
    """Make an installation in a folder; Refused when there is one, and then nothing changes."""
    settings = folder / CONFIG
    _refuse_to_overwrite(settings)
    folder.mkdir(parents=True, exist_ok=True)
    _write(settings, sample.render({"tokens": {"keys": [tokens.new_key()]}}))
    try:
        with App.open(settings) as opened:
            talk(f"made {settings} and {opened.database}")
    except Exception:
        # So that the same command can be given again once the cause is put right.
        settings.unlink()
        raise
    talk("Say in config.toml where your relay is. Then:")
    talk(
        f"  mailer --config {settings} list add news --name “Meeting news” --from news@example.org"
    )
    talk(f"  mailer --config {settings} serve")


def _refuse_to_overwrite(settings: Path) -> None:
    if settings.exists():
        raise Refused(f"there is already a {settings}; nothing was changed")
    database = settings.with_name(DATABASE)
    if database.exists():
        # Fresh keys would break every link that was ever mailed from it.
        raise Refused(f"there is already a {database}, whose keys are in its own config.toml")


def _write(path: Path, text: str) -> None:
    # Made for its owner's eyes from the first byte on: there are secrets in it.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
