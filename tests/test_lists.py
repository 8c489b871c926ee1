"""Lists: a lasting identity, a name that may change, words in several languages."""

from dataclasses import replace
from typing import Any

import pytest

from mailer import address, history, lists
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import MailingList, OptIn, Visibility
from mailer.errors import HeaderInvalid, MomentInvalid, NotFound, Refused, UsageError
from mailer.lists import Card, Edit, NewList, Words, nearest

NEWS = NewList(slug="news", name="News of the Office", sender=address.parse("news@office.example"))


def create(database: Database, clock: FrozenClock, **more: Any) -> MailingList:
    return database.write(lists.create, replace(NEWS, **more), now=clock.now())


def edit(database: Database, clock: FrozenClock, of: str = "news", **changes: Any) -> MailingList:
    return database.write(lists.edit, of, Edit(**changes), now=clock.now())


def card(database: Database, slug: str = "news", language: str | None = None) -> Card:
    with database.reading() as session:
        found = lists.get(session, slug)
        assert found.id is not None
        return lists.card(session, found.id, language)


# ------------------------------------------------------------------------- making


def test_a_new_list_has_its_sender_and_its_words(database: Database, clock: FrozenClock) -> None:
    made = create(
        database,
        clock,
        reply_to=address.parse("desk@office.example"),
        postal_address="1 Quay\r\nBrussels",
        language="ja",
        languages=("en", "ja"),
        zone="Europe/Brussels",
        description="Meetings",
        visibility=Visibility.UNLISTED,
        opt_in=OptIn.SINGLE,
    )

    found = card(database)
    assert (found.id, found.list.identifier) == (made.id, "news.office.example")
    assert (found.sender.name, found.sender.address) == (
        "News of the Office",
        "news@office.example",
    )
    assert (found.sender.reply_to, found.sender.postal_address) == (
        "desk@office.example",
        "1 Quay\nBrussels",
    )
    assert (found.words.language, found.words.name) == ("ja", "News of the Office")
    assert found.words.description == "Meetings"
    assert (found.list.languages, found.list.timezone) == (["ja", "en"], "Europe/Brussels")
    assert (found.list.visibility, found.list.opt_in) == (Visibility.UNLISTED, OptIn.SINGLE)
    assert database.read(lists.route_of, found.id) == "smtp"


@pytest.mark.parametrize(
    "wrong, error, why",
    [
        ({"slug": "No Capitals"}, UsageError, "“No Capitals” cannot name a list"),
        ({"slug": ""}, UsageError, "cannot name a list"),
        ({"slug": "-a"}, UsageError, "cannot name a list"),
        ({"slug": "a" * 64}, UsageError, "63 at most"),
        ({"name": ""}, UsageError, "1 to 120 characters"),
        ({"name": "x" * 121}, UsageError, "1 to 120 characters"),
        ({"name": "News\r\nBcc: all@example.org"}, HeaderInvalid, "line break"),
        ({"name": "a\u202eb"}, HeaderInvalid, "unseen character"),
        ({"sender_name": "a\0b"}, HeaderInvalid, "unseen character"),
        ({"language": "english"}, UsageError, "“english” is not a language code"),
        ({"languages": ("EN",)}, UsageError, "“EN” is not a language code"),
        ({"zone": "Europe/Atlantis"}, MomentInvalid, "no time zone “Europe/Atlantis”"),
        ({"zone": "Europe"}, MomentInvalid, "no time zone “Europe”"),
        ({"zone": "../../etc/passwd"}, MomentInvalid, "no time zone"),
        ({"zone": ""}, MomentInvalid, "no time zone"),
        ({"description": "a\0b"}, UsageError, "cannot be seen"),
        ({"postal_address": "x" * 10_001}, UsageError, "at most 10000"),
    ],
)
def test_a_list_that_cannot_be_is_refused_and_nothing_is_written(
    database: Database, clock: FrozenClock, wrong: dict[str, Any], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        create(database, clock, **wrong)

    assert database.read(lists.cards) == []


@pytest.mark.parametrize("name", ["山田\u3000ニュース", "می\u200cخواهم", "Büro & Co. “News”"])
def test_a_name_may_be_of_any_script(database: Database, clock: FrozenClock, name: str) -> None:
    create(database, clock, name=name)

    assert card(database).words.name.split() == name.split()


def test_a_list_id_is_given_once(database: Database, clock: FrozenClock) -> None:
    first = create(database, clock)
    edit(database, clock, "news", slug="bulletin")

    second = create(database, clock, slug="other")
    edit(database, clock, "other", slug="third")
    assert (first.identifier, second.identifier) == ("news.office.example", "other.office.example")
    assert card(database, "bulletin").list.identifier == "news.office.example"


# ------------------------------------------------------------------------- slugs


def test_an_old_slug_goes_on_leading_to_its_list(database: Database, clock: FrozenClock) -> None:
    made = create(database, clock)
    edit(database, clock, "news", slug="bulletin")
    edit(database, clock, "bulletin", slug="gazette")

    for slug in ("news", "bulletin", "gazette"):
        assert card(database, slug).id == made.id
    assert card(database).list.slug == "gazette"


def test_a_list_may_take_its_old_slug_again(database: Database, clock: FrozenClock) -> None:
    made = create(database, clock)
    edit(database, clock, "news", slug="bulletin")

    edit(database, clock, "bulletin", slug="news")

    assert card(database, "news").list.slug == "news"
    assert card(database, "bulletin").id == made.id


@pytest.mark.parametrize("taken", ["news", "bulletin"])
def test_a_slug_that_is_or_was_another_s_is_refused(
    database: Database, clock: FrozenClock, taken: str
) -> None:
    create(database, clock)
    edit(database, clock, "news", slug="bulletin")
    create(database, clock, slug="other")

    with pytest.raises(Refused, match=f"there is already a list “{taken}”"):
        create(database, clock, slug=taken)
    with pytest.raises(Refused, match=f"there is already a list “{taken}”"):
        edit(database, clock, "other", slug=taken)


def test_a_list_that_is_not_there_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound, match="there is no list “none”"):
        card(database, "none")
    with pytest.raises(NotFound):
        database.read(lists.by_id, 404)


# ------------------------------------------------------------------------- changes


def test_what_is_not_named_stays(database: Database, clock: FrozenClock) -> None:
    create(database, clock, description="Meetings")
    before = card(database)

    edit(database, clock)

    after = card(database)
    assert after.list.model_dump() == before.list.model_dump()
    assert after.sender.model_dump() == before.sender.model_dump()
    assert after.words.model_dump() == before.words.model_dump()


def test_a_list_changes_as_a_whole_or_not_at_all(database: Database, clock: FrozenClock) -> None:
    create(database, clock)

    with pytest.raises(MomentInvalid):
        edit(database, clock, "news", slug="bulletin", sender_name="New", zone="Nowhere/Land")

    assert card(database).list.slug == "news"
    assert card(database).sender.name == "News of the Office"


def test_sender_and_policy_can_be_changed(database: Database, clock: FrozenClock) -> None:
    create(database, clock)

    edit(
        database,
        clock,
        sender=address.parse("press@office.example"),
        sender_name="Press",
        reply_to=address.parse("desk@office.example"),
        postal_address="",
        route="bulk",
        visibility=Visibility.PRIVATE,
        layout="plain",
        zone="Asia/Tokyo",
    )

    found = card(database)
    assert (found.sender.address, found.sender.name) == ("press@office.example", "Press")
    assert (found.sender.reply_to, found.sender.route) == ("desk@office.example", "bulk")
    assert found.list.visibility is Visibility.PRIVATE
    assert (found.list.layout, found.list.timezone) == ("plain", "Asia/Tokyo")
    # The List-Id is of the time of birth, whatever the sender's domain is now (RFC 2919, 2).
    assert found.list.identifier == "news.office.example"


def test_making_and_changing_are_written_down(database: Database, clock: FrozenClock) -> None:
    made = create(database, clock)
    edit(database, clock, zone="Asia/Tokyo")

    with database.reading() as session:
        about = history.About(list_id=made.id)
        assert history.last(session, "list.created", about)
        assert history.last(session, "list.changed", about)


# ------------------------------------------------------------------------- words


def test_words_are_in_the_nearest_language_there_is(database: Database, clock: FrozenClock) -> None:
    create(database, clock)
    edit(
        database,
        clock,
        texts=(Words("ja", name="ニュース"), Words("pt-BR", name="Notícias", welcome="Olá")),
    )

    names = {
        language: card(database, language=language).words.name
        for language in ("ja", "ja-JP", "pt", "pt-PT", "fr", None)
    }
    assert names == {
        "ja": "ニュース",
        "ja-JP": "ニュース",
        "pt": "Notícias",
        "pt-PT": "Notícias",
        "fr": "News of the Office",
        None: "News of the Office",
    }


def test_words_without_a_name_borrow_it(database: Database, clock: FrozenClock) -> None:
    create(database, clock)

    edit(database, clock, texts=(Words("ja", description="会議"),))

    words = card(database, language="ja").words
    assert (words.name, words.description) == ("News of the Office", "会議")


def test_a_first_language_without_words_shows_those_there_are(
    database: Database, clock: FrozenClock
) -> None:
    create(database, clock)

    edit(database, clock, language="ja")

    found = card(database)
    assert (found.list.language, found.list.languages) == ("ja", ["ja", "en"])
    assert found.words.name == "News of the Office"


@pytest.mark.parametrize(
    "language, expected",
    [("en", "en"), ("en-GB", "en"), ("pt", "pt-BR"), ("fr", "ja"), ("", "ja"), (None, "ja")],
)
def test_the_nearest_language(language: str | None, expected: str) -> None:
    assert nearest(language, ["ja", "en", "pt-BR"], "ja") == expected


# ------------------------------------------------------------------------- all of them


def test_lists_are_given_by_slug_and_visibility(database: Database, clock: FrozenClock) -> None:
    create(database, clock, slug="b")
    create(database, clock, slug="a", visibility=Visibility.PRIVATE)
    gone = create(database, clock, slug="c")
    with database.writing() as session:
        retired = session.get_one(MailingList, gone.id)
        retired.retired_at = clock.now()
        session.add(retired)

    every = database.read(lists.cards)
    public = database.read(lists.cards, visibility=Visibility.PUBLIC)

    assert [one.list.slug for one in every] == ["a", "b"]
    assert [one.list.slug for one in public] == ["b"]
