"""What the administrator of a reader's mail system is told, and what not."""

from mailer.db.schema import Visibility
from tests.web.conftest import Open, seen


def test_a_mail_administrator_learns_by_what_our_mail_is_known(open_office: Open) -> None:
    smtp = {
        "envelope": "signed",
        "return_path_domain": "bounce.example.org",
        "sends_from": ["192.0.2.0/24"],
        "dkim_domain": "example.org",
    }
    office = open_office(smtp=smtp, web={"base_url": "https://news.example.org/"})
    office.add_list()
    office.add_list("inner", "Inner circle", visibility=Visibility.PRIVATE)

    shown = office.get("/administrators")

    page = seen(shown)
    for words in (
        "…@bounce.example.org",
        "192.0.2.0/24",
        "example.org",
        "<meetings.",
        "news.example.org",
        "office@office.example",
    ):
        assert words in page
    assert "inner" not in page.lower()
    assert 'href="/administrators"' in office.get("/").text


def test_what_is_not_known_is_not_guessed(open_office: Open) -> None:
    office = open_office()
    office.add_list()

    page = seen(office.get("/administrators"))

    assert "Signed by DKIM" not in page
    assert "SPF record says" in page
