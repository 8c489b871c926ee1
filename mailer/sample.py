"""The sample settings: every setting with its default and its sentence, made from the settings.

`config.example.toml` is what `render()` gives; `mailer init` writes the same with fresh keys.
"""

import json
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from mailer.config import PREFIX, Partner, Route, Settings

WIDTH = 96
HEAD = f"""\
# Settings of Communiqué. Every setting is here with its default; change what you need.
# The environment overrides this file: {PREFIX}SMTP__HOST sets host in [smtp]. A secret may stand
# in a file of its own: password_file, keys_file, url_file, or the variable with _FILE behind.
"""
FURTHER_ROUTE = """\
# Further ways out, each with the settings of [smtp]; a list's sender names the one it uses.
# [routes.second]
# host = "relay2.example.org"
"""


def render(values: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Give the sample settings, with `values` by table in place of defaults."""
    tables = [HEAD]
    for name, field in Settings.model_fields.items():
        if name == "routes":
            tables.append(FURTHER_ROUTE)
        else:
            tables.append(_table(name, field, (values or {}).get(name, {})))
    return "\n".join(tables)


def _table(name: str, field: FieldInfo, values: Mapping[str, Any]) -> str:
    default = field.get_default(call_default_factory=True)
    assert isinstance(default, BaseModel)
    lines = [*_comment(_sentence(type(default), name)), f"[{name}]"]
    for key, setting in type(default).model_fields.items():
        lines += _comment(setting.description or "")
        lines += _setting(key, values.get(key, getattr(default, key)))
    return "\n".join(lines) + "\n"


def _sentence(kind: type[BaseModel], name: str) -> str:
    text = (kind.__doc__ or "").strip()
    return f"{text} This is the route named “{name}”." if kind is Route else text


def _setting(key: str, value: Any) -> list[str]:
    if key == "partners":
        example = ", ".join(f'{part} = "…"' for part in Partner.model_fields)
        return ["# partners = [ { " + example + " } ]"]
    if value is None:
        return [f'# {key} = ""']
    return [f"{key} = {_toml(value)}"]


def _toml(value: Any) -> str:
    """Write a value; JSON's texts, numbers and truths are TOML's too."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_toml(key)} = {_toml(one)}' for key, one in value.items())} }}"
    plain = value if isinstance(value, bool | int) else str(value)
    return json.dumps(plain, ensure_ascii=False)


def _comment(text: str) -> Iterable[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH)]
