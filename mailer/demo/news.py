"""The office's made-up papers in `seed/`, read as if they were of this week.

A day in them is a weekday and a number of weeks from now: `{tuesday +4}` is the Tuesday four weeks
after this one, `{date friday +2}` the same said in words. So *coming up* always lies ahead.
"""

import csv
import re
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from string import Template

from mailer import address
from mailer.address import Address
from mailer.digests import front_matter
from mailer.digests.front_matter import Draft
from mailer.language import Languages

SEED = Path(__file__).parent / "seed"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_DAY = re.compile(rf"\{{(?P<said>date )?(?P<weekday>{'|'.join(WEEKDAYS)}) (?P<weeks>[+-]\d+)\}}")


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber who does not exist."""

    address: Address
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a number says in one language, beside its items."""

    subject: str
    introduction: str


@dataclass(frozen=True, slots=True)
class Number:
    """One number of the newsletter: the names of its items, and its words by language."""

    items: tuple[str, ...]
    words: dict[str, Words]


def settings(*, base_url: str, smtp_port: int, key: str) -> str:
    """Give the settings of a throw-away office."""
    text = (SEED / "config.toml").read_text(encoding="utf-8")
    return Template(text).substitute(base_url=base_url, smtp_port=smtp_port, key=key)


def people() -> list[Person]:
    """Give everybody on the newsletter."""
    with (SEED / "subscribers.csv").open(encoding="utf-8", newline="") as file:
        return [
            Person(address.parse(row["email"]), row["name"], row["language"])
            for row in csv.DictReader(file)
        ]


def numbers() -> list[Number]:
    """Give the numbers of the newsletter, in their order."""
    found = tomllib.loads((SEED / "digests.toml").read_text(encoding="utf-8"))
    return [_number(entry) for entry in found["digest"]]


def written(languages: Languages, *, today: date) -> dict[str, list[Draft]]:
    """Give the items by name: each the original first, then its translations."""
    found: dict[str, list[Draft]] = {}
    for path in sorted(SEED.glob("*.md"), key=lambda path: (len(path.suffixes), path.name)):
        name, _, language = path.stem.partition(".")
        text = _dated(path.read_text(encoding="utf-8"), languages, language or "en", today)
        found.setdefault(name, []).append(front_matter.parse(text, path))
    return found


def day(weekday: str, weeks: int, *, today: date) -> date:
    """Give a weekday of this week, or of one some weeks before or after."""
    monday = today - timedelta(days=today.weekday())
    return monday + timedelta(weeks=weeks, days=WEEKDAYS.index(weekday))


def _dated(text: str, languages: Languages, language: str, today: date) -> str:
    def spelled(found: re.Match[str]) -> str:
        meant = day(found["weekday"], int(found["weeks"]), today=today)
        return languages.of(language).format_date(meant) if found["said"] else meant.isoformat()

    return _DAY.sub(spelled, text)


def _number(entry: dict[str, object]) -> Number:
    names = entry["items"]
    assert isinstance(names, list)
    said = {key: value for key, value in entry.items() if isinstance(value, dict)}
    words = {
        code: Words(text["subject"], text["introduction"].strip()) for code, text in said.items()
    }
    return Number(tuple(names), words)
