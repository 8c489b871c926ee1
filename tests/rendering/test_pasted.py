"""What is pasted from office programs and web pages keeps what it says, and nothing else."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.rendering.markdown import to_html
from mailer.rendering.pasted import to_markdown_of

SAMPLES = Path(__file__).parent.parent / "samples" / "pasted"


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.html")), ids=lambda path: path.stem)
def test_a_paste_keeps_headings_lists_links_and_tables(sample: Path) -> None:
    made = to_markdown_of(sample.read_text(encoding="utf-8"))

    assert made == sample.with_suffix(".md").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize(
    "html, markdown",
    [
        ("just words & more", "just words & more"),
        ("", ""),
        ("<p style='mso-list:l0 level9 lfo1'>deep</p>", "- deep"),
        ("<b style='font-weight:normal'><b>bold</b> plain</b>", "**bold** plain"),
        ("<span style='font-weight:bogus'>x</span>", "x"),
        ("<a href='http://[broken'>x</a>", "x"),
        ("seen<!-- hidden <!-- and -->more<!-- without end", "seenmore"),
        ("<!--" * 100_000, ""),
        ("<!--StartFragment-->" * 50_000 + "x", "x"),
        ("before<!--StartFragment-->x", "x"),
        ("<div>" * 5000 + "x", "x"),
        ("<div role='heading' aria-level='2'>Part</div><p>x</p>", "# Part\n\nx"),
    ],
)
def test_odd_pastes(html: str, markdown: str) -> None:
    assert to_markdown_of(html) == markdown


PIECES = [
    *("<p style='mso-list:l0 level2 lfo1'>", "<span style='mso-list:Ignore'>1.</span>", "</p>"),
    *("<!--[if mso]>", "<![endif]-->", "<![if !vml]>", "<b style='font-weight:normal'>", "</b>"),
    *("<ul>", "<li>", "</ul>", "<table><tr><td>", "</table>", "<script>", "</script>", "<h2>"),
    *("<img src=x onerror=alert(1)>", "<a href='javascript:x'>", "<!--StartFragment-->", "</h2>"),
    *("<span style='font-weight:700'>", "</span>", "<style>", "<title>", "&lt;b&gt;", "words"),
    *("\ue0000\ue000", " "),
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_nothing_pasted_runs_and_nothing_breaks(html: str) -> None:
    made = to_html(to_markdown_of(html))

    assert not any(bad in made for bad in ("<script", "onerror=", 'href="javascript', "<img"))
