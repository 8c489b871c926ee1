"""A language knows its words, dates, lists and direction; a further one is one file."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mailer.errors import FileInvalid, MomentInvalid, UsageError
from mailer.language import SHIPPED, Language, Languages, direction_of, languages
from tests import catalogue

EVENING = datetime(2023, 2, 20, 16, 30, tzinfo=UTC)

CATALOGUE = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Coming up"
msgstr "Demnächst"

msgid "%(list)s is no longer sent to %(address)s."
msgstr "{translation}"
"""


@pytest.fixture(scope="module")
def spoken() -> Languages:
    return languages()


@pytest.fixture(scope="module")
def english(spoken: Languages) -> Language:
    return spoken["en"]


@pytest.fixture(scope="module")
def japanese(spoken: Languages) -> Language:
    return spoken["ja"]


# ---------------------------------------------------------------------- catalogues


@pytest.mark.parametrize("path", catalogue.catalogues(), ids=lambda path: path.stem)
def test_a_catalogue_that_ships_is_complete(path: Path) -> None:
    wanted = catalogue.texts()

    found = list(catalogue.problems(catalogue.read(path), wanted))

    told = "\n\n".join(f"# {problem}\n{text.entry()}" for text, problem in found)
    assert not found, f"{path.name} lacks {len(found)} texts; add to it:\n\n{told}"


@pytest.mark.parametrize("path", catalogue.catalogues(), ids=lambda path: path.stem)
def test_a_catalogue_that_ships_holds_nothing_unused(path: Path) -> None:
    assert catalogue.left_over(catalogue.read(path), catalogue.texts()) == []


def test_japanese_and_french_are_among_the_catalogues(spoken: Languages) -> None:
    assert {"en", "ja", "fr"} <= set(spoken)


def test_french_keeps_its_marks_with_their_words() -> None:
    """A line must not begin with a mark: no ordinary space goes before one, nor after «."""
    loose = re.compile(r" [:;?!»]|[^\u202f\s][;?!](?!\w)|« ")
    french = catalogue.read(SHIPPED / "fr.po")

    said = [
        form
        for message in french
        if message.id
        for form in ([message.string] if isinstance(message.string, str) else message.string or ())
    ]

    assert [text for text in said if loose.search(text)] == []


def test_a_language_without_a_catalogue_is_answered_with_the_nearest(spoken: Languages) -> None:
    assert spoken.choose("ja-JP").code == "ja"
    assert spoken.choose("xx", "de-AT", "ja").code == "ja"
    assert spoken.choose("de").code == "en"
    assert spoken.choose().code == "en"


def test_a_text_in_a_language_without_catalogue_keeps_its_own_dates_and_direction(
    spoken: Languages,
) -> None:
    arabic = spoken.of("ar")

    assert (arabic.direction, arabic.words, arabic.words_direction) == ("rtl", "en", "ltr")
    assert arabic.format_date(date(2023, 2, 20)) == "20 فبراير 2023"
    assert arabic.gettext("Coming up") == "Coming up"
    assert not arabic.has_words


def test_a_further_language_is_one_file(tmp_path: Path) -> None:
    write(tmp_path / "de.po", "An %(address)s geht %(list)s nicht mehr.")

    german = languages(tmp_path)["de"]

    assert german.gettext("Coming up") == "Demnächst"
    assert german.gettext("Leave this list") == "Leave this list"


def test_an_owners_words_go_before_ours_and_change_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path / "ja.po", "%(list)s → %(address)s")

    own, ours = languages(tmp_path)["ja"], languages()["ja"]

    assert own.gettext("Coming up") == "Demnächst"
    assert own.gettext("Leave this list") == ours.gettext("Leave this list")
    assert own.fingerprint != ours.fingerprint


def test_a_translation_with_a_strange_placeholder_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path / "de.po", "An %(adress)s geht %(list)s nicht mehr.")

    with pytest.raises(FileInvalid, match=r"de\.po:8: %\(adress\)s is not in"):
        languages(tmp_path)


def test_a_file_that_is_no_catalogue_is_named(tmp_path: Path) -> None:
    (tmp_path / "de.po").write_text('msgid "a"\nmsgstr unquoted\n')

    with pytest.raises(FileInvalid, match=r"de\.po:2: "):
        languages(tmp_path)


def test_a_file_whose_name_is_no_language_is_named(tmp_path: Path) -> None:
    (tmp_path / "klingonisch.po").write_text("")

    with pytest.raises(FileInvalid, match="the file's name must be a language"):
        languages(tmp_path)


def test_a_code_that_is_no_language_is_refused(spoken: Languages) -> None:
    with pytest.raises(UsageError, match="“elvish” is not a language"):
        spoken.of("elvish")


def test_codes_are_brought_into_their_usual_form(spoken: Languages) -> None:
    assert spoken.of("zh_tw").code == "zh-TW"
    assert spoken.of("PT-br").code == "pt-BR"


# ---------------------------------------------------------------------- words


def test_a_plural_takes_the_form_of_its_count(english: Language, japanese: Language) -> None:
    one, many = "The link works for one day.", "The link works for %(num)s days."

    assert english.ngettext(one, many, 1) == one
    assert english.ngettext(one, many, 7) == "The link works for 7 days."
    assert "7日" in japanese.ngettext(one, many, 7)


def test_zero_is_singular_in_french(spoken: Languages) -> None:
    one, many = "The link works for one day.", "The link works for %(num)s days."

    assert spoken["fr"].ngettext(one, many, 0) == "Le lien est valable un jour."
    assert spoken["fr"].ngettext(one, many, 2) == "Le lien est valable 2 jours."


# ---------------------------------------------------------------------- dates


def test_days_are_said_without_repeating_a_word(english: Language, japanese: Language) -> None:
    starts, ends = date(2023, 2, 20), date(2023, 2, 21)

    assert english.format_date_range(starts, ends) == "20–21 February 2023"
    assert japanese.format_date_range(starts, ends) == "2023年2月20日～21日"
    assert english.format_date_range(starts, starts) == "20 February 2023"
    assert english.format_date_range(starts) == "20 February 2023"


def test_days_of_two_months_or_years_name_both(english: Language) -> None:
    starts = date(2022, 12, 30)

    assert plain(english.format_date_range(starts, date(2023, 1, 2))) == (
        "30 December 2022 – 2 January 2023"
    )
    assert plain(english.format_date_range(date(2023, 3, 30), date(2023, 4, 2))) == (
        "30 March – 2 April 2023"
    )


def test_the_first_of_a_month_is_an_ordinal_in_french(spoken: Languages) -> None:
    french, first = spoken["fr"], date(2023, 3, 1)

    assert french.format_date(first) == "1er mars 2023"
    assert french.format_date(date(2023, 3, 11)) == "11 mars 2023"
    assert french.format_date_range(first, date(2023, 3, 2)) == "1er–2 mars 2023"
    assert plain(french.format_date_range(date(2023, 2, 28), first)) == "28 février – 1er mars 2023"


def test_a_moment_is_said_with_the_clock_of_its_zone(english: Language, japanese: Language) -> None:
    assert english.format_moment(EVENING, "Europe/Brussels") == (
        "20 February 2023, 17:30 (Brussels time)"
    )
    assert japanese.format_moment(EVENING, "Asia/Tokyo") == "2023年2月21日 1:30（東京時間）"
    assert english.format_moment(EVENING, "UTC") == "20 February 2023, 16:30 (UTC)"


def test_a_meeting_within_a_day_names_the_day_once(english: Language) -> None:
    ends = EVENING.replace(hour=18, minute=0)

    said = english.format_span(EVENING, ends, "Europe/Brussels")

    assert plain(said) == "20 February 2023, 17:30 – 19:00 (Brussels time)"
    assert plain(english.format_hours(EVENING, ends, "Europe/Brussels")) == (
        "17:30 – 19:00 (Brussels time)"
    )
    assert english.format_days(EVENING, ends, "Europe/Brussels") == "20 February 2023"


def test_a_meeting_over_midnight_names_both_days(english: Language) -> None:
    ends = EVENING.replace(day=21)

    assert plain(english.format_span(EVENING, ends, "UTC")) == (
        "20 February 2023, 16:30 – 21 February 2023, 16:30 (UTC)"
    )
    assert english.format_days(EVENING, ends) == "20–21 February 2023"


def test_whole_days_have_no_hours(english: Language) -> None:
    assert english.format_hours(date(2023, 2, 20)) == ""
    assert english.format_span(date(2023, 2, 20)) == "20 February 2023"


def test_a_zone_that_does_not_exist_is_refused(english: Language) -> None:
    with pytest.raises(MomentInvalid, match="no time zone “Mars/Olympus”"):
        english.format_moment(EVENING, "Mars/Olympus")


# ---------------------------------------------------------------------- lists, numbers, script


def test_lists_and_numbers_are_written_as_readers_write_them(
    english: Language, japanese: Language
) -> None:
    assert english.format_list(["A", "B", "C"]) == "A, B and C"
    assert japanese.format_list(["A", "B"]) == "A、B"
    assert english.format_list([]) == ""
    assert english.format_number(12345) == "12,345"


def test_a_language_calls_itself_by_its_own_name(spoken: Languages) -> None:
    assert [spoken.of(code).native_name for code in ("en", "ja", "ar")] == [
        "English",
        "日本語",
        "العربية",
    ]


@pytest.mark.parametrize(
    "code, direction",
    [("en", "ltr"), ("ja", "ltr"), ("ar", "rtl"), ("he", "rtl"), ("fa", "rtl"), ("??", "ltr")],
)
def test_direction_follows_the_script(code: str, direction: str) -> None:
    assert direction_of(code) == direction


def plain(said: str) -> str:
    """Give what was said with ordinary spaces about its dash."""
    return said.replace("\u2009", " ")


def write(path: Path, translation: str) -> None:
    path.write_text(CATALOGUE.replace("{translation}", translation), encoding="utf-8")


@pytest.mark.parametrize(
    "starts, ends, zone, said",
    [
        ((7, 9, 0), (7, 12, 30), "Pacific/Fiji", "21:00 – 00:30 UTC (6 December)"),
        ((7, 9, 0), None, "Pacific/Fiji", "21:00 UTC (6 December)"),
        ((7, 9, 0), (7, 12, 30), "Europe/Brussels", "08:00 – 11:30 UTC"),
        ((7, 9, 0), (8, 12, 0), "Asia/Tokyo", "00:00 (7 December) – 03:00 (8 December) UTC"),
        ((7, 9, 0), (7, 12, 30), "UTC", ""),
        ((7, 9, 0), (7, 12, 30), "Europe/London", ""),
    ],
)
def test_hours_are_said_in_utc_with_the_day_where_it_is_another(
    english: Language,
    starts: tuple[int, int, int],
    ends: tuple[int, int, int] | None,
    zone: str,
    said: str,
) -> None:
    first, last = (
        datetime(2026, 12, *one, tzinfo=ZoneInfo(zone)) if one else None for one in (starts, ends)
    )
    assert first is not None

    assert plain(english.format_utc(first, last, zone)) == said
    assert english.format_utc(date(2026, 12, 7)) == ""


@pytest.mark.parametrize(
    "size, said",
    [(1, "1 kB"), (340_400, "340 kB"), (999_999, "1,000 kB"), (1_240_000, "1.2 MB")],
)
def test_a_size_is_said_in_thousands_or_millions(english: Language, size: int, said: str) -> None:
    assert plain(english.format_size(size)) == said
