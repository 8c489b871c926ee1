"""Every setting: its value, its default and where it came from. Secrets are never shown.

Those of some tables are changed in `value_editing`, all others in the file of settings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from starlette.responses import Response

from mailer import config
from mailer.accounts import Seat
from mailer.config import Settings
from mailer.errors import ConfigError
from mailer.web.desk import Desk
from mailer.web.rooms import frame, value_editing
from mailer.web.visit import Visit

MASK = "••••••••"
LONGEST = 300
"""Characters of one value that are shown."""


@dataclass(frozen=True, slots=True)
class Value:
    """One setting; `origin` is default, file, environment or command."""

    name: str
    sentence: str
    value: str
    default: str
    origin: str


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show every setting, table by table."""
    ring = desk.app.keys
    return frame.page(
        desk,
        visit,
        seat,
        "values.html",
        tables=list(_tables(desk.app.settings, _origins(desk.app.config.path))),
        path=str(desk.app.config.path or ""),
        editable=set(value_editing.TABLES),
        key_ids=[f"{key.id:02x}" for key in ring.keys],
    )


def _origins(path: Path | None) -> dict[str, str]:
    try:
        return config.origins(path)
    except ConfigError:  # the file was changed, or went away, since we began
        return config.origins(None)


def _tables(settings: Settings, origins: Mapping[str, str]) -> Iterator[tuple[str, list[Value]]]:
    for name, field in Settings.model_fields.items():
        found = getattr(settings, name)
        if name == "routes":
            for route, further in found.items():
                yield f"routes.{route}", list(_values(f"routes.{route}", further, origins))
        else:
            del field
            yield name, list(_values(name, found, origins))


def _values(table: str, found: BaseModel, origins: Mapping[str, str]) -> Iterator[Value]:
    for key, field in type(found).model_fields.items():
        value = getattr(found, key)
        default = field.get_default(call_default_factory=True)
        origin = origins.get(f"{table}.{key}", "default" if value == default else "command")
        is_secret = _is_secret(value) or _is_secret(default) or (key == "url" and "@" in str(value))
        yield Value(
            name=key,
            sentence=field.description or "",
            value=(MASK if value else "") if is_secret else _plain(value),
            default="" if is_secret else _plain(default),
            origin=origin,
        )


def _is_secret(value: Any) -> bool:
    if isinstance(value, SecretStr):
        return True
    return isinstance(value, tuple) and any(isinstance(one, SecretStr) for one in value)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        said = ", ".join(_plain(one) for one in value)
    elif isinstance(value, BaseModel):
        said = " ".join(_plain(one) for one in value.model_dump().values())
    elif isinstance(value, dict):
        said = ", ".join(f"{key} = {_plain(one)}" for key, one in value.items())
    else:
        said = str(value)
    return said[:LONGEST]
