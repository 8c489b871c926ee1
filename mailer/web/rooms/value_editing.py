"""Settings that owners change in a room: those of the organisation, of the relay and of the box.

They are written to the owner's file, whole and checked, and `mailer serve` begins anew with them.
Secrets are replaced and never shown; lists and tables of values are changed in the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, SecretStr
from starlette.responses import Response

from mailer import config
from mailer.accounts import Seat
from mailer.config import Organisation, Plain, Route, Subscribe
from mailer.errors import ConfigError, MailerError, NotFound
from mailer.history import About, record
from mailer.language import Language, translatable
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.visit import Visit

TABLES: Mapping[str, type[BaseModel]] = {
    "organisation": Organisation,
    "smtp": Route,
    "subscribe": Subscribe,
}
LINES = {"postal_address"}
"""Settings of several lines."""

LONGEST = 2000
"""Characters of one setting."""

SAID = {
    "anew": translatable("Saved. Everything begins anew with it, within some seconds."),
    "kept": translatable("Saved. Start “mailer serve” anew, so that it counts."),
    "same": translatable("Nothing was changed."),
}
NOT_A_NUMBER = translatable("Write a whole number.")
NOT_A_DATE = translatable("Choose a date.")
TOO_LONG = translatable("At most 2,000 characters, all on one line.")


@dataclass(frozen=True, slots=True)
class Field:
    """A setting in a form. `choices` are there for one of several; a secret has no value."""

    name: str
    sentence: str
    value: str
    kind: str
    choices: tuple[str, ...] = ()


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show a table of settings to be changed."""
    return _page(desk, visit, seat, told=SAID.get(visit.query.get("said", ""), ""))


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Write what was changed into the file, and begin anew with it."""
    table = _table(visit)
    language = frame.language_of(desk, visit, seat)
    changes, errors = _changes(getattr(desk.app.settings, table), visit.form, language)
    if errors:
        return _page(desk, visit, seat, errors=errors)
    if not changes:
        return frame.go(desk, "settings", "values", table, said="same")
    try:
        config.edit(desk.app.config.path, table, changes)
    except ConfigError as error:
        return _page(desk, visit, seat, errors=_by_field(error, table, language))
    except MailerError as error:
        return _page(desk, visit, seat, errors={"": frame.explained(language, error)})
    details = {"name": f"[{table}] {', '.join(sorted(changes))}"}
    with desk.app.database.writing() as session:
        record(session, "settings.changed", seat.by, About(), at=desk.now(), details=details)
    if desk.app.begin_anew is None:
        return frame.go(desk, "settings", "values", table, said="kept")
    answer = frame.go(desk, "settings", "values", table, said="anew")
    desk.app.begin_anew()
    return answer


def fields(found: BaseModel) -> Iterator[Field]:
    """Give the settings of a table that a form can hold."""
    for name, field in type(found).model_fields.items():
        value, sentence = getattr(found, name), field.description or ""
        if isinstance(value, SecretStr):
            yield Field(name, sentence, "", "password")
        elif isinstance(value, StrEnum):
            yield Field(name, sentence, value.value, "choice", tuple(type(value)))
        elif isinstance(value, int):
            yield Field(name, sentence, str(value), "number")
        elif name.endswith("_on"):
            yield Field(name, sentence, value.isoformat() if value else "", "date")
        elif isinstance(value, str):
            yield Field(name, sentence, value, "lines" if name in LINES else "text")


def _changes(
    found: BaseModel, form: Mapping[str, str], language: Language
) -> tuple[dict[str, Plain], dict[str, str]]:
    """Read what differs from what is, and what cannot be."""
    changes: dict[str, Plain] = {}
    errors: dict[str, str] = {}
    for field in fields(found):
        if field.name not in form:
            continue
        typed = form[field.name].replace("\r\n", "\n").strip()
        if typed == field.value:
            continue
        try:
            changes[field.name] = _plain(field, typed)
        except ValueError as error:
            errors[field.name] = language.gettext(str(error))
    return changes, errors


def _plain(field: Field, typed: str) -> Plain:
    one_line = typed.replace("\n", " ") if field.kind == "lines" else typed
    if len(typed) > LONGEST or not one_line.isprintable():
        raise ValueError(TOO_LONG)
    if field.kind == "number":
        if not (typed.isascii() and typed.isdigit() and len(typed) <= 9):
            raise ValueError(NOT_A_NUMBER)
        return int(typed)
    if field.kind == "date":
        try:
            return date.fromisoformat(typed)
        except ValueError:
            raise ValueError(NOT_A_DATE) from None
    return typed


def _by_field(error: ConfigError, table: str, language: Language) -> dict[str, str]:
    """Put each problem at its field; those of the table, and of others, above all."""
    found: dict[str, str] = {}
    for problem in error.problems:
        path, _, says = problem.partition(": ")
        name = path.removeprefix(f"{table}.")
        known = name in TABLES[table].model_fields
        text = says if known else problem
        found.setdefault(name if known else "", frame.explained(language, text))
    return found


def _table(visit: Visit) -> str:
    table = visit.parts["table"]
    if table not in TABLES:
        raise NotFound("page", visit.path)
    return table


def _page(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    *,
    told: str = "",
    errors: Mapping[str, str] | None = None,
) -> Response:
    table = _table(visit)
    found: Any = getattr(desk.app.settings, table)
    return frame.page(
        desk,
        visit,
        seat,
        "value_editing.html",
        status=400 if errors else 200,
        table=table,
        fields=list(fields(found)),
        form={name: value for name, value in visit.form.items() if not _is_secret(found, name)},
        errors=errors or {},
        told=told,
    )


def _is_secret(found: BaseModel, name: str) -> bool:
    return isinstance(getattr(found, name, None), SecretStr)
