"""How a language says things: its words, its dates and numbers, the direction of its script.

Texts are written in English in the code and the templates; a catalogue of them is one file,
`mailer/locale/<code>.po`, read at start. Dates, numbers and names of languages come from
Babel, so a language without a catalogue still has its own dates and direction.
"""

import gettext
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError, dates, lists, numbers, units
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from mailer.errors import FileInvalid, MomentInvalid, UsageError

ENGLISH = "en"
DAYS_OF_YEAR = 365
SHIPPED = Path(__file__).resolve().parent / "locale"

# English without a region is read by people of many countries: day before month, 24 hours.
_BABEL_NAMES = {ENGLISH: "en_GB"}
_FIRST = re.compile(r"(?<!\d)1(?=[\s–])")
_PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?[sd]|%%")
_CATALOGUE_LINE = re.compile(
    r"""(?:\#.*|(?:msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?)?\s*"(?:[^"\\]|\\.)*")?"""
)

Direction = Literal["ltr", "rtl"]


def translatable(text: str) -> str:
    """Mark a text for the catalogue where it stands; it is translated where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Language:
    """One language. `words` is the language its texts are in: English, where none are written."""

    code: str
    words: str
    catalogue: gettext.NullTranslations
    fingerprint: str

    # ------------------------------------------------------------------ words

    def gettext(self, message: str, /, **values: object) -> str:
        """Give the text in this language, with `%(name)s` filled from the values."""
        return _filled(self.catalogue.gettext(message), values)

    def ngettext(self, one: str, many: str, count: int, /, **values: object) -> str:
        """Give the form of the text that fits the count; `%(num)s` is the count."""
        values.setdefault("num", count)
        return _filled(self.catalogue.ngettext(one, many, count), values)

    def pgettext(self, context: str, message: str, /, **values: object) -> str:
        """Give the text as it is said in this context."""
        return _filled(self.catalogue.pgettext(context, message), values)

    def npgettext(self, context: str, one: str, many: str, count: int, /, **values: object) -> str:
        """Give the form of the text that fits the count, as it is said in this context."""
        values.setdefault("num", count)
        return _filled(self.catalogue.npgettext(context, one, many, count), values)

    # ------------------------------------------------------------------ script

    @property
    def has_words(self) -> bool:
        """Tell whether our texts exist in this language."""
        return self.code == self.words or self.code.startswith(f"{self.words}-")

    @property
    def direction(self) -> Direction:
        """Give the direction of the script, as HTML's `dir` wants it."""
        return direction_of(self.code)

    @property
    def words_direction(self) -> Direction:
        """Give the direction of the texts, which may be English for want of a catalogue."""
        return direction_of(self.words)

    @property
    def native_name(self) -> str:
        """Give the language's name for itself: English, 日本語."""
        return Locale.parse(self.code, sep="-").get_display_name() or self.code

    # ------------------------------------------------------------------ dates

    def format_date(self, day: date) -> str:
        """Say a date: 20 February 2023."""
        return self._ordinal(dates.format_date(day, "long", self._locale))

    def format_date_range(self, starts: date, ends: date | None = None) -> str:
        """Say the days from one date to another, no word twice: 20–21 February 2023."""
        if ends is None or ends == starts:
            return self.format_date(starts)
        first, last = _interval_patterns(self._locale, starts, ends)
        said = first.apply(starts, self._locale), last.apply(ends, self._locale)
        return self._ordinal("".join(said))

    def format_duration(self, days: int) -> str:
        """Say a length of time in the unit that people would use: 2 years, 90 days."""
        unit: Literal["year", "day"] = "day" if days % DAYS_OF_YEAR else "year"
        # Babel's own choice would round: 90 days are not three months.
        return dates.format_timedelta(
            timedelta(days=days), granularity=unit, threshold=days + 1, locale=self._locale
        )

    def _ordinal(self, said: str) -> str:
        # French says the first of a month as an ordinal, which CLDR's patterns cannot.
        return _FIRST.sub("1er", said) if self._locale.language == "fr" else said

    def format_weekday(self, number: int) -> str:
        """Name a day of the week: 1 is Monday."""
        return str(dates.get_day_names("wide", locale=self._locale)[number - 1])

    def format_month(self, day: date) -> str:
        """Name the month of a day, with its year: December 2026."""
        return dates.format_skeleton("yMMMM", day, locale=self._locale)

    def format_moment(self, moment: datetime, zone: str) -> str:
        """Say a moment as a clock in the zone shows it: 20 February 2023, 09:00 (Brussels time)."""
        local = moment.astimezone(_zone(zone))
        return self._with_zone(self._date_and_time(local), zone, local)

    def format_span(
        self, starts: date | datetime, ends: date | datetime | None = None, zone: str = "UTC"
    ) -> str:
        """Say when something takes place: whole days, or moments with their zone."""
        if not isinstance(starts, datetime):
            return self.format_date_range(starts, ends)
        if not isinstance(ends, datetime) or ends == starts:
            return self.format_moment(starts, zone)
        first, last = starts.astimezone(_zone(zone)), ends.astimezone(_zone(zone))
        said = self._date_and_time(first)
        until = self._time(last) if first.date() == last.date() else self._date_and_time(last)
        return self._with_zone(self._between(said, until), zone, first)

    def format_days(
        self, starts: date | datetime, ends: date | datetime | None = None, zone: str = "UTC"
    ) -> str:
        """Say on which days something takes place, without the hours."""
        return self.format_date_range(_day(starts, zone), _day(ends or starts, zone))

    def format_hours(
        self, starts: date | datetime, ends: date | datetime | None = None, zone: str = "UTC"
    ) -> str:
        """Say at which hours of one day, and in which zone; nothing for whole days."""
        if not isinstance(starts, datetime):
            return ""
        first, last = starts.astimezone(_zone(zone)), _day(ends or starts, zone)
        said = self._time(first)
        if isinstance(ends, datetime) and ends != starts and last == first.date():
            said = self._between(said, self._time(ends.astimezone(_zone(zone))))
        return self._with_zone(said, zone, first)

    def format_utc(
        self, starts: date | datetime, ends: date | datetime | None = None, zone: str = "UTC"
    ) -> str:
        """Say the same hours in UTC, with the day where that is another: 21:00 UTC (6 December).

        Nothing for whole days, and where the zone is UTC's own time.
        """
        if not isinstance(starts, datetime) or not starts.astimezone(_zone(zone)).utcoffset():
            return ""
        local = [one.astimezone(_zone(zone)) for one in (starts, ends) if isinstance(one, datetime)]
        world = [one.astimezone(UTC) for one in local]
        hours = list(dict.fromkeys(map(self._time, world)))
        if len({one.date() for one in local}) > 1:
            said = self._between(*(self._on(one.date(), self._time(one)) for one in world))
            return f"{said} UTC"
        said = f"{self._between(*hours) if len(hours) > 1 else hours[0]} UTC"
        return said if world[0].date() == local[0].date() else self._on(world[0].date(), said)

    def format_zone(self, zone: str, at: datetime | None = None) -> str:
        """Say a time zone by its city: Brussels time; by its offset where it has none."""
        if zone in {"UTC", "Etc/UTC"}:
            return "UTC"
        where = _zone(zone)
        if zone.startswith("Etc/"):
            return dates.get_timezone_gmt(at, "long", self._locale) if at else zone
        city = dates.get_timezone_location(where, locale=self._locale, return_city=True)
        return self.pgettext("clock", "%(city)s time", city=city) if self.has_words else city

    def _with_zone(self, said: str, zone: str, at: datetime) -> str:
        return said + self._bracketed(self.format_zone(zone, at))

    def _on(self, day: date, hours: str) -> str:
        return hours + self._bracketed(dates.format_skeleton("MMMMd", day, locale=self._locale))

    def _bracketed(self, said: str) -> str:
        # Chinese and Japanese set brackets as wide as their characters.
        return f"（{said}）" if self._locale.language in {"ja", "zh"} else f" ({said})"

    def _date_and_time(self, local: datetime) -> str:
        pattern = str(dates.get_datetime_format("long", self._locale)).replace("'", "")
        return pattern.format(self._time(local), self.format_date(local.date()))

    def _time(self, local: datetime) -> str:
        return dates.format_time(local, "short", tzinfo=local.tzinfo, locale=self._locale)

    def _between(self, first: str, last: str) -> str:
        return str(self._locale.interval_formats[None]).format(first, last)

    # ------------------------------------------------------------------ numbers and lists

    def format_number(self, number: float) -> str:
        """Write a number with this language's marks: 12,345."""
        return numbers.format_decimal(number, locale=self._locale)

    def format_size(self, size: int) -> str:
        """Say how large a file is, in thousands or millions of bytes: 340 kB, 1.2 MB."""
        if size < 1_000_000:
            kilobytes = max(1, round(size / 1000))
            return units.format_unit(kilobytes, "kilobyte", "short", locale=self._locale)
        megabytes = round(size / 1_000_000, 1)
        return units.format_unit(megabytes, "megabyte", "short", locale=self._locale)

    def format_list(self, things: Sequence[str]) -> str:
        """Say several things in a row: A, B and C."""
        return lists.format_list(things, locale=self._locale) if things else ""

    @property
    def _locale(self) -> Locale:
        return _locale(self.code)


class Languages(Mapping[str, Language]):
    """The languages that have a catalogue, by code; English is always among them."""

    def __init__(self, spoken: Mapping[str, Language]) -> None:
        self._spoken = dict(spoken)

    def __getitem__(self, code: str) -> Language:
        return self._spoken[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._spoken)

    def __len__(self) -> int:
        return len(self._spoken)

    def choose(self, *wanted: str) -> Language:
        """Give the first of the wanted languages that has a catalogue; English, if none has.

        `ja-JP` is content with `ja`. For letters and pages, whose words are all ours.
        """
        for code in wanted:
            for candidate in _ancestry(code):
                if candidate in self._spoken:
                    return self._spoken[candidate]
        return self._spoken[ENGLISH]

    def of(self, code: str) -> Language:
        """Give the language of a text, with our words as near to it as there are.

        For digests, which may be in a language that has no catalogue: direction and dates are
        the language's own. Raises UsageError for a code that is no language.
        """
        tag = normal(code)
        if tag in self._spoken:
            return self._spoken[tag]
        nearest = self.choose(tag)
        return Language(tag, nearest.words, nearest.catalogue, nearest.fingerprint)


def languages(extra_folder: Path | None = None) -> Languages:
    """Read all catalogues, ours and those of a further folder, which go before ours.

    Raises FileInvalid for a file that cannot be read or has lost a placeholder.
    """
    spoken = _ours()
    return Languages(spoken if extra_folder is None else _with_those_of(extra_folder, spoken))


@cache
def _ours() -> Mapping[str, Language]:
    """Give what we ship, which stays as it is while a process runs."""
    english = Language(ENGLISH, ENGLISH, gettext.NullTranslations(), "")
    return _with_those_of(SHIPPED, {ENGLISH: english})


def _with_those_of(folder: Path, spoken: Mapping[str, Language]) -> Mapping[str, Language]:
    paths = {_code_of(path): path for path in sorted(folder.glob("*.po"))}
    return {
        **spoken,
        **{code: _read(path, code, before=spoken.get(code)) for code, path in paths.items()},
    }


@cache
def is_code(code: str) -> bool:
    """Tell whether this names a language, in the usual way of writing: en, ja, zh-Hant, pt-BR."""
    try:
        return normal(code) == code
    except UsageError:
        return False


def normal(code: str) -> str:
    """Write a language tag the usual way: `JA_jp` is `ja-JP`.

    Raises UsageError for what is no language.
    """
    try:
        locale = Locale.parse(code.replace("_", "-"), sep="-")
    except (ValueError, UnknownLocaleError):
        raise UsageError(f"“{code}” is not a language; write it like en, ja or zh-Hant") from None
    given = code.replace("_", "-").lower().split("-")
    parts = (locale.language, locale.script, locale.territory)
    # Babel adds the script that goes without saying (zh-TW is written in Hant); we do not.
    return "-".join(part for part in parts if part and part.lower() in given)


def _read(path: Path, code: str, *, before: Language | None) -> Language:
    source = path.read_bytes()
    catalogue = _parse(path, source, code)
    for message in catalogue:
        _check_placeholders(path, message)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    words = gettext.GNUTranslations(compiled)
    if before is not None:
        words.add_fallback(before.catalogue)
    earlier = before.fingerprint if before else ""
    fingerprint = hashlib.sha256(earlier.encode() + source).hexdigest()
    return Language(code, code, words, fingerprint)


def _code_of(path: Path) -> str:
    try:
        return normal(path.stem)
    except UsageError as error:
        raise FileInvalid(path, None, f"the file's name must be a language: {error}") from None


def _parse(path: Path, source: bytes, code: str) -> Catalog:
    try:
        _check_lines(path, source.decode())
        return read_po(io.BytesIO(source), _babel_name(code), abort_invalid=True)
    except PoFileError as error:
        raise FileInvalid(path, error.lineno + 1, str(error)) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise FileInvalid(path, None, f"not a catalogue: {error}") from None


def _check_lines(path: Path, source: str) -> None:
    # Babel takes an unquoted text for a quoted one and cuts off its ends.
    for number, row in enumerate(source.splitlines(), start=1):
        if not _CATALOGUE_LINE.fullmatch(row.strip()):
            raise FileInvalid(path, number, f"not a line of a catalogue: {row.strip()[:60]}")


def _check_placeholders(path: Path, message: Message) -> None:
    originals = set(placeholders(*_forms(message.id)))
    for text in filter(None, _forms(message.string)):
        if strange := set(placeholders(text)) - originals:
            raise FileInvalid(path, message.lineno, f"{strange.pop()} is not in “{message.id}”")


def placeholders(*texts: str) -> Iterator[str]:
    """Give the `%(name)s` of the texts."""
    for text in texts:
        yield from (found[0] for found in _PLACEHOLDER.finditer(text) if found[1])


def _forms(text: str | Sequence[str] | None) -> Sequence[str]:
    return (text,) if isinstance(text, str) else text or ()


def _filled(text: str, values: Mapping[str, object]) -> str:
    return text % values if values else text


def _ancestry(code: str) -> Iterator[str]:
    try:
        tag = normal(code)
    except UsageError:
        return
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]


def direction_of(code: str) -> Direction:
    """Give the direction a language is written in; left to right for what is no language."""
    try:
        tag = normal(code)
    except UsageError:
        return "ltr"
    return "rtl" if _locale(tag).character_order == "right-to-left" else "ltr"


@lru_cache(maxsize=64)
def _locale(code: str) -> Locale:
    return Locale.parse(_babel_name(code))


def _babel_name(code: str) -> str:
    return _BABEL_NAMES.get(code, code.replace("-", "_"))


def _day(moment: date | datetime, zone: str) -> date:
    return moment.astimezone(_zone(zone)).date() if isinstance(moment, datetime) else moment


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise MomentInvalid(f"there is no time zone “{name}”; write it like Asia/Tokyo") from None


def _interval_patterns(
    locale: Locale, starts: date, ends: date
) -> tuple[dates.DateTimePattern, dates.DateTimePattern]:
    """Give the two patterns that say a range of days, with the month's name in full.

    Most languages write down only the short form, in which nothing but the name differs.
    """
    formats = locale.interval_formats
    skeleton = formats.get("yMMMMd") or formats["yMMMd"]
    differs = "y" if starts.year != ends.year else "M" if starts.month != ends.month else "d"
    first, last = (_long_month(pattern) for pattern in skeleton[differs])
    return dates.parse_pattern(first), dates.parse_pattern(last)


def _long_month(pattern: str) -> str:
    return re.sub(r"(?<!M)MMM(?!M)", "MMMM", pattern)
