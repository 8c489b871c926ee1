"""HTML becomes the Markdown that means the same, and stays as it is when it goes round again."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from mailer.errors import TooLarge
from mailer.rendering.from_html import to_markdown
from mailer.rendering.markdown import to_html


def words(html: str) -> str:
    body = LexborHTMLParser(html).body
    return "".join((body.text() if body else "").split())


@pytest.mark.parametrize(
    "html, markdown",
    [
        ("<p>Two <b>bold </b>words</p>", "Two **bold** words"),
        ("<div>one<div>two</div>three</div>", "one\n\ntwo\n\nthree"),
        ("<h2>What # was decided</h2><p>x</p>", "## What # was decided\n\nx"),
        ("<h2><b>Bold</b> anyway</h2>", "## Bold anyway"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<ul><li>a</li><ul><li>b</li></ul></ul>", "- a\n  - b"),
        ("<ol start='3'><li>x</li></ol><ol><li>y</li></ol>", "3. x\n4. y"),
        ("<p>1. no list</p><p>- none</p><p># none</p>", "1\\. no list\n\n\\- none\n\n\\# none"),
        ("<p>a<br>b<br></p>", "a\\\nb"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<p>snake_case *star* `tick` [x] &amp;amp;</p>",
         "snake\\_case \\*star\\* \\`tick\\` \\[x\\] \\&amp;"),
        ('<a href="https://a.example/x(1)">here</a>', "[here](https://a.example/x%281%29)"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ("<p>Wow!<a href='https://a.example/'>x</a></p>", "Wow\\![x](https://a.example/)"),
        ("<p>と<b>「引用」</b>と</p>", "&#12392;**「引用」**&#12392;"),
        ("<table><tr><th>a</th><th>b|c</th></tr><tr><td>1</td></tr></table>",
         "| a | b\\|c |\n| --- | --- |\n| 1 |  |"),
        ("<table><tr><td><p>laid</p><p>out</p></td></tr></table>", "laid\n\nout"),
        ("<p>&nbsp;</p><p> </p>", ""),
        ("<script>alert(1)</script><style>p{}</style><p>x</p>", "x"),
        ("<p onclick='x()' style='color:red'>x</p>", "x"),
        ("<pre><code>a\n  ```\n</code></pre>", "````\na\n  ```\n````"),
    ],
)  # fmt: skip
def test_html_becomes_the_markdown_that_means_the_same(html: str, markdown: str) -> None:
    assert to_markdown(html) == markdown


@pytest.mark.parametrize(
    "html",
    [
        "<p>と<b>「引用」</b>と</p>",
        "<p>a<b><i>z</i></b>z and <i>snow</i>ball</p>",
        "<p>**not bold** &lt;b&gt; &amp;lt; \\* ~~~ | a | b |</p>",
        "<p>a<br>--- | ---<br>===</p>",
        "<p><code>a`b</code> <code>`</code> <b><code>c</code></b></p>",
    ],
)
def test_what_is_seen_is_the_same_afterwards(html: str) -> None:
    again = to_html(to_markdown(html), heading=1)

    assert words(again) == words(html)
    for tag in ("b", "i", "code"):
        found = {"b": "strong", "i": "em"}.get(tag, tag)
        before, after = LexborHTMLParser(html).css(tag), LexborHTMLParser(again).css(found)
        assert [one.text() for one in after] == [one.text() for one in before]


@pytest.mark.parametrize(
    "tag", ["div", "b", "span", "ul><li", "blockquote", "table><tr><td", "o:p"]
)
def test_what_nobody_nests_so_deep_is_read_as_words(tag: str) -> None:
    assert to_markdown(f"<{tag}>" * 3000 + "one &lt; <i>two</i>") == "one \\< two"


def test_many_paragraphs_without_an_end_are_not_nested() -> None:
    assert to_markdown("<p>a" * 300).count("a") == 300
    assert "**" in to_markdown("<p>a" * 300 + "<b>b")


def test_there_is_an_end_to_a_text() -> None:
    with pytest.raises(TooLarge):
        to_markdown("<p>word</p>" * 50_000)


TEXT = st.text(st.sampled_from("ab 1.)-+#*_`[]()<>&;!|~\\=:\n\t\u00a0と「」é\u2003"), max_size=12)
INLINE = st.recursive(
    TEXT.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;")),
    lambda inner: st.builds(
        lambda tag, some: f"<{tag}>{''.join(some)}</{tag.split()[0]}>",
        st.sampled_from(["b", "i", "em", "code", "span", "a href='https://a.example/'"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=5,
)
WORDS = st.lists(st.one_of(INLINE, st.just("<br>")), max_size=4).map("".join)
BLOCK = st.recursive(
    st.builds(
        lambda tag, inner: f"<{tag}>{inner}</{tag}>",
        st.sampled_from(["p", "div", "h1", "h3", "li", "pre"]),
        WORDS,
    )
    | WORDS
    | st.just("<hr>"),
    lambda inner: st.builds(
        lambda wrap, some: wrap[0] + "".join(some) + wrap[1],
        st.sampled_from(
            [
                ("<ul><li>", "</li></ul>"),
                ("<ol><li>", "</li></ol>"),
                ("<ul>", "</ul>"),
                ("<blockquote>", "</blockquote>"),
                ("<table><tr><td>", "</td><td>x</td></tr></table>"),
                ("<div>", "</div>"),
            ]
        ),
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(BLOCK, max_size=3).map("".join))
@example("<ul><li><p>a</p><p>b</p></li><li>c</li></ul><ul><li>d</li></ul>")
def test_whatever_goes_round_once_goes_round_for_ever(html: str) -> None:
    once = to_markdown(html)

    assert to_markdown(to_html(once, heading=1)) == once


@settings(max_examples=200, deadline=None)
@given(st.lists(BLOCK, max_size=3).map("".join))
def test_no_word_is_lost_or_added(html: str) -> None:
    assert words(to_html(to_markdown(html), heading=1)) == words(html)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_markdown_shows_the_same_after_the_rich_text(text: str) -> None:
    once = to_html(to_markdown(to_html(text, heading=1)), heading=1)

    assert to_html(to_markdown(once), heading=1) == once
