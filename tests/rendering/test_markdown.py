"""An editor's text becomes HTML in which nothing can act."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from mailer.rendering.html import inline, sanitise
from mailer.rendering.markdown import to_html


def test_headings_stand_below_those_of_the_page() -> None:
    assert to_html("# A\n\n## B\n\n##### C", heading=3).split("\n")[:3] == [
        "<h3>A</h3>",
        "<h4>B</h4>",
        "<h6>C</h6>",
    ]


def test_html_of_the_writers_is_shown_and_not_obeyed() -> None:
    assert "&lt;script&gt;" in to_html("<script>alert(1)</script>")


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"]
)
def test_links_lead_to_the_web_or_a_mailbox(target: str) -> None:
    assert "href" not in to_html(f"[here]({target})")
    assert "src" not in to_html(f"![here]({target})")


def test_good_links_stay_whole() -> None:
    html = to_html("[a](https://example.org/?x=1&y=2) <mailto:a@example.org> [c](tel:+6612345)")

    assert [node.attributes["href"] for node in LexborHTMLParser(html).css("a")] == [
        "https://example.org/?x=1&y=2",
        "mailto:a@example.org",
        "tel:+6612345",
    ]


def test_tables_keep_the_side_their_numbers_stand_on() -> None:
    assert '<td style="text-align:right">1</td>' in to_html("| a |\n|--:|\n| 1 |")


@given(st.text(alphabet="<>\"'=/ abonclickstyleurl():;&#x\n[]()!*`", max_size=200))
def test_whatever_is_written_nothing_can_act(text: str) -> None:
    for html in (to_html(text), sanitise(text)):
        for node in LexborHTMLParser(f"<body>{html}").css("body *"):
            assert node.tag not in {"script", "style", "iframe", "form", "input", "object"}
            assert not any(name.startswith("on") for name in node.attributes)
            assert not node.attributes.get("style")


def test_styles_move_to_where_they_are_read_and_questions_to_the_program_stay() -> None:
    page = inline(
        "<html><head><style>:root { --ink: #123456 } p { color: var(--ink) }\n"
        "@media (prefers-color-scheme: dark) { p { color: white !important } }"
        "</style></head><body><p>x</p></body></html>"
    )

    assert '<p style="color:#123456">' in page
    assert "prefers-color-scheme" in page
    assert "--ink" not in page


def test_no_style_is_fetched() -> None:
    page = inline('<html><head><link rel="stylesheet" href="file:///etc/hostname"></head></html>')

    assert "stylesheet" not in page
