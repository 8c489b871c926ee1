"""Headers say what was meant, in seven bits, and cannot be broken out of."""

import unicodedata
from collections.abc import Callable
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import AddressInvalid, HeaderInvalid
from mailer.rendering import headers

SCRIPTS = [
    "Meeting News",
    "Grüße aus Zürich",
    "税関会議の報告",
    "会議ニュース第12号：ブリュッセルで地域事務所の世界会合、共通の基準づくりへ向けて",
    "关税会议新闻",
    "관세 회의 소식",
    "أخبار الاجتماعات الجمركية",
    "חדשות המכס",
    "ข่าวการประชุมศุลกากร",
    "Новости таможенных совещаний",
    "Νέα των συναντήσεων",
    "सीमा शुल्क बैठक समाचार",
    "সভা সংবাদ",
    "கூட்டச் செய்திகள்",
    "సమావేశ వార్తలు",
    "ಸಭೆ ಸುದ್ದಿ",
    "ສະຖານທີ່ປະຊຸມ",
    "သတင်း",
    "សេចក្តីជូនដំណឹង",
    "Հանդիպումների լուրեր",
    "შეხვედრების სიახლეები",
    "የስብሰባ ዜና",
    "🛃📰 emoji 👩‍💼",
    "=?utf-8?q?not_encoded?=",
    'Quote " and \\ backslash, (comment) <angle>',
    "a" * 300,
    "word " * 60,
]

texts = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf"]), min_size=1, max_size=120
)


def parsed(field: str) -> str:
    """Give a field's value as the standard library reads it."""
    name = field.partition(":")[0]
    message = message_from_bytes(field.encode() + b"\r\n", policy=policy.compat32)
    return str(make_header(decode_header(str(message[name]).replace("\r\n", ""))))


def mailbox(field: str) -> tuple[str, str]:
    """Give name and address of a field as the standard library reads them.

    Its newer parser leaves spaces between encoded words that RFC 2047, 6.2 takes away.
    """
    value = field.replace("\r\n", "").partition(": ")[2]
    shown, address = parseaddr(value)
    return str(make_header(decode_header(shown))), address


def assert_well_formed(field: str) -> None:
    assert field.isascii()
    assert field.endswith("\r\n")
    first, *rest = field.removesuffix("\r\n").split("\r\n")
    assert not set("".join([first, *rest])) & set("\r\n")
    assert all(line.startswith(" ") and line.strip() for line in rest)
    for line in [first, *rest]:
        assert len(line) <= 998
        assert len(line) <= 76 or "=?" not in line
        assert all(len(word) <= 75 for word in line.split() if word.startswith("=?"))


# ---------------------------------------------------------------------- free text


@pytest.mark.parametrize("value", SCRIPTS)
def test_a_subject_comes_back_in_every_script(value: str) -> None:
    field = headers.text("Subject", value)

    assert_well_formed(field)
    assert parsed(field) == " ".join(value.split())


@given(texts)
def test_any_subject_comes_back(value: str) -> None:
    field = headers.text("Subject", value)

    assert_well_formed(field)
    # Composed forms of a character are one to us, and so are spaces in a row.
    assert parsed(field) == " ".join(unicodedata.normalize("NFC", value).split())


def test_a_plain_subject_is_written_plainly() -> None:
    assert headers.text("Subject", "Meeting News") == "Subject: Meeting News\r\n"


# ---------------------------------------------------------------------- mailboxes


@pytest.mark.parametrize("value", SCRIPTS)
def test_a_name_comes_back_in_every_script(value: str) -> None:
    field = headers.mailbox("To", value, "kim@example.org")

    assert_well_formed(field)
    assert mailbox(field) == (" ".join(value.split()), "kim@example.org")


@given(texts)
def test_whatever_the_name_there_is_one_mailbox(value: str) -> None:
    field = headers.mailbox("To", value, "kim@example.org")

    assert_well_formed(field)
    assert mailbox(field)[1] == "kim@example.org"


def test_a_mailbox_without_name_is_its_address() -> None:
    assert headers.mailbox("To", "", "kim@example.org") == "To: kim@example.org\r\n"


def test_an_international_domain_becomes_an_a_label() -> None:
    field = headers.mailbox("To", "Kim", "kim@bücher.example.org")

    assert field == "To: Kim <kim@xn--bcher-kva.example.org>\r\n"


def test_a_local_part_beyond_ascii_stays_as_it_is() -> None:
    assert "<büro@example.org>" in headers.mailbox("To", "Büro", "büro@example.org")


@pytest.mark.parametrize(
    "address", ["kim", "kim@", "a@example.org, b@example.org", "<a@example.org>"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(AddressInvalid):
        headers.mailbox("To", "Kim", address)


# ---------------------------------------------------------------------- links and identifiers


@pytest.mark.parametrize("length", [20, 75, 115, 200, 800])
def test_a_link_is_never_encoded_nor_broken(length: int) -> None:
    url = "https://office.example.org/u/" + "x" * (length - 29)

    field = headers.urls("List-Unsubscribe", url, "mailto:u+token@example.org?subject=leave")

    assert f"<{url}>" in field
    assert "=?" not in field
    assert_well_formed(field)


@pytest.mark.parametrize(
    "url", ["", "https://e.org/a b", "https://e.org/>", "https://e.org/é", "https://e.org/\r\nX: y"]
)
def test_what_cannot_stand_between_brackets_is_refused(url: str) -> None:
    with pytest.raises(HeaderInvalid):
        headers.urls("List-Unsubscribe", url)


def test_a_list_id_has_words_for_people_and_an_identifier_that_is_never_encoded() -> None:
    field = headers.list_id("税関会議ニュース", "meetings.lists.example.org")

    assert field.endswith("\r\n <meetings.lists.example.org>\r\n")
    assert "=?utf-8?" in field
    assert_well_formed(field)


@pytest.mark.parametrize(
    "value", ["", "a", "a@b@c", "a b@example.org", "<a@example.org>", "a@é.org"]
)
def test_a_message_id_is_a_token_and_a_domain(value: str) -> None:
    with pytest.raises(HeaderInvalid):
        headers.message_id(value)


# ---------------------------------------------------------------------- injection

UNSEEN = [*map(chr, range(32)), "\x7f", "\x85", "\u2028", "\u2029"]
TURNING = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]


@pytest.mark.parametrize("char", UNSEEN + TURNING, ids=lambda char: f"U+{ord(char):04X}")
def test_no_unseen_character_enters_a_header(char: str) -> None:
    value = f"Kim{char}Bcc: x@example.org"

    writes: list[Callable[[], object]] = [
        lambda: headers.text("Subject", value),
        lambda: headers.mailbox("To", value, "kim@example.org"),
        lambda: headers.mailbox("To", "Kim", f"kim{char}@example.org"),
        lambda: headers.list_id(value, "meetings.example.org"),
        lambda: headers.list_id("Kim", f"meetings{char}.example.org"),
        lambda: headers.urls("List-Help", f"https://example.org/{char}"),
        lambda: headers.token("Feedback-ID", value),
        lambda: headers.message_id(f"a{char}@example.org"),
    ]
    for write in writes:
        with pytest.raises((HeaderInvalid, AddressInvalid)):
            write()
