from datetime import date, datetime, timedelta

import pytest

from mailer.demo import news
from mailer.digests import moments
from mailer.language import languages

SPOKEN = languages()


@pytest.mark.parametrize("offset", range(7))
def test_a_day_is_a_weekday_some_weeks_from_now(offset: int) -> None:
    today = date(2026, 11, 30) + timedelta(days=offset)

    assert news.day("tuesday", 4, today=today) == date(2026, 12, 29)
    assert news.day("friday", -3, today=today) == date(2026, 11, 13)


@pytest.mark.parametrize("offset", range(7))
def test_coming_meetings_lie_ahead_and_reports_behind_on_any_weekday(offset: int) -> None:
    today = date(2026, 11, 30) + timedelta(days=offset)

    for name, drafts in news.written(SPOKEN, today=today).items():
        for draft in drafts:
            assert draft.starts is not None
            starts = moments.day_or_time(draft.starts, draft.timezone)
            day = starts.date() if isinstance(starts, datetime) else starts
            is_ahead = draft.topic in {"Coming meetings", "Prochaines réunions", "今後の会合"}
            assert (day > today) is is_ahead, (name, today)


def test_dates_in_a_text_are_said_in_its_language() -> None:
    written = news.written(SPOKEN, today=date(2026, 12, 1))

    english, french, japanese = written["laboratory-heads"]
    assert "18 December 2026" in english.body or "December 18, 2026" in english.body
    assert "18 décembre 2026" in french.body
    assert "2026年12月18日" in japanese.body


def test_translations_stand_behind_their_original() -> None:
    written = news.written(SPOKEN, today=date(2026, 12, 1))

    assert [draft.language for draft in written["brussels"]] == ["en", "fr", "ja"]
    assert [draft.language for draft in written["dogs"]] == ["en"]
    assert len(written) == 9


def test_every_number_has_its_items_and_its_words_in_every_language() -> None:
    written = news.written(SPOKEN, today=date(2026, 12, 1))

    for number in news.numbers():
        assert set(number.items) <= set(written)
        assert set(number.words) == {"en", "fr", "ja"}


def test_nobody_in_the_demo_exists() -> None:
    people = news.people()

    assert len({person.address.key for person in people}) == len(people) == 30
    assert {person.address.domain for person in people} == {"example.org", "example.net"}
    assert {person.language for person in people} == {"en", "fr", "ja"}
