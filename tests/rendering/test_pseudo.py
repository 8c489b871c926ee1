"""Every word of ours in a mail goes through the catalogues: seen in a language nobody speaks."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailer.language import Languages, languages
from mailer.rendering import (
    DigestContent,
    DocumentCard,
    House,
    Kind,
    ListCard,
    Partner,
    Prepared,
    SenderCard,
    Values,
    layouts,
    render_digest,
    render_letter,
)
from mailer.rendering.content import LetterContent, Notice
from tests import pseudo
from tests.rendering.sample import LIST, PICTURE, VALUES, templates
from tests.rendering.scripts import THAI, THAI_ITEM

SPOKEN = Languages({**languages(), "th": pseudo.language()})
OURS = templates(spoken=SPOKEN)

THAI_LIST: ListCard = replace(THAI.mailing_list, description="รายงานการประชุมของภูมิภาค")
SENDER = SenderCard("สำนักงานภูมิภาค", "news@office.example.org", postal_address="กรุงเทพฯ ๑๐๑๑๐")
HOUSE = House("สำนักงานภูมิภาค", "desk@office.example.org", (Partner("ศูนย์", "https://x.example/"),))
AHEAD = replace(
    THAI_ITEM,
    starts=datetime(2023, 4, 17, 2, 0, tzinfo=UTC),
    ends=datetime(2023, 4, 17, 4, 0, tzinfo=UTC),
    timezone="Asia/Bangkok",
    calendar_url="https://office.example.org/e/1AbCdEf.ics",
    picture=replace(PICTURE, alt="ห้องประชุม", caption="ผู้แทน", credit="ภาพ"),
    documents=(DocumentCard("วาระ", "https://office.example.org/m/a.pdf", "PDF", 340_400),),
)
DIGEST: DigestContent = replace(
    THAI,
    mailing_list=THAI_LIST,
    sender=SENDER,
    house=HOUSE,
    sections=tuple(replace(section, items=(THAI_ITEM, AHEAD) * 3) for section in THAI.sections),
    coming_up=(AHEAD,),
)
INTERNATIONAL = ("UTC", "PDF", "kB")
READER: Values = replace(VALUES, name="นิรันดร์ สุขใส")


def letter(kind: Kind) -> LetterContent:
    about = None if kind.is_of_office else THAI_LIST
    notice = Notice("เส้นทางหยุด", ("รอคุณอยู่",), "" if kind is Kind.NOTICE else "เปิด")
    return LetterContent(kind, SENDER, HOUSE, "th", about, note="ยินดีต้อนรับ", notice=notice)


def words_left(prepared: Prepared) -> list[str]:
    filled = prepared.fill(READER)
    said = [filled.subject, filled.text, *pseudo.shown(filled.html)]
    return [word for text in said for word in pseudo.untranslated(text, INTERNATIONAL)]


@pytest.mark.parametrize("layout", layouts(OURS))
def test_no_word_of_a_layout_is_untranslated(layout: str) -> None:
    edition = render_digest(OURS, replace(DIGEST, layout=layout))

    assert words_left(Prepared.of(edition, SPOKEN["th"])) == []


@pytest.mark.parametrize("kind", [kind for kind in Kind if not kind.is_digest])
def test_no_word_of_a_letter_is_untranslated(kind: Kind) -> None:
    edition = render_letter(OURS, letter(kind))

    assert words_left(Prepared.of(edition, SPOKEN["th"])) == []


def test_the_word_before_the_subject_of_a_test_is_translated() -> None:
    edition = render_digest(OURS, DIGEST, kind=Kind.TEST)

    assert pseudo.untranslated(edition.subject, []) == []
    assert edition.subject != DIGEST.subject


def test_an_untranslated_word_is_found_wherever_it_stands() -> None:
    ours = pseudo.accented('Leave <a href="%(url)s">now</a>')
    page = f'<title>One</title><p title="Two">{ours} {LIST.name} Three</p><img alt="Four">'

    found = [word for text in pseudo.shown(page) for word in pseudo.untranslated(text, [LIST.name])]

    assert sorted(found) == ["Four", "One", "Three", "Two"]
