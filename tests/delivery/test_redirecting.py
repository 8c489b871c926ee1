"""With `redirect_all_to` every message goes to one address, and no reader gets anything."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from mailer.db.schema import DeliveryKind, DigestState, Suppression
from mailer.delivery.redirecting import AT_MOST
from tests.installation import Installation, readers
from tests.smtp_server import SmtpServer

ME = "me@example.org"
KIM, LEE = "kim@example.org", "lee@example.org"


def redirected(office: Installation) -> None:
    office.reopen(delivery={"redirect_all_to": ME})


def messages(relay: SmtpServer) -> list[EmailMessage]:
    found = [message_from_bytes(taken.content, policy=policy.default) for taken in relay.messages]
    assert all(isinstance(one, EmailMessage) for one in found)
    return found


def test_a_copy_says_for_whom_it_was_and_its_links_act_on_nobody(
    office: Installation, relay: SmtpServer
) -> None:
    redirected(office)
    office.subscribers(KIM, name="Kim")
    office.queued("The laboratories meet")

    office.work()

    [copy] = messages(relay)
    assert relay.taken == {ME: 1}
    assert copy["Subject"] == "[for k…@example.org] The laboratories meet"
    assert copy["To"].addresses[0].addr_spec == ME
    assert copy["List-Unsubscribe-Post"] is None
    for kind in ("plain", "html"):
        body = copy.get_body((kind,))
        assert body is not None
        text = body.get_content()
        assert text.index("k…@example.org") < text.index("What the meetings came to")
        assert "me@example.org" not in text  # nobody of that name is subscribed
        assert "who got nothing" in text.replace("\n", " ")
        assert not any(f"example.org/{first}/" in text for first in ("u", "c", "n", "p"))


@pytest.mark.parametrize(
    "language, subject, title",
    [
        ("fr", "[pour k…@example.org] The laboratories meet", "Une copie redirigée."),
        ("ja", "[k…@example.org 宛て] The laboratories meet", "転送されたコピーです。"),
    ],
)
def test_a_copy_speaks_the_language_of_the_office(
    office: Installation, relay: SmtpServer, language: str, subject: str, title: str
) -> None:
    office.reopen(organisation={"language": language})
    redirected(office)
    office.subscribers(KIM, name="Kim")
    office.queued("The laboratories meet")

    office.work()

    [copy] = messages(relay)
    assert copy["Subject"] == subject
    plain, html = (copy.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert plain.get_content().startswith(f"=== {title} ===")
    assert f'<div role="note" lang="{language}" dir="ltr"' in html.get_content()
    assert "<strong>k…@example.org</strong>" in html.get_content()


def test_the_account_says_that_the_reader_got_nothing(
    office: Installation, relay: SmtpServer
) -> None:
    redirected(office)
    office.subscribers(KIM)
    digest = office.queued()

    office.work()

    row = office.row(KIM, digest)
    assert (row.state, row.reply_code) == ("withdrawn", 250)
    assert row.reason == "redirected to m…@example.org: the reader got nothing"
    assert (office.sums(digest).withdrawn, office.sums(digest).sent) == (1, 0)
    assert office.digest(digest).state is DigestState.SENT


def test_a_few_copies_of_a_digest_are_enough_and_all_readers_are_accounted_for(
    office: Installation, relay: SmtpServer
) -> None:
    redirected(office)
    office.subscribers(*readers(AT_MOST + 30))
    digest = office.queued()

    office.work()

    assert relay.taken == {ME: AT_MOST}
    assert office.sums(digest).withdrawn == AT_MOST + 30
    why = [row.reason.partition(":")[0] for row in office.rows(digest)]
    assert why.count("not mailed to anybody") == 30


def test_letters_are_redirected_too(office: Installation, relay: SmtpServer) -> None:
    redirected(office)
    office.subscribers(KIM)
    office.letter(KIM, DeliveryKind.WELCOME)

    office.work()

    assert relay.taken == {ME: 1}
    assert office.row(KIM).state == "withdrawn"


def test_a_relay_that_refuses_the_copy_says_nothing_about_the_reader(
    office: Installation, relay: SmtpServer
) -> None:
    redirected(office)
    office.subscribers(KIM)
    relay.answer("rcpt", "550 5.1.1 no such mailbox")
    digest = office.queued()

    office.work()

    assert office.row(KIM, digest).state == "failed"
    assert office.count(Suppression) == 0


def test_when_it_is_taken_away_readers_get_their_mail(
    office: Installation, relay: SmtpServer
) -> None:
    redirected(office)
    office.subscribers(LEE)
    office.queued("A try")
    office.work()

    office.reopen(delivery={"redirect_all_to": ""})
    office.queued("In earnest")
    office.work()

    assert relay.taken == {ME: 1, LEE: 1}
