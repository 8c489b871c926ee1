"""`mailer digest` at the command line, up to its queueing."""

import email
import email.policy
from collections.abc import Callable

import pytest

from tests.cli.conftest import Office, Story, with_a_list

ITEM = "---\ntitle: {title}\ntopic: {topic}\n---\nWhat was said.\n"


def with_news(office: Office) -> None:
    with_a_list(office)
    for number, (title, topic) in enumerate(
        [("One", "Health"), ("Two", "Trade"), ("Three", "Health")]
    ):
        office.ok("item", "add", office.file(f"{number}.md", ITEM.format(title=title, topic=topic)))
    office.ok(
        "subscriber", "add", "meetings", "ines@example.org", "--name", "Inês",
        "--confirmed", "--basis", "asked at the meeting",
    )  # fmt: skip


@pytest.fixture
def newsroom(stage: Callable[[Story], Office]) -> Office:
    """Give an office with a list, a subscriber, and three items on two topics."""
    return stage(with_news)


def draft(office: Office, *options: object) -> int:
    ended = office.ok("digest", "draft", "meetings", "--subject", "News", *options)
    return int(ended.out)


def test_a_draft_holds_the_chosen_items_in_their_order(newsroom: Office) -> None:
    digest = draft(newsroom, "--item", 3, "--item", 1)

    shown = newsroom.ok("digest", "show", digest, "--json").json
    assert [one["id"] for one in shown["items"]] == [3, 1]
    assert (shown["state"], shown["number"], shown["subject"]) == ("draft", 1, "News")


def test_new_items_are_those_that_were_in_no_digest_yet_by_topic(newsroom: Office) -> None:
    draft(newsroom, "--item", 2)

    digest = draft(newsroom, "--new-items")

    shown = newsroom.ok("digest", "show", digest, "--json").json
    assert [(one["section"], one["title"]) for one in shown["items"]] == [
        ("Health", "One"),
        ("Health", "Three"),
    ]


def test_a_draft_may_be_an_announcement_with_its_own_date(newsroom: Office) -> None:
    words = newsroom.file("words.md", "The office is **closed** in August.\n")

    digest = draft(newsroom, "--introduction", words, "--date", "2026-07-31")

    shown = newsroom.ok("digest", "show", digest, "--json").json
    assert shown["date"] == "2026-07-31"
    assert shown["texts"]["en"]["introduction"] == "The office is **closed** in August."


def test_the_introduction_may_come_from_standard_input(newsroom: Office) -> None:
    ended = newsroom.run(
        "digest", "draft", "meetings", "--subject", "S", "--introduction", "-", stdin="Ça va.\n"
    )

    shown = newsroom.ok("digest", "show", int(ended.out), "--json").json
    assert shown["texts"]["en"]["introduction"] == "Ça va."


def test_a_digest_has_words_in_each_language(newsroom: Office) -> None:
    digest = draft(newsroom, "--item", 1)
    words = newsroom.file("ja.md", "今週の会議。")

    newsroom.ok(
        "digest", "text", digest, "--language", "ja", "--subject", "会議", "--introduction", words
    )
    newsroom.ok("digest", "text", digest, "--language", "ja", "--subject", "会議　一")

    texts = newsroom.ok("digest", "show", digest, "--json").json["texts"]
    assert texts["ja"] == {"subject": "会議　一", "introduction": "今週の会議。"}
    assert texts["en"]["subject"] == "News"


def test_words_that_nobody_would_get_are_said_to_be_so(newsroom: Office) -> None:
    digest = draft(newsroom, "--item", 1)
    words = ("digest", "text", digest, "--language", "ja", "--subject", "会議")

    before = newsroom.ok(*words)
    newsroom.ok("list", "edit", "meetings", "--languages", "ja")
    after = newsroom.ok(*words)

    assert "warning: the list is not in ja, so nobody gets them" in before.err
    assert "warning" not in after.err


def test_digests_are_listed_newest_first_and_by_list(newsroom: Office) -> None:
    newsroom.ok("list", "add", "other", "--name", "Other", "--from", "o@example.org")
    draft(newsroom, "--item", 1)
    draft(newsroom, "--item", 2)
    newsroom.ok("digest", "draft", "other", "--subject", "Else", "--item", 1)

    every = newsroom.ok("digest", "list", "--json").json
    some = newsroom.ok("digest", "list", "--list", "meetings", "--json").json

    assert [(one["list"], one["number"]) for one in every] == [
        ("other", 1),
        ("meetings", 2),
        ("meetings", 1),
    ]
    assert [one["number"] for one in some] == [2, 1]


def test_a_shown_digest_says_what_happened_to_it(newsroom: Office) -> None:
    digest = draft(newsroom, "--item", 1)

    shown = newsroom.ok("digest", "show", digest)

    assert "Health" in shown.out
    assert "digest.drafted" in shown.out


def test_a_preview_is_four_files_as_one_subscriber_gets_them(newsroom: Office) -> None:
    digest = draft(newsroom, "--item", 1)
    folder = newsroom.folder / "preview"

    ended = newsroom.ok("digest", "preview", digest, "--as", "ines@example.org", "--out", folder)

    assert ended.lines == [
        str(folder / name) for name in ("subject.txt", "body.html", "body.txt", "message.eml")
    ]
    message = email.message_from_bytes(
        (folder / "message.eml").read_bytes(), policy=email.policy.default
    )
    assert message["To"].addresses[0].addr_spec == "ines@example.org"
    assert (folder / "subject.txt").read_text() == "News\n"
    assert "One" in (folder / "body.html").read_text()
    assert "One" in (folder / "body.txt").read_text()


def test_a_preview_as_nobody_in_particular_needs_no_subscriber(newsroom: Office) -> None:
    digest = draft(newsroom, "--item", 1)

    newsroom.ok("digest", "preview", digest, "--out", newsroom.folder)

    assert (newsroom.folder / "body.txt").exists()


def test_a_preview_as_a_stranger_is_not_found_and_writes_nothing(newsroom: Office) -> None:
    digest = draft(newsroom, "--item", 1)
    folder = newsroom.folder / "preview"

    ended = newsroom.run("digest", "preview", digest, "--as", "no@example.org", "--out", folder)

    assert ended.code == 3
    assert not folder.exists()


def test_a_test_letter_is_posted_to_anybody(newsroom: Office) -> None:
    digest = draft(newsroom, "--item", 1)

    ended = newsroom.ok("digest", "test", digest, "editor@example.net")

    assert "editor@example.net" in ended.err
    assert newsroom.ok("status", "--json").json["letters_waiting"] == 1


def test_a_layout_that_is_not_there_is_not_found(newsroom: Office) -> None:
    before = newsroom.dump()

    ended = newsroom.run(
        "digest", "draft", "meetings", "--subject", "S", "--item", 1, "--layout", "shiny"
    )

    assert ended.code == 3
    assert ended.error == "there is no layout “shiny”; there are: digest, letterhead"
    assert newsroom.dump() == before


def test_nothing_new_is_refused(newsroom: Office) -> None:
    draft(newsroom, "--new-items")

    ended = newsroom.run("digest", "draft", "meetings", "--subject", "S", "--new-items")

    assert ended.code == 4
    assert "there is nothing new for “meetings”" in ended.error


def test_an_item_that_is_not_there_is_named(newsroom: Office) -> None:
    ended = newsroom.run("digest", "draft", "meetings", "--subject", "S", "--item", 1, "--item", 9)

    assert ended.code == 3
    assert ended.error.startswith("there is no item “9”")
