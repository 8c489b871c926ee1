"""Settings changed in the owner's file: comments and all else stay, and nothing wrong is written.

What would be written is read first as every start reads it. It takes the old file's place whole or
not at all, with the same owner and mode.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from mailer.config.loading import Config, load, origins
from mailer.config.rewriting import replace_file
from mailer.errors import ConfigError, FileInvalid, Refused
from mailer.language import translatable

Plain = str | int | bool | date

NO_FILE = translatable("There is no file of settings: they come from the environment.")
FROM_ENVIRONMENT = translatable("The environment sets this; change it there.")
FROM_SECRET_FILE = translatable("This secret stands in a file of its own; change it there.")


def edit(path: Path | None, table: str, changes: Mapping[str, Plain]) -> Config:
    """Change settings of one table in the file; give what the file says then.

    Raises ConfigError, each problem with the setting's path, for what cannot be; Refused or
    FileInvalid where the file cannot be written. Then nothing was changed.
    """
    if path is None:
        raise Refused(NO_FILE)
    path = path.resolve()
    _refuse_what_is_set_elsewhere(path, table, changes)
    text = _changed(path, table, changes)
    found = _tried(path, text)
    replace_file(path, text)
    return found


def _refuse_what_is_set_elsewhere(path: Path, table: str, changes: Mapping[str, Plain]) -> None:
    known = origins(path)
    problems = [
        f"{table}.{key}: {FROM_ENVIRONMENT}"
        for key in changes
        if known.get(f"{table}.{key}") == "environment"
    ]
    if problems:
        raise ConfigError(problems)


def _changed(path: Path, table: str, changes: Mapping[str, Plain]) -> str:
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TOMLKitError) as error:
        raise FileInvalid(str(path), None, f"cannot be read: {error}") from None
    found = document.setdefault(table, tomlkit.table())
    if not isinstance(found, Table):
        raise FileInvalid(str(path), None, f"[{table}] is not written as a table of its own")
    for key, value in changes.items():
        if f"{key}_file" in found:
            raise ConfigError([f"{table}.{key}: {FROM_SECRET_FILE}"])
        found[key] = value
    return tomlkit.dumps(document)


def _tried(path: Path, text: str) -> Config:
    """Read a text as the settings would be, from beside the file, where its paths begin."""
    beside = path.with_name(f".{path.name}.tried")
    try:
        beside.touch(mode=0o600)
        beside.write_text(text, encoding="utf-8")
        return load(beside)
    except OSError as error:
        raise FileInvalid(str(path), None, error.strerror or "cannot be written") from None
    except ConfigError as error:
        said = [one.replace(str(beside), str(path)) for one in error.problems]
        raise ConfigError(said) from None
    finally:
        beside.unlink(missing_ok=True)
