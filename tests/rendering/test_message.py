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
    Kind,
    Prepared,
    compose,
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
    identity,
    letter,
    templates,
)

OURS = templates()
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")
LIST_FIELDS = ("List-Id", "List-Help", "List-Owner", "List-Unsubscribe", "List-Post")


def prepared(content: DigestContent = DIGEST) -> Prepared:
    return Prepared.of(render_digest(OURS, content), OURS.languages.of(content.language))


def prepared_letter(kind: Kind, language: str = "en") -> Prepared:
    return Prepared.of(render_letter(OURS, letter(kind, language)), OURS.languages[language])


PREPARED = prepared()


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
    fields = fields_of(compose(prepared(content), VALUES, identity()))

    assert {name: len(fields[name]) for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert all(len(values) == 1 for values in fields.values())


@pytest.mark.parametrize("content", [DIGEST, JAPANESE, ARABIC], ids=["en", "ja", "ar"])
def test_a_message_is_seven_bit_in_lines_of_network_length(content: DigestContent) -> None:
    raw = compose(prepared(content), VALUES, identity())

    assert raw.isascii()
    assert not set(raw.replace(b"\r\n", b"")) & set(b"\r\n\0")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    body = raw.partition(b"\r\n\r\n")[2]
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    assert raw.endswith(b"--\r\n")


@pytest.mark.parametrize("content", [DIGEST, JAPANESE, ARABIC], ids=["en", "ja", "ar"])
def test_the_plain_part_comes_first_and_both_come_back(content: DigestContent) -> None:
    made = prepared(content)

    parts = parts_of(compose(made, VALUES, identity()))

    filled = made.fill(VALUES)
    assert [kind for kind, _ in parts] == ["text/plain", "text/html"]
    assert [text.split() for _, text in parts] == [filled.text.split(), filled.html.split()]


def test_the_shorter_encoding_is_taken_by_the_script() -> None:
    for content, encoding in ((DIGEST, "quoted-printable"), (JAPANESE, "base64")):
        raw = compose(prepared(content), VALUES, identity())
        text = next(iter(parsed(raw).iter_parts()))
        assert text["Content-Transfer-Encoding"] == encoding


def test_the_language_of_the_message_is_that_of_the_page() -> None:
    fields = fields_of(compose(prepared(JAPANESE), VALUES, identity()))

    assert fields["Content-Language"] == ["ja"]


# ---------------------------------------------------------------------- the same on every try


def test_a_second_try_has_the_same_bytes() -> None:
    assert compose(PREPARED, VALUES, identity()) == compose(prepared(), VALUES, identity())


def test_another_delivery_has_another_boundary() -> None:
    first, second = (
        compose(PREPARED, VALUES, identity(seed=seed)) for seed in ("delivery 1", "delivery 2")
    )

    assert parsed(first).get_boundary() != parsed(second).get_boundary()
    assert len(parsed(first).get_boundary() or "") <= 70


def test_an_edition_from_the_table_gives_the_same_bytes() -> None:
    stored = render_digest(OURS, DIGEST).stored()

    again = Prepared.of(type(PREPARED.edition).load(stored), PREPARED.language)

    assert compose(again, VALUES, identity()) == compose(PREPARED, VALUES, identity())


def test_the_date_is_the_delivery_s_own_in_universal_time() -> None:
    tokyo = timezone(timedelta(hours=9))

    raw = compose(PREPARED, VALUES, identity(date=datetime(2023, 2, 24, 18, 0, tzinfo=tokyo)))

    assert fields_of(raw)["Date"] == ["Fri, 24 Feb 2023 09:00:00 +0000"]
    assert parsedate_to_datetime(fields_of(raw)["Date"][0]) == datetime(2023, 2, 24, 9, tzinfo=UTC)


# ---------------------------------------------------------------------- who writes to whom


def test_from_to_and_reply_to_are_one_mailbox_each() -> None:
    message = parsed(compose(PREPARED, VALUES, identity()))

    assert str(message["From"]) == "ROCB Asia/Pacific <news@office.example.org>"
    assert str(message["To"]) == "Kim Lee <kim.lee@example.net>"
    assert str(message["Reply-To"]) == "ROCB Asia/Pacific <desk@office.example.org>"


def test_a_sender_who_reads_their_own_mail_has_no_reply_to() -> None:
    sender = replace(SENDER, reply_to=SENDER.address)

    assert "Reply-To" not in fields_of(compose(PREPARED, VALUES, identity(sender=sender)))


def test_a_domain_of_any_script_goes_as_an_a_label() -> None:
    values = replace(VALUES, address="kim@税関.example.net", name="")

    assert fields_of(compose(PREPARED, values, identity()))["To"] == ["kim@xn--dozu87c.example.net"]


def test_an_address_beyond_ascii_makes_a_message_of_rfc_6532() -> None:
    raw = compose(PREPARED, replace(VALUES, address="büro@example.net"), identity())

    assert "büro@example.net".encode() in raw
    assert raw.partition(b"\r\n\r\n")[2].isascii()


def test_a_confirmation_never_says_the_name_that_was_typed() -> None:
    values = replace(VALUES, name="Buy now at example.com")

    raw = compose(prepared_letter(Kind.CONFIRMATION), values, identity())

    assert fields_of(raw)["To"] == ["kim.lee@example.net"]
    assert "Buy now" not in raw.decode() + "".join(text for _, text in parts_of(raw))


@pytest.mark.parametrize("address", ["", "kim", "a@example.org,b@example.org", "a b@example.org"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(AddressInvalid):
        compose(PREPARED, replace(VALUES, address=address), identity())


# ---------------------------------------------------------------------- lists


def test_a_digest_has_the_headers_of_a_list() -> None:
    fields = fields_of(compose(PREPARED, VALUES, identity()))

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

    raw = compose(PREPARED, replace(VALUES, leave_url=link), identity())

    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


def test_one_click_is_only_offered_where_it_can_work() -> None:
    fields = fields_of(compose(PREPARED, VALUES, identity(one_click=False)))

    assert "List-Unsubscribe" in fields
    assert "List-Unsubscribe-Post" not in fields


def test_a_confirmation_has_nothing_of_a_list() -> None:
    fields = fields_of(compose(prepared_letter(Kind.CONFIRMATION), VALUES, identity()))

    assert not {*LIST_FIELDS, "List-Unsubscribe-Post", "List-Archive"} & set(fields)


@pytest.mark.parametrize("kind", [Kind.WELCOME, Kind.ALREADY, Kind.LEAVE])
def test_a_letter_to_a_subscriber_can_be_answered_by_leaving(kind: Kind) -> None:
    fields = fields_of(compose(prepared_letter(kind), VALUES, identity()))

    assert fields["List-Unsubscribe"] == [f"<{VALUES.leave_url}>"]
    assert "List-Post" not in fields


@pytest.mark.parametrize("kind", [kind for kind in Kind if not kind.is_digest])
def test_letters_say_that_a_machine_wrote_them(kind: Kind) -> None:
    of_list = {} if kind is not Kind.NOTICE else {"mailing_list": None, "archived_at": ""}

    fields = fields_of(compose(prepared_letter(kind), VALUES, identity(**of_list)))

    assert fields["Auto-Submitted"] == ["auto-generated"]
    assert "Precedence" not in fields


def test_machines_are_asked_not_to_answer_but_bounces_stay_welcome() -> None:
    (value,) = fields_of(compose(PREPARED, VALUES, identity()))["X-Auto-Response-Suppress"]

    assert value == "OOF, AutoReply"
    assert not re.search(r"\b(All|DR|NDR)\b", value)


def test_complaints_are_counted_by_digest_list_kind_and_sender() -> None:
    (value,) = fields_of(compose(PREPARED, VALUES, identity()))["Feedback-ID"]

    campaign, slug, kind, sender = value.split(":")
    assert (campaign, slug, kind) == ("meetings-12", "meetings", "digest")
    assert 5 <= len(sender) <= 15
    other = compose(PREPARED, replace(VALUES, address="b@example.net"), identity(seed="other"))
    assert fields_of(other)["Feedback-ID"] == [value]


@pytest.mark.parametrize(
    "change",
    [
        {"message_id": "no-domain"},
        {"message_id": "a@b.example.org>\r\nX: y"},
        {"campaign": "a:b"},
        {"campaign": "a b"},
        {"campaign": "é"},
        {"date": datetime(2023, 2, 24, 9, 0)},  # noqa: DTZ001 - the mistake
    ],
    ids=str,
)
def test_an_identity_that_cannot_stand_in_a_header_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(HeaderInvalid):
        compose(PREPARED, VALUES, identity(**change))


# ---------------------------------------------------------------------- smuggling


@pytest.mark.parametrize(
    "trick", ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\r\nMAIL FROM:<x@example.org>"]
)
def test_no_text_ends_the_message_before_its_end(trick: str) -> None:
    content = replace(DIGEST, introduction=f"Before{trick}after")

    raw = compose(prepared(content), VALUES, identity())

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
    made = prepared(replace(DIGEST, mailing_list=card))

    raw = compose(made, replace(VALUES, name=name), identity(mailing_list=card))

    fields = fields_of(raw)
    assert raw.isascii()
    assert set(fields) == set(fields_of(compose(PREPARED, VALUES, identity())))
    assert fields["To"][0].endswith(VALUES.address) or f"<{VALUES.address}>" in fields["To"][0]
    assert len(parts_of(raw)) == 2


# ---------------------------------------------------------------------- another parser


@pytest.mark.gate
@pytest.mark.parametrize("content", [DIGEST, JAPANESE, ARABIC], ids=["en", "ja", "ar"])
def test_a_parser_that_is_not_pythons_sees_the_same_message(content: DigestContent) -> None:
    program = outside.require("reformime", package="maildrop")
    raw = compose(prepared(content), VALUES, identity())

    structure = outside_says([program, "-i"], raw)
    text = outside_says([program, "-s", "1.1", "-e"], raw)

    assert "content-type: multipart/alternative" in structure
    assert "content-type: text/plain" in structure
    assert "content-type: text/html" in structure
    assert text.split() == prepared(content).fill(VALUES).text.split()


def outside_says(command: list[str], raw: bytes) -> str:
    return subprocess.run(command, input=raw, check=True, capture_output=True).stdout.decode()
