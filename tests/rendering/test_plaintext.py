"""The plain part has every word and every link of the HTML, in lines that fit."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.rendering import plaintext
from mailer.rendering.wrapping import columns, shortened, wrap


def text(html: str) -> str:
    return plaintext.from_html(html).rstrip("\n")


# ---------------------------------------------------------------------- links


def test_a_link_is_its_words_and_its_address() -> None:
    assert text('<p>See <a href="https://example.org/a?b=1&amp;c=2">the report</a>, please.') == (
        "See the report <https://example.org/a?b=1&c=2>, please."
    )


@pytest.mark.parametrize(
    "shown", ["https://example.org/news", "example.org/news", "https://example.org/news/"]
)
def test_a_link_that_shows_its_address_shows_it_once(shown: str) -> None:
    html = f'<p><a href="https://example.org/news">{shown}</a>'

    assert text(html) == "https://example.org/news"


def test_a_link_to_a_mailbox_shows_the_address() -> None:
    assert text('<a href="mailto:a@example.org">a@example.org</a>') == "a@example.org"
    assert text('<a href="mailto:a@example.org">Write</a>') == "Write <a@example.org>"


def test_a_link_within_the_page_is_only_words() -> None:
    assert text('<a href="#item-1">The first</a>') == "The first"


def test_a_linked_picture_is_its_description_and_its_address() -> None:
    assert text('<a href="https://example.org/"><img src="x.png" alt="Our sign"></a>') == (
        "[Our sign] <https://example.org/>"
    )


def test_a_link_that_stands_elsewhere_too_is_only_its_words() -> None:
    assert text('<a href="https://example.org/" data-repeated><img src="x" alt="Sign"></a>') == (
        "[Sign]"
    )


def test_a_picture_that_says_nothing_is_left_out() -> None:
    assert text('<p>Before<img src="x.png" alt="">after</p>') == "Beforeafter"


def test_spaces_at_the_ends_of_a_link_stay_outside_it() -> None:
    assert (
        text('<p>Read<a href="https://e.org/x"> this </a>now') == "Read this <https://e.org/x> now"
    )


# ---------------------------------------------------------------------- blocks


def test_great_headings_are_underlined_as_wide_as_they_are() -> None:
    assert text("<h1>News</h1><h2>税関</h2><p>Words") == "News\n====\n\n税関\n----\n\nWords"


def test_a_lesser_heading_is_followed_closely() -> None:
    assert text("<h3>Title</h3><p>20 February<p>Words") == "Title\n20 February\n\nWords"


def test_lists_are_marked_and_hang() -> None:
    html = f"<ul><li>one<li>{'word ' * 20}</ul><ol start=9><li>nine<li>ten</ol>"

    lines = text(html).split("\n")

    assert lines[0] == "- one"
    assert lines[1].startswith("- word")
    assert lines[2].startswith("  word")
    assert lines[-2:] == ["9. nine", "10. ten"]


def test_items_of_several_paragraphs_stand_apart() -> None:
    assert text("<ul><li><p>a</p><p>b</p><li>c</ul>") == "- a\n\n  b\n\n- c"


def test_quotations_and_listings_of_code_keep_their_form() -> None:
    assert text("<blockquote><p>a<p>b</blockquote>") == "> a\n>\n> b"
    assert text("<pre>if x:\n    y</pre>") == "    if x:\n        y"


def test_layout_tables_become_paragraphs() -> None:
    html = '<table role="presentation"><tr><td>one</td><td>two</td></tr></table>'

    assert text(html) == "one\n\ntwo"


def test_tables_of_data_keep_their_columns() -> None:
    html = (
        "<table><thead><tr><th>When<th>What</thead><tbody>"
        '<tr><td>20 February<td><a href="https://e.org/x">Meeting</a><br>Brussels'
        "<tr><td>3 March<td>Webinar</table>"
    )

    assert text(html).split("\n") == [
        "When         What",
        "-----------  -------------------------",
        "20 February  Meeting <https://e.org/x>",
        "             Brussels",
        "3 March      Webinar",
    ]


def test_a_table_too_wide_for_a_line_is_stacked() -> None:
    cells = "".join(f"<td>{'wide ' * 6}{number}" for number in range(5))

    lines = text(f"<table><tr>{cells}</table>").split("\n")

    assert [line[-1] for line in lines] == ["0", "1", "2", "3", "4"]


def test_what_the_page_hides_is_left_out() -> None:
    html = (
        "<head><title>T</title></head><style>p{}</style><script>1</script><!-- no -->"
        '<div hidden>preview</div><div style="display: none">preview</div><p>Words</p>'
    )

    assert text(html) == "Words"


def test_spaces_of_the_source_are_one_and_no_break_spaces_hold() -> None:
    assert text("<p>a\n  b&nbsp;c\td</p>") == "a b c d"


# ---------------------------------------------------------------------- lines


@given(st.lists(st.text(alphabet="abcdeé税関会議", min_size=1, max_size=20)))
def test_no_line_is_wider_than_asked(words: list[str]) -> None:
    assert all(columns(line) <= 40 for line in wrap(" ".join(words), 40))


@given(st.text(alphabet=string.printable + "税関、。「」é", max_size=400))
def test_wrapping_loses_nothing_but_spaces(value: str) -> None:
    assert unspaced("".join(wrap(value, 20))) == unspaced(value)


def test_a_long_address_is_not_broken() -> None:
    address = "https://example.org/" + "long-" * 40

    assert text(f'<p>See <a href="{address}">this</a>.').split("\n") == [
        "See this",
        f"<{address}>.",
    ]


def test_japanese_is_broken_anywhere_but_before_its_marks() -> None:
    lines = wrap("世界税関機構の会合は、「開催」されました。" * 4, 20)

    assert all(columns(line) <= 20 for line in lines)
    assert not any(line[0] in "、。」" for line in lines)
    assert not any(line[-1] == "「" for line in lines)


def test_korean_is_broken_at_its_spaces() -> None:
    assert wrap("지역사무소가 브뤼셀에서 만났다", 16) == ["지역사무소가", "브뤼셀에서", "만났다"]


def test_thai_is_broken_at_its_spaces_and_never_within() -> None:
    said = "ผู้แทนจากทั้งหกภูมิภาคเข้าร่วมการประชุม ที่กรุงบรัสเซลส์"

    assert columns("ผู้แทน") == 4
    assert wrap(said, 20) == said.split()


@pytest.mark.parametrize(
    "html, said",
    [
        ('<div dir="rtl"><p>שלום WCO</p></div>', "שלום WCO"),
        ('<div dir="rtl"><p>WCO שלום</p></div>', "\u200fWCO שלום"),
        ('<div dir="rtl"><p>20–21 · בריסל</p></div>', "20–21 · בריסל"),
        ('<div dir="rtl"><p>20–21</p></div>', "\u200f20–21"),
        ('<p><bdi dir="rtl">שלום</bdi> in Brussels</p>', "\u200eשלום in Brussels"),
        ('<div dir="rtl"><p dir="ltr">In Brussels</p></div>', "In Brussels"),
        ('<div dir="rtl"><p>https://example.org/</p></div>', "https://example.org/"),
        ("<p>Brussels</p>", "Brussels"),
    ],
)
def test_a_line_has_a_mark_where_its_first_letter_tells_the_wrong_direction(
    html: str, said: str
) -> None:
    assert text(html) == said


def test_a_text_is_shortened_at_a_word() -> None:
    assert shortened("one two three", 9) == "one two…"
    assert shortened("one two", 9) == "one two"
    assert shortened("税関の会議報告会", 12) == "税関の会議…"


def test_words_alone_have_no_addresses() -> None:
    html = '<p>See <a href="https://e.org/x">this</a></p><p>now</p>'

    assert plaintext.words(html) == "See this now"


def unspaced(value: str) -> str:
    return re.sub(r"\s", "", value)
