"""Templates run in a sandbox; a wrong one says file, line and what is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mailer.errors import TemplateInvalid
from mailer.language import Languages, languages
from mailer.rendering import Kind, Templates
from mailer.rendering.environment import LARGEST_OUTPUT
from mailer.rendering.holes import Recipient

Render = Callable[..., str]


@pytest.fixture(scope="module")
def spoken() -> Languages:
    return languages()


@pytest.fixture
def render(tmp_path: Path, spoken: Languages) -> Render:
    def rendered(
        source: str, name: str = "page.html", language: str = "en", **values: object
    ) -> str:
        (tmp_path / name).write_text(source, encoding="utf-8")
        values.setdefault("recipient", Recipient(Kind.DIGEST, "f" * 24))
        return Templates([tmp_path], spoken).render(name, spoken[language], values)

    return rendered


# ---------------------------------------------------------------------- what they may do


def test_values_are_escaped_in_html_and_plain_in_text(render: Render) -> None:
    assert render("{{ a }}", a="<b>&") == "&lt;b&gt;&amp;"
    assert render("{{ a }}", name="page.txt", a="<b>&") == "<b>&"


def test_texts_are_said_in_the_language_and_values_in_them_are_escaped(render: Render) -> None:
    for source in (
        '{{ _("Leave %(list)s", list=a) }}',
        "{% trans list=a %}Leave {{ list }}{% endtrans %}",
    ):
        assert render(source, language="ja", a="<A>") == "「&lt;A&gt;」の配信停止"


def test_plurals_take_the_form_of_their_count(render: Render) -> None:
    source = (
        '{{ ngettext("The link works for one day.", "The link works for %(num)s days.", count) }}'
    )

    assert render(source, count=1) == "The link works for one day."
    assert render(source, count=3) == "The link works for 3 days."


def test_markdown_is_a_filter_and_its_html_is_markup(render: Render) -> None:
    assert render("{{ a|markdown }}", a="*x* <b>") == "<p><em>x</em> &lt;b&gt;</p>\n"
    assert render("{{ a|preview(12) }}", a="One *two* [three](https://e.org) four") == "One two…"


def test_a_hole_can_be_printed_and_put_in_a_sentence(render: Render) -> None:
    marker = f"hole-{'f' * 24}-name-hole"

    for name in ("page.html", "page.txt"):
        assert render("{{ recipient.name }}", name=name) == marker
        assert render('{{ _("Leave %(list)s", list=recipient.name) }}', name=name) == (
            f"Leave {marker}"
        )


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "source, said",
    [
        ("{% if recipient.name %}x{% endif %}", "not asked in a condition"),
        ("{{ recipient.name|upper }}", "not changed by a filter"),
        ("{{ recipient.name == 'Kim' }}", "not compared"),
        ("{{ {recipient.name: 1} }}", "not looked up"),
        ("{{ recipient.name|truncate(5) }}", "'Hole' has no len"),
        ("{% for x in recipient.name %}{% endfor %}", "not iterable"),
        ("{{ recipient.confirm_url }}", "a digest message has no recipient.confirm_url"),
        ("{{ nothing }}", "'nothing' is undefined"),
        ("{{ ''.__class__ }}", "not allowed in a template"),
        ("{{ [].append(1) }}", "not allowed in a template"),
        ("{{ 'x' * 1000000000 }}", "not allowed in a template"),
        ("{{ 1000000000 * 'x' }}", "not allowed in a template"),
        ("{{ 9 ** 99999999 }}", "not allowed in a template"),
        ("{{ 'x'.center(1000000000) }}", "not allowed in a template"),
        ("{% for i in range(100000) %}{% endfor %}", "range() of more than 1,000 numbers"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% if %}", "Expected an expression"),
        ("{{ x|safe }}", "No filter named 'safe'"),
        ("{% include 'nowhere.html' %}", "there is no template “nowhere.html”"),
        ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "calls itself without end"),
    ],
)
def test_a_wrong_template_says_file_line_and_what(
    render: Render, tmp_path: Path, source: str, said: str
) -> None:
    with pytest.raises(TemplateInvalid) as caught:
        render(f"\n\n{source}")

    assert str(caught.value).startswith(f"{tmp_path}/page.html:3: ")
    assert said in str(caught.value)


def test_a_mistake_in_a_part_is_found_in_the_part(render: Render, tmp_path: Path) -> None:
    (tmp_path / "part.html").write_text("\n{{ missing }}")

    with pytest.raises(TemplateInvalid, match=r"part\.html:2: 'missing' is undefined"):
        render("{% include 'part.html' %}")


def test_a_template_that_gives_too_much_is_stopped(render: Render) -> None:
    source = "{% for a in range(1000) %}{% for b in range(1000) %}words {% endfor %}{% endfor %}"

    with pytest.raises(TemplateInvalid, match=f"more than {LARGEST_OUTPUT:,} characters"):
        render(source)


def test_a_template_that_is_not_there_names_where_it_was_looked_for(
    tmp_path: Path, spoken: Languages
) -> None:
    with pytest.raises(TemplateInvalid, match=r"mail/none/body\.html: there is no such template"):
        Templates([tmp_path], spoken).render("mail/none/body.html", spoken["en"], {})


def test_no_template_reaches_out_of_its_folder(render: Render) -> None:
    with pytest.raises(TemplateInvalid, match="there is no template"):
        render("{% include '../../etc/hostname' %}")


# ---------------------------------------------------------------------- where they are found


def test_an_owners_file_goes_before_ours_and_may_extend_it(
    tmp_path: Path, spoken: Languages
) -> None:
    own, ours = tmp_path / "own", tmp_path / "ours"
    for folder in (own, ours):
        folder.mkdir()
    (ours / "a.html").write_text("<p>{% block words %}ours{% endblock %}</p>")
    (own / "a.html").write_text(
        "{% extends 'original/a.html' %}{% block words %}own and {{ super() }}{% endblock %}"
    )

    assert Templates([own, ours], spoken).render("a.html", spoken["en"], {}) == (
        "<p>own and ours</p>"
    )


def test_the_sources_of_a_template_are_all_that_it_draws_on(
    tmp_path: Path, spoken: Languages
) -> None:
    (tmp_path / "a.html").write_text("{% extends 'b.html' %}")
    (tmp_path / "b.html").write_text("{% import 'c.html' as c %}{% include 'b.css' %}")
    (tmp_path / "c.html").write_text("{% macro m() %}{% endmacro %}")
    (tmp_path / "b.css").write_text("p {}")

    found = dict(Templates([tmp_path], spoken).sources("a.html"))

    assert sorted(found) == ["a.html", "b.css", "b.html", "c.html"]


def test_a_part_must_be_named_by_its_name(tmp_path: Path, spoken: Languages) -> None:
    (tmp_path / "a.html").write_text("{% include part %}")

    with pytest.raises(TemplateInvalid, match="write its name out"):
        list(Templates([tmp_path], spoken).sources("a.html"))
