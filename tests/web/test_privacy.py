"""The privacy notice: made from the settings, linked under the box, its version kept."""

from mailer import facts
from tests.web.conftest import Office, Open, seen

KIM = "kim@reader.example"


def test_the_notice_says_who_why_how_long_and_whom_to_ask(open_office: Open) -> None:
    office = open_office(retention={"unconfirmed_days": 14, "evidence_days": 730})

    shown = office.get("/privacy")
    page = seen(shown)

    assert "&lt;" not in shown.text

    for words in (
        "Regional Office for Capacity Building",
        "12 Harbour Street",
        "office@office.example",
        "to send you what you asked for",
        "never confirmed: 14 days",
        "after you left: 2 years",
    ):
        assert words in page


def test_it_is_linked_under_the_box_in_the_language_of_the_page(office: Office) -> None:
    assert 'href="/privacy"' in office.get("/l/meetings").text
    assert 'href="/privacy?lang=fr"' in office.get("/l/meetings?lang=fr").text
    assert "Vos données" in seen(office.get("/privacy?lang=fr"))
    assert "http://127.0.0.1:8080/privacy" in office.get("/l/meetings/box").text


def test_a_consent_keeps_the_version_and_the_words_are_kept_once(office: Office) -> None:
    for path in ("/l/meetings", "/l/meetings", "/l/meetings?lang=ja"):
        office.press("subscribe", KIM, path=path)

    versions = [ask.evidence["privacy_version"] for ask in office.asks()]
    assert versions[0] == versions[1] != versions[2]
    with office.app.database.reading() as session:
        kept = facts.named(session, "privacy:")
    assert {fact.name for fact in kept} == {f"privacy:{version}" for version in versions}
    assert {fact.value["language"] for fact in kept} == {"en", "ja"}
    assert f"Version {versions[0]}" in seen(office.get("/privacy"))


def test_another_term_is_another_version(open_office: Open) -> None:
    first, second = open_office(), open_office(retention={"unconfirmed_days": 7})

    assert first.get("/privacy").text != second.get("/privacy").text


def test_an_owners_own_notice_is_linked_in_place_of_ours(open_office: Open) -> None:
    from tests.web.conftest import ORGANISATION

    own = "https://office.example/data"
    office = open_office(organisation={**ORGANISATION, "privacy_url": own})
    office.add_list()

    assert f'href="{own}"' in office.get("/l/meetings").text
    office.press("subscribe", KIM)
    [ask] = office.asks()
    assert ask.evidence["privacy_notice"] == own
