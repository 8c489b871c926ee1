"""Where the settings come from: a TOML file, the environment, and flags over both.

A variable names a setting by its path: `MAILER_SMTP__HOST` is `host` in `[smtp]`. A secret may
stand in a file of its own: `password_file` in the table, or `MAILER_SMTP__PASSWORD_FILE`.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mailer.config.tables import Settings
from mailer.errors import ConfigError

PREFIX = "MAILER_"
LARGEST_FILE = 1_000_000
"""Bytes of a file of settings, or of a secret; more is a mistake."""

SECRETS = frozenset({"password", "keys", "url", "heartbeat_url", "metrics_token"})
"""Settings that may stand in a file of their own, in whichever table they are."""

HALF_NAMED = re.compile(
    f"({PREFIX}(?:{'|'.join(Settings.model_fields).upper()}))_([A-Z0-9](?!.*__).*)"
)
"""A variable with one underscore where there should be two."""

TWICE = re.compile("Cannot (declare|overwrite|mutate)")
"""How the reader of TOML begins when a table or a key stands in a file a second time."""

SHORT_WORDS = {
    "extra_forbidden": "there is no such setting; see config.example.toml",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list",
    "string_type": "must be a text",
}
"""What pydantic says in words that only its own users know."""


class Config:
    """The settings together with the file they came from and the folder they belong to."""

    def __init__(self, settings: Settings, path: Path | None) -> None:
        self.settings = settings
        self.path = path.resolve() if path else None
        self.folder = self.path.parent if self.path else Path.cwd()

    @property
    def beside(self) -> Path:
        """Give the folder for what is kept beside the database; it may not be there yet."""
        return self.folder / "state"

    @property
    def state(self) -> Path:
        """Give the same folder, made when first needed: workers keep their journals in it."""
        self.beside.mkdir(mode=0o700, exist_ok=True)
        return self.beside

    @property
    def database_url(self) -> str:
        """Give the URL of the database; a relative SQLite path starts at the folder."""
        url = self.settings.database.url
        rest = url.removeprefix("sqlite:///")
        if rest == url or rest.startswith("/"):
            return url
        return f"sqlite:///{self.folder / rest}"


def load(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read the settings from a TOML file (or none) and the environment.

    `overrides` are flags, by table: {"web": {"port": 0}}; they win over everything.
    Raises ConfigError naming every wrong key with its path.
    """
    file = _of_file(path) if path else {}
    variables = _of_environment(os.environ)
    problems = _half_named(os.environ)
    problems += _read_secrets(file, path) + _read_secrets(variables, None)
    if path:
        _start_at(path.resolve().parent, file)
    try:
        settings = Settings.model_validate(_merged(file, variables, overrides or {}))
    except ValidationError as error:
        raise ConfigError(
            problems + [_problem(each, variables, path) for each in error.errors()]
        ) from None
    if problems:
        raise ConfigError(problems)
    return Config(settings, path)


def forget_environment() -> list[str]:
    """Take every setting out of this process's environment, and its children's; give their names.

    For an installation that must not touch another one's database, whatever is exported.
    """
    names = [name for name in os.environ if _path_of(name)]
    for name in names:
        del os.environ[name]
    return names


def named_files(path: Path | None) -> list[Path]:
    """Give the files that the settings name: secrets and certificates, absolute."""
    found = []
    for values, folder in (
        (_of_file(path) if path else {}, _folder(path)),
        (_of_environment(os.environ), Path.cwd()),
    ):
        for _, table in _tables(values):
            named = [table.get(f"{key}_file") for key in sorted(SECRETS)] + [table.get("ca_file")]
            found += [folder / name for name in named if isinstance(name, str) and name]
    return list(dict.fromkeys(found))


def origins(path: Path | None) -> dict[str, str]:
    """Give where each setting that is set was found: `file` or `environment`, by its path.

    A setting that is not among them has its default, or was given on the command line.
    """
    found: dict[str, str] = {}
    layers = (
        ("file", _of_file(path) if path else {}),
        ("environment", _of_environment(os.environ)),
    )
    for origin, values in layers:
        for name, table in _tables(values):
            for key in table:
                found[f"{name}.{_own_name(key)}"] = origin
    return found


def _own_name(key: str) -> str:
    """Give the setting that a key sets, by a file of its own too."""
    plain = key.removesuffix("_file")
    return plain if plain in SECRETS else key


def named_by_environment() -> list[str]:
    """Give the variables of the environment that set something."""
    return sorted(name for name in os.environ if _path_of(name))


def _of_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file; “mailer init DIR” makes one"]) from None
    except (OSError, ValueError) as error:
        problem = "not valid TOML" if isinstance(error, tomllib.TOMLDecodeError) else "not read"
        hint = "; change what is there already" if TWICE.search(str(error)) else ""
        raise ConfigError([f"{path}: {problem}: {error}{hint}"]) from None


def _of_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Give the variables that name settings, as tables."""
    values: dict[str, Any] = {}
    for variable in sorted(environ):
        if path := _path_of(variable):
            *tables, key = path
            table = values
            for name in tables:
                below = table.get(name)
                table[name] = table = below if isinstance(below, dict) else {}
            table[key] = environ[variable]
    return values


def _path_of(variable: str) -> list[str]:
    """Give the path of the setting that a variable names; empty for others of ours."""
    name = variable.upper().removeprefix(PREFIX)
    is_setting = name != variable.upper() and "__" in name
    return name.lower().split("__") if is_setting else []


def _half_named(environ: Mapping[str, str]) -> list[str]:
    """Find variables that were meant for a setting and would do nothing."""
    named = [name for name in sorted(environ) if HALF_NAMED.fullmatch(name.upper())]
    return [
        f"{name}: a variable parts table and key by two underscores: {_whole(name)}"
        for name in named
    ]


def _whole(name: str) -> str:
    return HALF_NAMED.sub(r"\1__\2", name.upper())


def _read_secrets(values: dict[str, Any], path: Path | None) -> list[str]:
    """Put what stands in a secret's file in place of the file's name; give what went wrong."""
    problems = []
    for where, table in _tables(values):
        for key in SECRETS & {name.removesuffix("_file") for name in table}:
            named = table.pop(f"{key}_file", None)
            if named is None:
                continue
            try:
                table[key] = _text(_folder(path) / str(named)).strip()
            except (OSError, ValueError) as error:
                problems.append(f"{where}.{key}_file: {_unread(error)}")
    return problems


def _unread(error: OSError | ValueError) -> str:
    """Say why the file of a secret could not be read."""
    if isinstance(error, FileNotFoundError):
        return f"there is no file {error.filename}; write the secret there, alone in it"
    return f"not read: {error}"


def _tables(values: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Give the tables of a layer with their paths, those of the routes among them."""
    routes = values.get("routes")
    further = routes if isinstance(routes, dict) else {}
    named = {**values, **{f"routes.{name}": table for name, table in further.items()}}
    return [(name, table) for name, table in named.items() if isinstance(table, dict)]


def _start_at(folder: Path, values: dict[str, Any]) -> None:
    """Let paths to certificates begin where the file that names them is."""
    for _, table in _tables(values):
        if isinstance(table.get("ca_file"), str):
            table["ca_file"] = str(folder / table["ca_file"])


def _folder(path: Path | None) -> Path:
    return path.resolve().parent if path else Path.cwd()


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{path} is larger than {LARGEST_FILE} bytes: is it the right file?")
    return path.read_text(encoding="utf-8")


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Lay tables over each other, the last on top."""
    whole: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = whole.get(key)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                whole[key] = _merged(below, value)
            else:
                whole[key] = value
    return whole


def _problem(entry: Any, variables: Mapping[str, Any], path: Path | None) -> str:
    parts = [str(part) for part in entry["loc"]]
    text = entry["msg"].removeprefix("Value error, ")
    text = SHORT_WORDS.get(entry["type"], text[:1].lower() + text[1:])
    source = _variable(parts, variables) or path
    return f"{'.'.join(parts)}: {text}" + (f" ({source})" if source else "")


def _variable(parts: list[str], variables: Mapping[str, Any]) -> str:
    """Name the variable that gave a value; nothing when none did."""
    found: Any = variables
    for depth, part in enumerate(parts):
        if not isinstance(found, Mapping):
            return _named(parts[:depth])
        if part not in found:
            return ""
        found = found[part]
    return _named(parts) + ("__…" if isinstance(found, Mapping) else "")


def _named(parts: list[str]) -> str:
    return PREFIX + "__".join(parts).upper()
