"""What an editor sees before anything goes: previews and tests, the same as what is sent."""

import pytest

from mailer import delivery, subscribers
from mailer.address import parse
from mailer.db.schema import Edition, SuppressionReason
from mailer.delivery import Preview
from mailer.errors import NotFound, Refused
from tests.delivery.mails import read
from tests.installation import LATE, Installation
from tests.smtp_server import SmtpServer

KIM = "kim@example.org"


def preview(office: Installation, digest: int, address: str | None) -> Preview:
    with office.app.database.reading() as session:
        return delivery.preview(session, office.app.press, digest, address, now=office.clock.now())


def test_a_preview_is_what_the_subscriber_gets(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(KIM, name="Kim")
    digest = office.draft("The laboratories meet")
    seen = preview(office, digest, KIM)

    office.queue(digest)
    office.work()

    got = read(relay.messages[0])
    assert seen.subject == got["Subject"]
    for kind, text in (("plain", seen.text), ("html", seen.html)):
        part = got.get_body((kind,))
        assert part is not None
        assert part.get_content().splitlines() == text.splitlines()


def test_a_preview_for_nobody_keeps_nothing(office: Installation) -> None:
    digest = office.draft("The laboratories meet")

    seen = preview(office, digest, None)

    assert b"To: reader@example.org" in seen.raw
    assert office.count(Edition) == 0


def test_a_preview_speaks_the_language_of_its_subscriber(office: Installation) -> None:
    tax = office.a_list("tax", languages=("ja",))
    office.subscribers("sato@example.jp", list_id=tax, language="ja")

    seen = preview(office, office.draft(slug="tax"), "sato@example.jp")

    assert b"Content-Language: ja" in seen.raw


def test_a_preview_for_a_stranger_is_refused(office: Installation) -> None:
    with pytest.raises(NotFound):
        preview(office, office.draft(), "nobody@example.org")


def test_no_test_letter_goes_where_no_mail_may_go(office: Installation) -> None:
    digest, now = office.draft(), office.clock.now()
    office.app.database.write(subscribers.suppress, KIM, SuppressionReason.REQUEST, now=now)

    with pytest.raises(Refused, match="must not be mailed"):
        office.app.database.write(delivery.post_test, office.app.press, digest, parse(KIM), now=now)

    assert office.rows() == []


def test_a_warning_comes_back_with_the_queueing(office: Installation) -> None:
    office.reopen(organisation={"postal_address": ""})
    digest, press, now = office.draft(), office.app.press, office.clock.now()

    warnings = office.app.database.write(
        delivery.queue_digest, press, digest, None, late=LATE, now=now
    )

    assert warnings == ("en: the sender has no postal address, which most countries ask for",)
