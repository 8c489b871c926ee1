"""A message's bytes, looked at raw: one of each header, seven-bit, the same on every try."""

import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.errors import AddressInvalid, HeaderInvalid
from mailer.rendering import (
    DigestContent,
    Edition,
    Kind,
    Plate,
    render_digest,
    render_letter,
)
from tests import outside
from tests.rendering.sample import (
    ARABIC,
    DIGEST,
    JAPANESE,
    LIST,
    SENDER,
    VALUES,
    head,
    identity,
    letter,
    templates,
)

OURS = templates()
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")
LIST_FIELDS = ("List-Id", "List-Help", "List-Owner", "List-Unsubscribe", "List-Post")


def plate(content: DigestContent = DIGEST, **of_head: object) -> Plate:
    edition = render_digest(OURS, content)
    return Plate.of(edition, OURS.languages.of(content.language), head(**of_head))


def letter_plate(kind: Kind, **of_head: object) -> Plate:
    return Plate.of(render_letter(OURS, letter(kind)), OURS.languages["en"], head(**of_head))


PLATE = plate()


def head_of(raw: bytes) -> str:
    return raw.partition(b"\r\n\r\n")[0].decode() + "\r\n"


def fields_of(raw: bytes) -> dict[str, list[str]]:
    """Give the fields as they stand, unfolded, by name."""
    found: dict[str, list[str]] = {}
    for row in head_of(raw).replace("\r\n ", " ").split("\r\n")[:-1]:
        name, _, value = row.partition(": ")
        found.setdefault(name, []).append(value)
    return found


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def parts_of(raw: bytes) -> list[tuple[str, str]]:
    """Give type and decoded text of the parts, in order."""
    parts = parsed(raw).iter_parts()
    return [(part.get_content_type(), part.get_content()) for part in parts]


# ---------------------------------------------------------------------- form


@pytest.mark.parametrize("content", [DIGEST, JAPANESE, ARABIC], ids=["en", "ja", "ar"])
def test_every_field_that_must_stand_once_stands_once(content: DigestContent) -> None:
    fields = fields_of(plate(content).compose(VALUES, identity()))

    assert {name: len(fields[name]) for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert all(len(values) == 1 for values in fields.values())


@pytest.mark.parametrize("content", [DIGEST, JAPANESE, ARABIC], ids=["en", "ja", "ar"])
def test_a_message_is_seven_bit_in_lines_of_network_length(content: DigestContent) -> None:
    raw = plate(content).compose(VALUES, identity())

    assert raw.isascii()
    assert not set(raw.replace(b"\r\n", b"")) & set(b"\r\n\0")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    body = raw.partition(b"\r\n\r\n")[2]
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    assert raw.endswith(b"--\r\n")


@pytest.mark.parametrize("content", [DIGEST, JAPANESE, ARABIC], ids=["en", "ja", "ar"])
def test_the_plain_part_comes_first_and_both_come_back(content: DigestContent) -> None:
    made = plate(content)

    parts = parts_of(made.compose(VALUES, identity()))

    filled = made.fill(VALUES)
    assert [kind for kind, _ in parts] == ["text/plain", "text/html"]
    assert [text.split() for _, text in parts] == [filled.text.split(), filled.html.split()]


def test_the_shorter_encoding_is_taken_by_the_script() -> None:
    for content, encoding in ((DIGEST, "quoted-printable"), (JAPANESE, "base64")):
        raw = plate(content).compose(VALUES, identity())
        text = next(iter(parsed(raw).iter_parts()))
        assert text["Content-Transfer-Encoding"] == encoding


def test_the_language_of_the_message_is_that_of_the_page() -> None:
    fields = fields_of(plate(JAPANESE).compose(VALUES, identity()))

    assert fields["Content-Language"] == ["ja"]


# ---------------------------------------------------------------------- the same on every try


def test_a_second_try_has_the_same_bytes() -> None:
    assert PLATE.compose(VALUES, identity()) == plate().compose(VALUES, identity())


def test_another_edition_has_another_boundary() -> None:
    first, second, again = (
        parsed(one.compose(VALUES, identity())).get_boundary()
        for one in (PLATE, plate(replace(DIGEST, number=13)), plate())
    )

    assert first == again
    assert first != second
    assert len(first or "") <= 70


def test_an_edition_from_the_table_gives_the_same_bytes() -> None:
    stored = render_digest(OURS, DIGEST).stored()

    again = Plate.of(Edition.load(stored), PLATE.prepared.language, PLATE.head)

    assert again.compose(VALUES, identity()) == PLATE.compose(VALUES, identity())


def test_the_date_is_the_delivery_s_own_in_universal_time() -> None:
    tokyo = timezone(timedelta(hours=9))

    raw = PLATE.compose(VALUES, identity(date=datetime(2023, 2, 24, 18, 0, tzinfo=tokyo)))

    assert fields_of(raw)["Date"] == ["Fri, 24 Feb 2023 09:00:00 +0000"]
    assert parsedate_to_datetime(fields_of(raw)["Date"][0]) == datetime(2023, 2, 24, 9, tzinfo=UTC)


# ---------------------------------------------------------------------- who writes to whom


def test_from_to_and_reply_to_are_one_mailbox_each() -> None:
    message = parsed(PLATE.compose(VALUES, identity()))

    assert str(message["From"]) == "ROCB Asia/Pacific <news@office.example.org>"
    assert str(message["To"]) == "Kim Lee <kim.lee@example.net>"
    assert str(message["Reply-To"]) == "ROCB Asia/Pacific <desk@office.example.org>"


def test_a_sender_who_reads_their_own_mail_has_no_reply_to() -> None:
    sender = replace(SENDER, reply_to=SENDER.address)

    assert "Reply-To" not in fields_of(plate(sender=sender).compose(VALUES, identity()))


def test_a_domain_of_any_script_goes_as_an_a_label() -> None:
    values = replace(VALUES, address="kim@税関.example.net", name="")

    assert fields_of(PLATE.compose(values, identity()))["To"] == ["kim@xn--dozu87c.example.net"]


def test_an_address_beyond_ascii_makes_a_message_of_rfc_6532() -> None:
    raw = PLATE.compose(replace(VALUES, address="büro@example.net"), identity())

    assert "büro@example.net".encode() in raw
    assert raw.partition(b"\r\n\r\n")[2].isascii()


def test_a_confirmation_never_says_the_name_that_was_typed() -> None:
    values = replace(VALUES, name="Buy now at example.com")

    raw = letter_plate(Kind.CONFIRMATION).compose(values, identity())

    assert fields_of(raw)["To"] == ["kim.lee@example.net"]
    assert "Buy now" not in raw.decode() + "".join(text for _, text in parts_of(raw))


@pytest.mark.parametrize("address", ["", "kim", "a@example.org,b@example.org", "a b@example.org"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(AddressInvalid):
        PLATE.compose(replace(VALUES, address=address), identity())


# ---------------------------------------------------------------------- lists


def test_a_digest_has_the_headers_of_a_list() -> None:
    fields = fields_of(PLATE.compose(VALUES, identity()))

    assert fields["List-Id"] == ["Meeting News <meetings.lists.office.example.org>"]
    assert fields["List-Post"] == ["NO"]
    assert fields["List-Archive"] == [f"<{LIST.archive_url}>"]
    assert fields["List-Owner"] == ["<mailto:desk@office.example.org>"]
    assert fields["List-Help"] == [f"<{LIST.page_url}>"]
    assert fields["Archived-At"] == [f"<{DIGEST.view_url}>"]
    assert fields["Precedence"] == ["bulk"]
    assert "Auto-Submitted" not in fields


@pytest.mark.parametrize("length", [20, 40, 80, 115, 160, 200])
def test_the_link_to_leave_stands_in_the_header_whole_and_unencoded(length: int) -> None:
    link = "https://office.example.org/u/" + "t" * length

    raw = PLATE.compose(replace(VALUES, leave_url=link), identity())

    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


def test_one_click_is_only_offered_where_it_can_work() -> None:
    fields = fields_of(PLATE.compose(VALUES, identity(one_click=False)))

    assert "List-Unsubscribe" in fields
    assert "List-Unsubscribe-Post" not in fields


def test_a_confirmation_has_nothing_of_a_list() -> None:
    fields = fields_of(letter_plate(Kind.CONFIRMATION).compose(VALUES, identity()))

    assert not {*LIST_FIELDS, "List-Unsubscribe-Post", "List-Archive"} & set(fields)


@pytest.mark.parametrize("kind", [Kind.WELCOME, Kind.ALREADY, Kind.LEAVE])
def test_a_letter_to_a_subscriber_can_be_answered_by_leaving(kind: Kind) -> None:
    fields = fields_of(letter_plate(kind).compose(VALUES, identity()))

    assert fields["List-Unsubscribe"] == [f"<{VALUES.leave_url}>"]
    assert "List-Post" not in fields


@pytest.mark.parametrize("kind", [kind for kind in Kind if not kind.is_digest])
def test_letters_say_that_a_machine_wrote_them(kind: Kind) -> None:
    of_list: dict[str, object] = {"mailing_list": None, "archived_at": ""}

    fields = fields_of(
        letter_plate(kind, **(of_list if kind.is_of_office else {})).compose(VALUES, identity())
    )

    assert fields["Auto-Submitted"] == ["auto-generated"]
    assert "Precedence" not in fields


def test_machines_are_asked_not_to_answer_but_bounces_stay_welcome() -> None:
    (value,) = fields_of(PLATE.compose(VALUES, identity()))["X-Auto-Response-Suppress"]

    assert value == "OOF, AutoReply"
    assert not re.search(r"\b(All|DR|NDR)\b", value)


def test_complaints_are_counted_by_digest_list_kind_and_sender() -> None:
    (value,) = fields_of(PLATE.compose(VALUES, identity()))["Feedback-ID"]

    campaign, slug, kind, sender = value.split(":")
    assert (campaign, slug, kind) == ("meetings-12", "meetings", "digest")
    assert 5 <= len(sender) <= 15
    other = PLATE.compose(
        replace(VALUES, address="b@example.net"), identity(message_id="other@x.example")
    )
    assert fields_of(other)["Feedback-ID"] == [value]


@pytest.mark.parametrize(
    "change",
    [
        {"message_id": "no-domain"},
        {"message_id": "a@b.example.org>\r\nX: y"},
        {"date": datetime(2023, 2, 24, 9, 0)},  # noqa: DTZ001 - the mistake
    ],
    ids=str,
)
def test_an_identity_that_cannot_stand_in_a_header_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(HeaderInvalid):
        PLATE.compose(VALUES, identity(**change))


@pytest.mark.parametrize("campaign", ["a:b", "a b", "é", "a\r\nb"])
def test_a_campaign_that_cannot_be_counted_by_is_refused(campaign: str) -> None:
    with pytest.raises(HeaderInvalid, match="campaign"):
        head(campaign=campaign)


# ---------------------------------------------------------------------- smuggling


@pytest.mark.parametrize(
    "trick", ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\r\nMAIL FROM:<x@example.org>"]
)
def test_no_text_ends_the_message_before_its_end(trick: str) -> None:
    content = replace(DIGEST, introduction=f"Before{trick}after")

    raw = plate(content).compose(VALUES, identity())

    assert b"\r\n.\r\n" not in raw
    assert not set(raw.replace(b"\r\n", b"")) & set(b"\r\n")


# ---------------------------------------------------------------------- anything at all

visible = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf", "Cn", "Co"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.text(visible, max_size=80), list_name=st.text(visible, min_size=1, max_size=80))
def test_whatever_people_and_lists_are_called_the_message_is_whole(
    name: str, list_name: str
) -> None:
    card = replace(LIST, name=list_name)
    made = plate(replace(DIGEST, mailing_list=card), mailing_list=card)

    raw = made.compose(replace(VALUES, name=name), identity())

    fields = fields_of(raw)
    assert raw.isascii()
    assert set(fields) == set(fields_of(PLATE.compose(VALUES, identity())))
    assert fields["To"][0].endswith(VALUES.address) or f"<{VALUES.address}>" in fields["To"][0]
    assert len(parts_of(raw)) == 2


# ---------------------------------------------------------------------- another parser


@pytest.mark.gate
@pytest.mark.parametrize("content", [DIGEST, JAPANESE, ARABIC], ids=["en", "ja", "ar"])
def test_a_parser_that_is_not_pythons_sees_the_same_message(content: DigestContent) -> None:
    program = outside.require("reformime", package="maildrop")
    raw = plate(content).compose(VALUES, identity())

    structure = outside_says([program, "-i"], raw)
    text = outside_says([program, "-s", "1.1", "-e"], raw)

    assert "content-type: multipart/alternative" in structure
    assert "content-type: text/plain" in structure
    assert "content-type: text/html" in structure
    assert text.split() == plate(content).fill(VALUES).text.split()


def outside_says(command: list[str], raw: bytes) -> str:
    return subprocess.run(command, input=raw, check=True, capture_output=True).stdout.decode()
