"""Every word of ours on a page goes through the catalogues: seen in a language nobody speaks."""

from collections.abc import Iterator

from babel import Locale
from sqlmodel import Session, select

from mailer.db.schema import DigestText, ListText, MailingList, Sender
from mailer.language import Languages
from tests import pseudo
from tests.web.conftest import Office, Street
from tests.web.test_looks import furnish, pages

AS_KEPT = ("digest", "digest-arabic", "person")
"""Pages that show words as they were: those of a mail that went out (tests/rendering/test_pseudo.py
looks at mails), and those that a reader agreed to.
"""

KIM = "kim@reader.example"


def test_no_word_of_a_page_is_untranslated(empty_street: Street) -> None:
    office = empty_street.office
    speak(office)
    furnish(office)
    shown = {name: path for name, path in pages(office).items() if name not in AS_KEPT}

    left = {name: words_left(office, office.get(asking(path)).text) for name, path in shown.items()}

    assert {name: {*words} for name, words in left.items() if words} == {}


def test_no_word_of_an_answer_is_untranslated(empty_street: Street) -> None:
    office = empty_street.office
    speak(office)
    furnish(office)
    lists_page = asking("/l/meetings")
    form = office.form(lists_page)

    answers = {
        "too quick": office.post(lists_page, {**form, "address": KIM, "action": "subscribe"}),
        "no address": office.press("subscribe", "", path=lists_page),
        "wrong address": office.press("subscribe", "kim at reader", path=lists_page),
        "a slip": office.press("subscribe", "kim@gmial.com", path=lists_page),
        "to leave": office.press("unsubscribe", KIM, path=lists_page),
        "asked": office.press("subscribe", KIM, path=lists_page),
    }
    office.answer()
    answers["confirmed"] = office.post(asking(office.confirm_path(KIM)))
    answers["left"] = office.post(asking(office.leave_path(KIM)))
    answers["back"] = office.post(asking(office.undo_path(answers["left"].text)))
    answers["refused"] = office.post(asking(office.refuse_path(KIM)))
    answers["no form"] = office.post(asking("/l/meetings"), {"action": "nothing"})
    answers["too long"] = office.post(lists_page, {"address": "x" * 100_000})

    left = {name: words_left(office, answer.text) for name, answer in answers.items()}
    assert {name: words for name, words in left.items() if words} == {}


def speak(office: Office) -> None:
    """Let the office speak the language nobody speaks, under the code of Thai."""
    office.app.languages = Languages({**office.app.languages, "th": pseudo.language()})


def asking(path: str) -> str:
    plain = path.partition("?lang=")[0]
    return f"{plain}{'&' if '?' in plain else '?'}lang=th"


def words_left(office: Office, page: str) -> list[str]:
    known = [*office.app.database.read(_content, office)]
    return [word for text in pseudo.shown(page) for word in pseudo.untranslated(text, known)]


def _content(session: Session, office: Office) -> list[str]:
    return [text for text in _texts(session, office) if text]


def _texts(session: Session, office: Office) -> Iterator[str]:
    """Give what owner and editors wrote, and the names of languages, which are never translated."""
    for words in session.exec(select(ListText)):
        yield from (words.name, words.description)
    for text in session.exec(select(DigestText)):
        yield from (text.subject, text.introduction)
    yield from (found.slug for found in session.exec(select(MailingList)))
    yield from (sender.name for sender in session.exec(select(Sender)))
    organisation = office.app.settings.organisation
    yield organisation.name
    yield from organisation.postal_address.splitlines()
    yield from (partner.name for partner in organisation.partners)
    yield from (office.app.languages.of(code).native_name for code in office.app.languages)
    yield from (Locale("th").languages.get(code, "") for code in office.app.languages)
