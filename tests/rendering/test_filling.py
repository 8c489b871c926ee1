"""Filled holes give what a full rendering would, for any value that may be filled in."""

from dataclasses import fields, replace
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from mailer.errors import HeaderInvalid, Refused, UsageError
from mailer.language import languages
from mailer.rendering import (
    Kind,
    Prepared,
    Values,
    greeting,
    plaintext,
    public_page,
    render_digest,
    render_letter,
)
from mailer.rendering.html import inline
from tests.rendering.sample import DIGEST, VALUES, WEB, letter, templates

OURS = templates()
ENGLISH, JAPANESE, ARABIC = (OURS.languages.of(code) for code in ("en", "ja", "ar"))

# Whatever a person or a villain may be called: scripts of both directions, marks of HTML, of
# templates, of headers and of our own markers.
names = st.one_of(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs", "Cf"]), max_size=60),
    st.sampled_from(
        [
            "",
            "  ",
            "<script>alert(1)</script>",
            'O\'Neil "Kim" & <b>',
            "{{ house }} {% raw %} %(name)s",
            f"hole-{render_digest(OURS, DIGEST).nonce}-leave_url-hole",
            "مريم العربية",
            "王小明 様",
            "&amp;&lt;&#39;",
            "a@example.org, b@example.org",
        ]
    ),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=names)
def test_a_spliced_letter_equals_one_rendered_in_full(name: str) -> None:
    content = letter(Kind.WELCOME)
    values = replace(VALUES, name=name)
    said = {field.name: getattr(values, field.name) for field in fields(values)}
    full = OURS.render(
        "mail/welcome/body.html",
        ENGLISH,
        {
            "letter": content,
            "list": content.mailing_list,
            "sender": content.sender,
            "house": content.house,
            "kind": "welcome",
            "subject": "You are subscribed: Meeting News",
            "recipient": SimpleNamespace(**said, greeting=greeting(ENGLISH, name)),
        },
    )

    spliced = Prepared.of(render_letter(OURS, content), ENGLISH).fill(values)

    assert LexborHTMLParser(spliced.html).html == LexborHTMLParser(inline(full)).html
    # Spaces differ: the lines of the text were broken before the name was known.
    assert spliced.text.split() == plaintext.from_html(full).split()


def test_values_are_escaped_in_html_and_plain_in_the_text() -> None:
    prepared = Prepared.of(render_letter(OURS, letter(Kind.WELCOME)), ENGLISH)

    filled = prepared.fill(replace(VALUES, name="<Kim> & Lee"))

    assert "Dear &lt;Kim&gt; &amp; Lee," in filled.html
    assert "Dear <Kim> & Lee," in filled.text


def test_nothing_of_a_marker_is_left_when_it_is_filled() -> None:
    for kind in Kind:
        edition = render_digest(OURS, DIGEST, kind=kind) if kind.is_digest else None
        edition = edition or render_letter(OURS, letter(kind))

        filled = Prepared.of(edition, ENGLISH).fill(VALUES)

        assert edition.nonce not in filled.subject + filled.html + filled.text


def test_a_greeting_names_whoever_gave_a_name() -> None:
    assert greeting(ENGLISH, " Kim Lee ") == "Dear Kim Lee,"
    assert greeting(ENGLISH, "  ") == "Dear reader,"
    assert greeting(JAPANESE, "李") == "李 様"
    assert greeting(JAPANESE, "") == "読者の皆さま"
    assert greeting(ENGLISH, "%(name)s") == "Dear %(name)s,"


def test_a_link_that_a_message_shows_must_be_given() -> None:
    prepared = Prepared.of(render_digest(OURS, DIGEST), ENGLISH)

    with pytest.raises(Refused, match="a digest message shows leave_url, and none was given"):
        prepared.fill(Values(address="kim@example.org"))


@pytest.mark.parametrize(
    "bad", ["a\r\nBcc: b@example.org", "a\nb", "a\0b", "a\u202eb", "a\x85b", "\ud800"]
)
@pytest.mark.parametrize("name", ["address", "name", "leave_url", "confirm_url"])
def test_a_value_with_unseen_characters_is_refused_where_it_is_made(name: str, bad: str) -> None:
    with pytest.raises(HeaderInvalid, match=name):
        replace(VALUES, **{name: bad})


def test_a_link_that_leads_nowhere_is_refused_where_it_is_made() -> None:
    with pytest.raises(UsageError, match="leave_url"):
        replace(VALUES, leave_url="javascript:alert(1)")


# ---------------------------------------------------------------------- the page for everybody


def test_the_page_for_everybody_has_nothing_of_anybody() -> None:
    edition = render_digest(OURS, DIGEST)

    page = public_page(
        edition, ENGLISH, page_url=f"{WEB}/l/meetings/12", list_url=f"{WEB}/l/meetings"
    )

    assert edition.nonce not in page
    assert "because" not in page
    assert "/u/" not in page
    assert DIGEST.sections[0].items[0].title in page
    assert f'<link rel="canonical" href="{WEB}/l/meetings/12">' in page
    assert page.startswith("<!DOCTYPE html>")


def test_a_link_to_leave_that_is_not_marked_leads_to_the_list_for_everybody() -> None:
    edition = render_digest(OURS, DIGEST)
    unmarked = replace(edition, html=edition.html.replace("data-recipient-only", "class"))

    page = public_page(unmarked, ENGLISH, page_url=f"{WEB}/x", list_url=f"{WEB}/l/meetings")

    assert f'href="{WEB}/l/meetings"' in page
    assert edition.nonce not in page


def test_the_greeting_is_the_editions_own_language() -> None:
    edition = render_letter(OURS, letter(Kind.WELCOME, "ja"))

    filled = Prepared.of(edition, languages()[edition.language]).fill(VALUES)

    assert "Kim Lee 様" in filled.text
