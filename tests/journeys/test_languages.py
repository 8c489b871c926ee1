"""A letter from the office in the reader's own language, with news in others, by mail and web."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.journeys.serving import serving
from tests.smtp_server import SmtpServer, Taken

ITEM = "---\ntitle: The laboratories meet\nstarts: 2027-03-01\nplace: Suva\n---\nTwo days.\n"
IN_THAI = (
    "---\ntitle: การประชุมห้องปฏิบัติการ\nstarts: 2027-03-01\nplace: ซูวา\nlanguage: th\n---\nสองวัน\n"
)
IN_ARABIC = (
    "---\ntitle: الاجتماع السنوي\nstarts: 2027-04-05\nplace: جدة\nlanguage: ar\n---\n"
    "التقى المندوبون.\n"
)
READERS = {"kim": "en", "marie": "fr", "niran": "th"}


@pytest.mark.timeout(300)
def test_each_reader_gets_a_letter_in_their_language(
    tmp_path: Path, copied_database_url: str
) -> None:
    # Given a list in three languages that writes letters, and a reader of each
    with (
        SmtpServer() as server,
        serving(tmp_path, copied_database_url, server.port) as (office, web),
    ):
        listed = ("list", "edit", "meetings")
        office.run(*listed, "--languages", "fr,th", "--layout", "letterhead")
        office.run(*listed, "--in", "th", "--name", "ข่าวการประชุม")
        for name, language in READERS.items():
            who = ("meetings", f"{name}@example.org", "--name", name.title())
            known = ("--language", language, "--confirmed", "--basis", "x")
            office.run("subscriber", "add", *who, *known)

        # When an item in English and Thai and one in Arabic go out in a digest
        english = office.run("item", "add", office.file("en.md", ITEM)).strip()
        office.run("item", "add", office.file("th.md", IN_THAI), "--translates", english)
        arabic = office.run("item", "add", office.file("ar.md", IN_ARABIC)).strip()
        chosen = ("--item", english, "--item", arabic)
        words = office.file("words.md", "We met in Suva.")
        drafted = ("digest", "draft", "meetings", "--subject", "March", "--introduction", words)
        made = office.run(*drafted, *chosen).strip()
        office.run("digest", "text", made, "--language", "th", "--subject", "ข่าวเดือนมีนาคม")
        office.run("digest", "preview", made, "--as", "niran@example.org", "--out", tmp_path / "p")
        office.run("digest", "queue", made)
        server.wait_for(3, seconds=60)
        mails = {str(mail["To"]): mail for mail in map(_mail, server.messages)}
        kim, marie, niran = (_of(mails, name) for name in READERS)

        # Then each is a letter that greets by name, in the reader's language as far as it goes
        assert "Dear Kim,\n\nWe met in Suva." in _text(kim)
        assert "With kind regards," in _text(kim)
        assert "Bonjour Marie,\n\nWe met in Suva." in _text(marie)
        assert "1er mars 2027 · Suva" in _text(marie)
        assert "Me désabonner de cette liste" in _text(marie)
        assert (niran["Subject"], niran["Content-Language"]) == ("ข่าวเดือนมีนาคม", "th")
        assert "การประชุมห้องปฏิบัติการ\n1 มีนาคม" in _text(niran)
        assert (tmp_path / "p" / "subject.txt").read_text("utf-8") == "ข่าวเดือนมีนาคม\n"

        # And whatever is in another language than the letter says so, for those who have it read
        assert _spoken(marie, "We met in Suva.") == ("en", "ltr")
        assert _spoken(marie, "Bonjour Marie,") == ("fr", "ltr")
        assert _spoken(niran, "Dear Niran,") == ("en", "ltr")
        for mail, dates in ((kim, "5 April 2027"), (marie, "5 avril 2027")):
            assert _spoken(mail, "التقى المندوبون.") == ("ar", "rtl")
            assert _spoken(mail, dates) == (mail["Content-Language"], "ltr")

        # And so does the page of the digest, where the next one may look otherwise
        page = web.get("/news/l/meetings/1?lang=th").text
        assert "ข่าวการประชุม" in page
        assert [node.attributes["dir"] for node in LexborHTMLParser(page).css("td[lang=ar]")] == [
            "rtl"
        ]
        assert "Dear reader," in page
        other = office.run(*drafted, *chosen, "--layout", "digest").strip()
        assert office.json("digest", "show", other)["template"] == "digest"
        assert office.json("digest", "show", made)["template"] == "letterhead"


def _mail(message: Taken) -> EmailMessage:
    found = message_from_bytes(message.content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def _of(mails: dict[str, EmailMessage], name: str) -> EmailMessage:
    [found] = [mail for to, mail in mails.items() if f"{name}@" in to]
    return found


def _text(mail: EmailMessage) -> str:
    return _part(mail, "plain").replace("\r\n", "\n")


def _part(mail: EmailMessage, subtype: str) -> str:
    body = mail.get_body((subtype,))
    assert body is not None
    return str(body.get_content())


def _spoken(mail: EmailMessage, words: str) -> tuple[str | None, str | None] | None:
    """Give language and direction of the innermost element with these words; None without any."""
    tree = LexborHTMLParser(_part(mail, "html"))
    holding = [node for node in tree.css("[role=article] *") if words in node.text()]
    if not holding:
        return None
    node: LexborNode | None = min(holding, key=lambda found: len(found.text()))
    while node is not None and "lang" not in node.attributes:
        node = node.parent
    return None if node is None else (node.attributes["lang"], node.attributes.get("dir"))
