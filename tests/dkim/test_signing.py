"""Signatures as receivers see them: dkimpy, which is not ours, says whether they hold."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.db.schema import DkimAlgorithm
from mailer.dkim import OVERSIGNED, NotAMessage, canonical
from mailer.dkim.signing import SIGNED
from tests.conftest import MOMENT
from tests.dkim.judges import DOMAIN, dkimpy, key, records, signer

HEAD = (
    "From: News <news@example.org>\r\n"
    "To: kim@example.net\r\n"
    "Subject: The laboratories meet\r\n"
    "Date: Tue, 01 Dec 2026 08:00:00 +0000\r\n"
    "Message-ID: <token@example.org>\r\n"
    "MIME-Version: 1.0\r\n"
    "List-Id: News\r\n <news.example.org>\r\n"
    "List-Unsubscribe: <https://news.example.org/u/token>\r\n"
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    "X-Ours: may be changed\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
)
LETTER = f"{HEAD}\r\nGood morning.\r\n".encode()


def signed(message: bytes, at: datetime = MOMENT) -> bytes:
    return signer().sign([message], at=at) + message


def holds(message: bytes) -> bool:
    return dkimpy(message, records(signer())) == [True]


def tags(message: bytes) -> dict[str, str]:
    field = message.partition(b"\r\n\r\n")[0].decode().split("\r\nFrom:")[0]
    value = re.sub(r"\s+", "", field.partition(":")[2])
    return dict(part.partition("=")[::2] for part in value.split(";"))


def test_a_letter_is_signed() -> None:
    assert holds(signed(LETTER))


def test_what_the_signature_says() -> None:
    said = tags(signed(LETTER))

    assert {name: said[name] for name in "vacdst"} == {
        "v": "1",
        "a": "rsa-sha256",
        "c": "relaxed/relaxed",
        "d": DOMAIN,
        "s": "202612a",
        "t": str(int(MOMENT.timestamp())),
    }
    # Neither an end (x=), for relays hold mail, nor a length (l=), for what is added counts too.
    assert set(said) == {"v", "a", "c", "d", "s", "t", "h", "bh", "b"}


def test_every_name_that_matters_is_there_and_once_more() -> None:
    names = tags(signed(LETTER))["h"].split(":")

    for name in OVERSIGNED:
        assert names.count(name) == (
            2 if f"\r\n{name}:".encode() in b"\r\n" + LETTER.lower() else 1
        )
    assert names.count("list-id") == 1
    assert "x-ours" not in names
    assert not {"received", "return-path", "dkim-signature", "bcc"} & set(SIGNED)


def test_the_lines_of_the_field_are_short() -> None:
    lines = signer(key(selector="a" * 63)).sign([LETTER], at=MOMENT).split(b"\r\n")

    assert max(map(len, lines)) <= 78
    assert all(line[:1] == b" " for line in lines[1:-1])


@pytest.mark.parametrize("name", OVERSIGNED)
def test_nobody_can_add_a_field(name: str) -> None:
    message = signed(LETTER)
    assert holds(message)

    assert not holds(f"{name}: somebody@else.example\r\n".encode() + message)


@pytest.mark.parametrize(
    "name", ["To", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Date"]
)
def test_nobody_can_take_a_field_away(name: str) -> None:
    message = signed(LETTER)

    taken = re.sub(rf"(?m)^{name}: .*\r\n( .*\r\n)*".encode(), b"", message)

    assert taken != message
    assert not holds(taken)


@pytest.mark.parametrize("more", [b"more", b"\r\nmore\r\n", b"\r\n\r\n--=_\r\n"])
def test_nobody_can_add_to_the_body(more: bytes) -> None:
    assert not holds(signed(LETTER) + more)


@pytest.mark.parametrize(
    "change",
    [
        (b"Subject: The laboratories meet", b"SUBJECT:\tThe   laboratories \r\n\tmeet  "),
        (b"List-Id: News\r\n <news", b"List-Id: News <news"),
        (b"X-Ours: may be changed\r\n", b""),
        (b"Good morning.\r\n", b"Good  morning. \t\r\n\r\n \r\n\r\n"),
    ],
    ids=["a field folded anew", "a field unfolded", "a field of no account", "blanks in the body"],
)
def test_what_relays_like_to_change_counts_for_nothing(change: tuple[bytes, bytes]) -> None:
    changed = signed(LETTER).replace(*change)

    assert changed != signed(LETTER)
    assert holds(changed)


BODIES = {
    "none": b"",
    "line ends only": b"\r\n\r\n\r\n",
    "blanks only": b" \t \r\n\t\r\n \r\n",
    "trailing lines": b"text\r\n\r\n\r\n",
    "trailing blanks": b"text \t\r\n  more\t \r\n \r\n",
    "tabs": b"\ta\t\tb \t c\r\n",
    "a dot": b".\r\n..\r\n",
    "beyond ASCII": "税関協力\r\n".encode(),
    "not a text": bytes(sorted({*range(256)} - {10, 13})) + b"\r\n",
    "long": b"0123456789" * 20_000 + b"\r\n",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_of_all_kinds(body: bytes) -> None:
    assert holds(signed(HEAD.encode() + b"\r\n" + body))


def test_a_message_of_a_head_alone() -> None:
    assert holds(signed(HEAD.encode()) + b"\r\n")


HOSTILE = {
    "long and folded": b"Subject: " + b"\r\n ".join([b"word " * 12] * 40),
    "folded by a tab": b"Subject: a\r\n\tb\r\n \tc",
    "blanks around the value": b"Subject:  \t a  ",
    "empty": b"Subject:",
    "empty but for folds": b"Subject:\r\n \r\n\t",
    "colons": b"Subject: a: b:: c",
    "beyond ASCII": "Subject: 会合のお知らせ".encode(),
    "not UTF-8": b"Subject: \xff\xfe\x80",
    "looks like a signature": b"Subject: v=1; a=rsa-sha256; b=AAAA; h=from",
    "very long": b"Subject: " + b"x" * 900,
    "twice": b"Subject: first\r\nSubject: second",
    "a signature of another": b"DKIM-Signature: v=1; b=; d=else.example\r\nSubject: a",
}


@pytest.mark.parametrize("field", HOSTILE.values(), ids=HOSTILE)
def test_fields_of_all_kinds(field: bytes) -> None:
    message = LETTER.replace(b"Subject: The laboratories meet", field)

    assert dkimpy(signed(message), records(signer()))[0]


@pytest.mark.parametrize(
    "head",
    [
        b"From: a\nTo: b\r\n",
        b"From: a\rTo: b\r\n",
        b"From: a\r\n\n\r\n",
        b"a line without a colon\r\n",
        b" begins with a blank\r\n",
        b"From a: b\r\n",
        b": no name\r\n",
    ],
)
def test_what_is_no_message_is_not_signed(head: bytes) -> None:
    with pytest.raises(NotAMessage):
        signer().sign([head + b"\r\nbody\r\n"], at=MOMENT)


VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=60)
BLANKS = st.sampled_from([b"", b" ", b"\t", b"  ", b" \t ", b"\r\n", b"\r\n\r\n", b"\r\n "])


@given(value=VALUES, parts=st.lists(st.tuples(BLANKS, st.binary(max_size=8)), max_size=12))
def test_whatever_stands_in_field_and_body(value: str, parts: list[tuple[bytes, bytes]]) -> None:
    body = b"".join(blank + re.sub(rb"[\r\n]", b"", text) for blank, text in parts)
    # dkimpy takes these for white space, which RFC 6376, 2.8, does not.
    if set(value) & set("\x0b\x0c") or set(body) & {0x0B, 0x0C}:
        return
    head = HEAD.encode().replace(b"The laboratories meet", value.encode())

    assert holds(signed(head + b"\r\n" + body + b"\r\n"))


def test_a_blank_before_a_colon_belongs_to_no_name() -> None:
    # RFC 5322, 4.5.2: an old form, which dkimpy does not know.
    assert canonical.relaxed(b"Subject \t :  a  b ") == ("subject", b"subject:a b")


def test_a_last_line_without_its_end_gets_one() -> None:
    assert canonical.body([b"text"]) == canonical.body([b"text \t\r\n\r\n"]) == b"text\r\n"


TEXTS = st.binary(max_size=300).map(lambda raw: re.sub(rb"[\r\n]", b"", raw))


@given(parts=st.lists(st.tuples(BLANKS, TEXTS), max_size=12), at=st.lists(st.integers(1, 3000)))
def test_a_message_in_pieces_has_the_signature_of_the_whole(
    parts: list[tuple[bytes, bytes]], at: list[int]
) -> None:
    body = b"".join(blank + text for blank, text in parts)
    # Wherever it is cut, but for the middle of a line end.
    cuts = sorted({cut % len(body) for cut in at if body} - {0})
    cuts = [cut for cut in cuts if body[cut - 1] != ord("\r")]
    ends = zip([0, *cuts], [*cuts, len(body)], strict=True)
    pieces = [HEAD.encode() + b"\r\n", *(body[start:end] for start, end in ends)]

    assert signer().sign(pieces, at=MOMENT) == signer().sign([b"".join(pieces)], at=MOMENT)


def test_two_keys_sign_twice() -> None:
    both = signer(key(), key(DkimAlgorithm.ED25519, "202612b"))

    message = both.sign([LETTER], at=MOMENT) + LETTER

    assert message.count(b"DKIM-Signature:") == 2
    assert dkimpy(message, records(both)) == [True, True]


@pytest.mark.parametrize("algorithm", DkimAlgorithm)
def test_the_same_message_gets_the_same_signature(algorithm: DkimAlgorithm) -> None:
    one = signer(key(algorithm, algorithm.value))

    assert one.sign([LETTER], at=MOMENT) == one.sign([LETTER], at=MOMENT.astimezone(UTC))
    assert one.sign([LETTER], at=MOMENT) != one.sign([LETTER], at=MOMENT + timedelta(seconds=1))


def test_many_threads_sign_at_once() -> None:
    letters = [LETTER.replace(b"kim", f"reader{number}".encode()) for number in range(200)]

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(signed, letters))

    assert made == [signed(letter) for letter in letters]
    assert all(map(holds, made[::20]))


def test_another_domain_or_key_does_not_pass() -> None:
    message = signer(domain="example.net").sign([LETTER], at=MOMENT) + LETTER

    assert dkimpy(message, records(signer())) == [False]
    assert dkimpy(message, records(signer(key(selector="other"), domain="example.net"))) == [False]
