"""Settings of a backup, put into another folder: they name what is theirs by where it is now.

A file is changed line by line, so that the rest stays as its owner wrote it, and read again: what
does not say the same but for that one setting is refused.
"""

import json
import os
import tomllib
from pathlib import Path, PurePosixPath

from mailer import config
from mailer.backups.archive import Manifest
from mailer.errors import ConfigError, Refused

WHOLE_PATH = "sqlite:////"
"""How the URL of an SQLite file begins that is not beside the settings."""

Renamed = list[tuple[str, str]]


def secrets(settings: Path, manifest: Manifest) -> None:
    """Let settings name the files of secrets and certificates that a backup brought."""
    text = settings.read_text(encoding="utf-8")
    for named in config.named_files(settings):
        if now := _copy_of(named, settings.parent, manifest):
            for before in (_quoted(str(named)), f"'{named}'"):
                text = text.replace(before, _quoted(now))
    settings.write_text(text, encoding="utf-8")


def templates(settings: Path, manifest: Manifest) -> Renamed:
    """Let settings name the folder of templates that a backup brought; give what was changed."""
    key = "templates.folder"
    own = config.load(settings).settings.templates.folder
    if own is None or not any(one.role == "template" for one in manifest.files):
        return []
    named = settings.parent / own
    now = _copy_of(named, settings.parent, manifest)
    if now is None:
        return []
    _rename(settings, key, now)
    return [(key, now)]


def database_file(settings: Path) -> Renamed:
    """Let an SQLite file that is named by its whole path be in the new folder; give what changed.

    Where it was, the database of the old installation may still be.
    """
    key = "database.url"
    url = config.load(settings).settings.database.url
    if not url.startswith(WHOLE_PATH) or _is_set_outside(key):
        return []
    now = f"sqlite:///{PurePosixPath(url).name}"
    _rename(settings, key, now)
    return [(key, now)]


def database(settings: Path, url: str) -> None:
    """Let settings name another database; ConfigError when the environment names one."""
    if _is_set_outside("database.url") and config.load(settings).settings.database.url != url:
        raise ConfigError(["database.url: the environment names another database"])
    _rename(settings, "database.url", url)


def _copy_of(named: Path, folder: Path, manifest: Manifest) -> str | None:
    """Give the file or folder of a backup to be named instead; None when all is well as it is.

    What is from elsewhere on the machine is named where it was for as long as it is there. What
    is from the folder that was backed up is known by the end of its path.
    """
    named = Path(os.path.normpath(named))
    members = {one.path for one in manifest.files}
    members |= {str(above) for one in members for above in PurePosixPath(one).parents}
    elsewhere = f"outside{named.as_posix()}"
    if elsewhere in members:
        return None if named.exists() else elsewhere
    if named.is_relative_to(folder):
        return None
    ends = ["/".join(named.parts[at:]) for at in range(1, len(named.parts))]
    inside = [end for end in ends if end in members]
    # What was named from the old folder upwards, as “../templates”.
    outside = [one for end in ends for one in sorted(members) if one.endswith(f"/{end}")]
    return next(iter([*inside, *outside]), None)


def _rename(settings: Path, key: str, value: str) -> None:
    """Write a setting anew; Refused when the file is not written as we know it."""
    table, _, name = key.partition(".")
    before = settings.read_text(encoding="utf-8")
    after = _with(before, table, name, value)
    wanted = tomllib.loads(before)
    wanted.setdefault(table, {}).pop(f"{name}_file", None)
    wanted[table][name] = value
    try:
        is_right = tomllib.loads(after) == wanted
    except tomllib.TOMLDecodeError:
        is_right = False
    if not is_right:
        raise Refused(
            f"{key} is not written as we know it in the settings of the backup, and should be "
            f"“{value}”; set {_variable(key)} to that, restore, and put it right then"
        )
    settings.write_text(after, encoding="utf-8")


def _with(text: str, table: str, name: str, value: str) -> str:
    """Give settings with one key of a table set, whether it was there or not."""
    lines, inside, begin, done = text.splitlines(), False, 0, False
    line_now = f"{name} = {_quoted(value)}"
    for at, line in enumerate(lines):
        if line.strip().startswith("["):
            inside = line.partition("#")[0].strip() == f"[{table}]"
            begin = at + 1 if inside else begin
        elif inside and line.split("=")[0].strip(" \t\"'") in {name, f"{name}_file"}:
            lines[at], done = line_now, True
    if not done and begin:
        lines.insert(begin, line_now)
    elif not done:
        lines += ["", f"[{table}]", line_now]
    return "\n".join([*lines, ""])


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_set_outside(key: str) -> bool:
    return _variable(key) in {name.upper() for name in config.named_by_environment()}


def _variable(key: str) -> str:
    """Give the variable of the environment that sets a key."""
    return f"{config.PREFIX}{key.upper().replace('.', '__')}"
