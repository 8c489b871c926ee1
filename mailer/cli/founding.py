"""What `mailer init` does: a folder with settings, fresh secrets and a database."""

import shlex
from pathlib import Path

from mailer import sample, tokens
from mailer.app import App
from mailer.cli.desk import CONFIG
from mailer.cli.printing import talk
from mailer.cli.writing import PRIVATE, new_file
from mailer.errors import Refused

DATABASE = "mailer.db"
PRIVATE_FOLDER = 0o700


def found(folder: Path) -> None:
    """Make an installation in a folder; Refused when there is one, and then nothing changes."""
    settings = folder / CONFIG
    _refuse_to_overwrite(settings)
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    with new_file(settings) as file:
        file.write(sample.render({"tokens": {"keys": [tokens.new_key()]}}))
    try:
        with App.open(settings) as opened:
            if opened.database.path:
                opened.database.path.chmod(PRIVATE)
            made = f"made {settings} and {opened.database}"
    except Exception:
        # So that the same command can be given again once the cause is put right.
        settings.unlink()
        settings.with_name(DATABASE).unlink(missing_ok=True)
        raise
    talk(f"{made}; say in the former where your relay is, then:")
    command = f"  mailer --config {shlex.quote(str(settings))}"
    talk(f'{command} list add news --name "Meeting news" --from news@example.org')
    talk(f"{command} serve")


def _refuse_to_overwrite(settings: Path) -> None:
    if settings.exists():
        raise Refused(f"there is already a {settings}; nothing was changed")
    database = settings.with_name(DATABASE)
    if database.exists():
        # Fresh keys would break every link that was ever mailed from it.
        raise Refused(f"there is already a {database}, whose keys are in its own config.toml")
