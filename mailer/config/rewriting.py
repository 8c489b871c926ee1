"""A fresh key put before the others, where the keys stand: in the settings or in a file of theirs.

An owner's file is changed at this one place and nowhere else: what was written is read again
before it takes the old one's place, and must say the same but for the new key.
"""

import os
import re
import tomllib
from pathlib import Path

from mailer.config.loading import PREFIX
from mailer.errors import FileInvalid, Refused

_TABLE = re.compile(r"^[ \t]*\[tokens\][ \t]*(?:#.*)?$", re.MULTILINE)
_NEXT_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
_KEYS = re.compile(r"^[ \t]*keys[ \t]*=[ \t]*\[", re.MULTILINE)

_VARIABLE = f"{PREFIX}TOKENS__KEYS"


def put_first(settings: Path | None, key: str) -> Path:
    """Write a new signing key before those there are; give the file that was changed.

    Raises Refused, with what to do by hand, when the keys are where we cannot write them.
    """
    if _VARIABLE in os.environ:
        raise Refused(f"the keys are in the variable {_VARIABLE}; put “{key}” first there")
    if named := os.environ.get(f"{_VARIABLE}_FILE"):
        return _into_list(Path(named).absolute(), key)
    if settings is None:
        raise Refused("there is no file of settings to write the key to")
    settings = settings.resolve()
    before = settings.read_text(encoding="utf-8")
    found = tomllib.loads(before).get("tokens", {})
    if "keys_file" in found:
        return _into_list(settings.parent / found["keys_file"], key)
    replace_file(settings, _with_key(before, key))
    return settings


def _into_list(file: Path, key: str) -> Path:
    """Put a key on the first line of a file that holds nothing but keys."""
    replace_file(file, f"{key}\n{file.read_text(encoding='utf-8')}")
    return file


def _with_key(before: str, key: str) -> str:
    by_hand = Refused(f"the keys are not written as we know them; put “{key}” first in tokens.keys")
    table = _TABLE.search(before)
    if table is None:
        raise by_hand
    after_table = _NEXT_TABLE.search(before, table.end())
    keys = _KEYS.search(before, table.end(), after_table.start() if after_table else len(before))
    if keys is None:
        raise by_hand
    after = f'{before[: keys.end()]}"{key}", {before[keys.end() :]}'
    wanted = tomllib.loads(before)
    wanted["tokens"]["keys"] = [key, *wanted["tokens"]["keys"]]
    try:
        is_right = tomllib.loads(after) == wanted
    except tomllib.TOMLDecodeError:
        is_right = False
    if not is_right:
        raise by_hand
    return after


def replace_file(file: Path, text: str) -> None:
    """Put a new file in the place of an old one, whole or not at all, for the same readers."""
    file = file.resolve()
    beside = file.with_name(f".{file.name}.new")
    try:
        known = file.stat()
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        beside.chmod(known.st_mode & 0o777)
        if (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(beside, known.st_uid, known.st_gid)
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise FileInvalid(str(file), None, error.strerror or "cannot be written") from None
