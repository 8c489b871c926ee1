"""What commands read: files, standard input, addresses and single lines, checked at the door."""

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

from mailer import accent, address, unseen
from mailer.address import Address
from mailer.app import App
from mailer.digests import front_matter
from mailer.errors import (
    AddressInvalid,
    FileInvalid,
    HeaderInvalid,
    MomentInvalid,
    NotFound,
    UsageError,
)
from mailer.language import is_code

STDIN = "-"
Read = TypeVar("Read")


def given(read: Callable[[str, str], Read], text: str | None, what: str) -> Read | None:
    """Read an option if it was given; one that was given empty is read too, and most refuse it."""
    return None if text is None else read(text, what)


def text_of(source: str) -> str:
    """Read a text from a file, or from standard input for “-”; FileInvalid says what is wrong."""
    name = "standard input" if source == STDIN else source
    try:
        raw = _bytes_of(source)
    except OSError as error:
        raise FileInvalid(name, None, error.strerror or "cannot be read") from None
    if len(raw) > front_matter.LARGEST_FILE:
        raise FileInvalid(name, None, f"larger than {front_matter.LARGEST_FILE // 1024} KB")
    try:
        return raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FileInvalid(name, line, "not UTF-8 text; save it as UTF-8") from None


def address_of(text: str, what: str) -> Address:
    """Read an address; `what` says where it was typed, such as --reply-to."""
    try:
        return address.parse(text)
    except AddressInvalid as error:
        raise UsageError(f"{what}: {error}; write it like name@example.org") from None


def colour_of(text: str, what: str) -> str:
    """Read a colour and give it as #rrggbb."""
    try:
        return accent.parse(text)
    except UsageError as error:
        raise UsageError(f"{what}: {error}") from None


def line_of(text: str, what: str) -> str:
    """Give a text back that is one line of characters that can be seen."""
    if "\n" in text or "\r" in text:
        raise HeaderInvalid(what, "holds a line break; write it on one line")
    if unseen.IN_LINE.search(text):
        raise HeaderInvalid(what, "holds a character that cannot be seen; take it out")
    return text.strip()


def language_of(text: str, what: str) -> str:
    """Read the code of a language."""
    if not is_code(text):
        raise UsageError(f"{what}: “{text}” is not a language code such as en, ja or pt-BR")
    return text


def day_of(text: str, what: str) -> date:
    """Read a day such as 2026-12-01."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise MomentInvalid(f"{what}: “{text}” is not a date ({error}); write 2026-12-01") from None


def check_route(opened: App, name: str | None) -> None:
    """Raise NotFound for a route that is not in the settings."""
    known = opened.settings.all_routes()
    if name is not None and name not in known:
        raise NotFound("route", name, f"there are: {', '.join(sorted(known))}")


def check_layout(opened: App, name: str | None) -> None:
    """Raise NotFound for a layout that no folder has."""
    from mailer.rendering import layouts

    known = layouts(opened.press.templates)
    if name is not None and name not in known:
        raise NotFound("layout", name, f"there are: {', '.join(known)}")


def _bytes_of(source: str) -> bytes:
    # One byte more than may be: enough to know that it is too much.
    limit = front_matter.LARGEST_FILE + 1
    if source == STDIN:
        return sys.stdin.buffer.read(limit)
    with Path(source).open("rb") as file:
        return file.read(limit)
