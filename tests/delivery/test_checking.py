"""What is looked at before a digest may go: each remark where it is due, and nowhere else."""

from dataclasses import replace
from datetime import date

import pytest

from mailer.delivery import checking
from mailer.delivery.checking import Known, Proof, Remark, Unrendered
from mailer.rendering import DigestContent, PictureCard, Templates, render_digest
from mailer.rendering.holes import marker
from tests.rendering.sample import DIGEST, GLOBAL_MEETING, templates

KNOWN = Known(goes_on=date(2023, 2, 1), recipients=100)
PICTURE = PictureCard("https://office.example.org/news/m/a.jpg", 600, 400, 9_000, "", "", "", "")


@pytest.fixture(scope="module")
def ours() -> Templates:
    return templates()


def remarks(ours: Templates, content: DigestContent, known: Known = KNOWN) -> tuple[Remark, ...]:
    proof = Proof(content.language, content, render_digest(ours, content))
    return checking.check([proof], [], known)


def codes(ours: Templates, content: DigestContent, known: Known = KNOWN) -> set[str]:
    return {one.code for one in remarks(ours, content, known)}


def test_of_a_digest_as_it_should_be_there_is_nothing_to_say(ours: Templates) -> None:
    assert codes(ours, DIGEST) == set()


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"subject": "x" * 71}, "long-subject"),
        ({"subject": "税関" * 18}, "long-subject"),
        ({"preheader": "x" * 141}, "long-preheader"),
        ({"subject": "GLOBAL MEETING IN BRUSSELS"}, "capitals"),
        ({"subject": "News! From Brussels!"}, "exclamations"),
        ({"subject": "News", "preheader": "Read on!!"}, "exclamations"),
        ({"words_in": "en", "language": "ja"}, "unwritten"),
        ({"introduction": "[Read](https://bit.ly/abc)"}, "shortened"),
        ({"introduction": "![](https://office.example.org/x.png)"}, "alt"),
    ],
)
def test_each_flaw_is_remarked_upon(ours: Templates, changes: dict[str, str], code: str) -> None:
    assert codes(ours, replace(DIGEST, **changes)) == {code}  # type: ignore[arg-type]


@pytest.mark.parametrize("subject", ["WCO", "税関相互支援協定会合のお知らせ", "Ready? Go!"])
def test_what_only_looks_like_a_flaw_is_none(ours: Templates, subject: str) -> None:
    assert codes(ours, replace(DIGEST, subject=subject)) == set()


def test_an_items_picture_without_words_names_the_item(ours: Templates) -> None:
    item = replace(GLOBAL_MEETING, picture=PICTURE)
    section = replace(DIGEST.sections[0], items=(item,))

    [remark] = remarks(ours, replace(DIGEST, sections=(section,)))

    assert remark.code == "alt"
    assert remark.values["items"] == GLOBAL_MEETING.title


def test_meetings_that_are_over_by_then_are_not_coming_up(ours: Templates) -> None:
    content = replace(DIGEST, coming_up=(GLOBAL_MEETING,))

    assert codes(ours, content, replace(KNOWN, goes_on=date(2023, 2, 21))) == set()
    assert codes(ours, content, replace(KNOWN, goes_on=date(2023, 2, 22))) == {"past"}


def test_a_sender_without_a_postal_address_is_remarked_upon_once(ours: Templates) -> None:
    content = replace(DIGEST, sender=replace(DIGEST.sender, postal_address=""))
    proofs = [
        Proof(language, one, render_digest(ours, one))
        for language in ("en", "ja")
        for one in [replace(content, language=language)]
    ]

    assert [one.code for one in checking.check(proofs, [], KNOWN)] == ["postal"]


def test_what_is_true_of_several_languages_is_said_once(ours: Templates) -> None:
    content = replace(DIGEST, subject="x" * 80)
    proofs = [
        Proof(language, one, render_digest(ours, one))
        for language in ("en", "ja")
        for one in [replace(content, language=language)]
    ]

    [remark] = checking.check(proofs, [], KNOWN)

    assert (remark.code, remark.where) == ("long-subject", "en, ja")


def test_a_colour_that_cannot_be_read_is_remarked_upon(ours: Templates) -> None:
    pale = replace(DIGEST, mailing_list=replace(DIGEST.mailing_list, accent="#ffee00"))

    assert codes(ours, pale) == {"accent"}


def test_what_cannot_be_rendered_is_in_the_way_and_comes_first() -> None:
    found = checking.check([], [Unrendered("ja", "it is empty.")], replace(KNOWN, recipients=0))

    assert [(one.code, one.is_error) for one in found] == [("render", True), ("nobody", False)]
    assert found[0].values == {"why": "it is empty"}


def test_a_digest_without_a_link_to_leave_is_refused(ours: Templates) -> None:
    edition = render_digest(ours, DIGEST)
    bare = replace(edition, text="Nothing here")

    found = checking.check([Proof("en", DIGEST, bare)], [], KNOWN)

    assert {one.code for one in found if one.is_error} == {"leave"}
    assert "parity" in {one.code for one in found}


def test_names_matter_only_to_a_digest_that_shows_them(ours: Templates) -> None:
    edition, known = render_digest(ours, DIGEST), replace(KNOWN, nameless=90)
    assert codes(ours, DIGEST, known) == set()
    greets = replace(edition, text=edition.text + marker("greeting", edition.nonce))

    def found(nameless: int) -> set[str]:
        few = replace(KNOWN, nameless=nameless)
        return {one.code for one in checking.check([Proof("en", DIGEST, greets)], [], few)}

    assert found(90) == {"nameless"}
    assert found(20) == set()


def test_what_is_known_of_the_digest_is_said(ours: Templates) -> None:
    known = replace(KNOWN, recipients=0, may_have_gone=True, retired=("Old news",))

    assert codes(ours, DIGEST, known) == {"nobody", "may-have-gone", "retired"}
