"""What is wrong gets one line that says what, where and what to do; the database stays as it was.

The rows are by what is wrong: addresses, headers, Markdown files, dates and zones, templates.
Settings and databases, where there is nothing yet to stay as it was, are in `test_bad_ground`;
CSV files, of which the good rows are kept, in `test_transfers`.
"""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Office

LONG = "a" * 60 + "@" + ".".join(["example" * 8] * 4) + ".org"


def refused(office: Office, code: int, *arguments: object) -> str:
    """Run a command that must fail without a trace; give the line that it says."""
    before = office.dump()

    ended = office.run(*arguments)

    assert ended.code == code
    assert ended.out == ""
    assert office.dump() == before
    return ended.error


# ------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "typed",
    [
        "kim",
        "kim@",
        "@example.org",
        "kim@example",
        "kim@localhost",
        "kim@@example.org",
        "kim lee@example.org",
        "kim@exa mple.org",
        "kim@-example.org",
        "kim..lee@example.org",
        "Kim <kim@example.org>",
        "kim@example.org, lee@example.org",
        "kim@example.org\r\nBcc: all@example.org",
        "kim\x00@example.org",
        "",
        LONG,
    ],
)
def test_an_address_that_is_none(busy: Office, typed: str) -> None:
    said = refused(busy, 2, "subscriber", "add", "meetings", "--", typed)

    assert said.startswith("ADDRESS: “")
    assert "is not an e-mail address we can mail: " in said
    assert said.endswith("; write it like name@example.org")


@pytest.mark.parametrize(
    "option, arguments",
    [
        ("--from", ["list", "add", "new", "--name", "New", "--from", "nobody"]),
        ("--from", ["list", "edit", "meetings", "--from", "nobody"]),
        ("--reply-to", ["list", "edit", "meetings", "--reply-to", "nobody"]),
        ("--as", ["digest", "preview", "1", "--as", "nobody", "--out", "/nowhere"]),
        ("ADDRESS", ["digest", "test", "1", "nobody"]),
        ("ADDRESS", ["subscriber", "show", "nobody"]),
        ("ADDRESS", ["subscriber", "leave", "meetings", "nobody"]),
        ("ADDRESS", ["suppression", "add", "nobody"]),
        ("ADDRESS", ["suppression", "remove", "nobody"]),
    ],
)
def test_the_line_says_where_the_address_was(
    busy: Office, option: str, arguments: list[str]
) -> None:
    assert refused(busy, 2, *arguments).startswith(f"{option}: “nobody” is not")


# ------------------------------------------------------------------------- headers


@pytest.mark.parametrize("char", ["\r\n", "\n", "\r", "\u2028", "\x00", "\x1b", "\u202e"])
@pytest.mark.parametrize("noun", ["list", "digest"])
def test_a_character_that_cannot_be_seen(busy: Office, noun: str, char: str) -> None:
    arguments = {
        "list": ["list", "edit", "meetings", "--name"],
        "digest": ["digest", "draft", "meetings", "--subject"],
    }

    said = refused(busy, 2, *arguments[noun], f"News{char}of the week")

    assert re.search("line break|cannot be seen|unseen", said)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "add", "new", "--from", "n@example.org", "--name"],
        ["list", "add", "new", "--from", "n@example.org", "--name", "New", "--sender-name"],
        ["list", "edit", "meetings", "--name"],
        ["list", "edit", "meetings", "--sender-name"],
        ["digest", "draft", "meetings", "--subject"],
        ["digest", "text", "1", "--language", "ja", "--subject"],
        ["subscriber", "add", "meetings", "lee@example.org", "--name"],
    ],
    ids=" ".join,
)
def test_a_value_that_would_be_another_header(busy: Office, arguments: list[str]) -> None:
    said = refused(busy, 2, *arguments, "News\r\nBcc: all@example.org")

    assert re.search("line break|cannot be seen|unseen", said)


@pytest.mark.parametrize("slug", ["", "-", "Meetings", "a b", "a/b", "../x", "é", "a" * 64, "x\n"])
def test_a_slug_that_could_not_stand_in_an_address(busy: Office, slug: str) -> None:
    said = refused(busy, 2, "list", "add", "--name", "N", "--from", "n@example.org", "--", slug)

    assert "use small letters, digits and hyphens" in said


@pytest.mark.parametrize("subject", ["", " ", "x" * 201])
def test_a_subject_of_no_length_or_too_much(busy: Office, subject: str) -> None:
    said = refused(busy, 2, "digest", "draft", "meetings", "--item", 1, "--subject", subject)

    assert said == "a subject has 1 to 200 characters"


@pytest.mark.parametrize("code", ["", "english", "e", "en_GB", "../en", "EN"])
def test_a_language_that_is_none(busy: Office, code: str) -> None:
    said = refused(
        busy, 2, "list", "add", "n", "--name", "N", "--from", "n@example.org", "--language", code
    )

    assert "is not a language code such as en, ja or pt-BR" in said


# ------------------------------------------------------------------------- Markdown files


@pytest.mark.parametrize(
    "text, line, why",
    [
        ("Just text.\n", 1, "must begin with a line “---”"),
        ("", 1, "must begin with a line “---”"),
        ("---\ntitle: x\n", 2, "the second line “---” is missing"),
        ("---\nplace: Suva\n---\n", 1, "an item needs a title"),
        ("---\ntitle:\n---\n", 2, "an item needs a title"),
        ("---\ntitle: x\ntitel: y\n---\n", 3, "there is no key “titel”; known are title,"),
        ("---\ntitle: x\nplace: [a, b]\n---\n", 3, "“place” must be a text on one line"),
        ("---\ntitle: x\nplace: 'open\n---\n", 3, "unexpected end of stream"),
        ("---\ntitle: x\n  place: y\n---\n", 3, "mapping values are not allowed"),
        ('---\ntitle: "x\\r\\nBcc: y"\n---\n', 2, "“title” holds a character that cannot be seen"),
        (f"---\ntitle: {'x' * 301}\n---\n", 2, "“title” is longer than 300 characters"),
        ("---\ntitle: x\nlanguage: english\n---\n", 3, "“english” is not a language code"),
        ("---\ntitle: x\nlink: javascript:alert(1)\n---\n", 3, "a link begins with https://"),
        ("---\ntitle: x\nlink: https://a b\n---\n", 3, "a link has no spaces"),
        ("---\ntitle: x\nstarts: 2023-02-30\n---\n", 3, "“2023-02-30” is not a date"),
        ("---\ntitle: x\nstarts: 20 February\n---\n", 3, "is not a local time; write it like"),
        ("---\ntitle: x\nends: 2023-02-20\n---\n", 3, "“ends” needs a “starts”"),
        ("---\ntitle: x\npicture: hall.jpg\n---\n", 3, "a picture needs a “picture_alt”: say in a"),
        (
            "---\ntitle: x\npicture: hall.jpg\npicture_alt: y\n---\n",
            3,
            "there is no file “hall.jpg” beside it",
        ),
        (
            "---\ntitle: x\ndocuments:\n- file: /etc/hostname\n  title: y\n---\n",
            3,
            "“/etc/hostname” is of a kind that is not hosted; there are csv, docx,",
        ),
        ("---\ntitle: x\ndocuments: agenda.pdf\n---\n", 3, "write “documents” like this: a line"),
        (
            "---\ntitle: x\nstarts: 2023-02-21\nends: 2023-02-20\n---\n",
            4,
            "it ends before it starts",
        ),
        (
            "---\ntitle: x\nstarts: 2023-02-21\nends: 2023-02-21T10:00\n---\n",
            4,
            "give both ends an hour, or neither",
        ),
        (
            "---\ntitle: x\nstarts: 2023-02-21\ntimezone: Mars/Base\n---\n",
            4,
            "there is no time zone “Mars/Base”; use a name such as",
        ),
        (
            "---\ntitle: x\nstarts: 2023-03-26T02:30\ntimezone: Europe/Brussels\n---\n",
            3,
            "does not exist in Europe/Brussels",
        ),
    ],
)
def test_an_item_that_cannot_be_read(busy: Office, text: str, line: int, why: str) -> None:
    file = busy.file("wrong.md", text)

    said = refused(busy, 2, "item", "add", file)

    assert said.startswith(f"{file}:{line}: ")
    assert re.search(why if "|" in why else re.escape(why), said)


def wrong_files(folder: Path) -> dict[str, tuple[Path, str]]:
    large, binary = folder / "large.md", folder / "binary.md"
    large.write_text("---\ntitle: x\n---\n" + "x" * 300_000)
    binary.write_bytes(b"---\ntitle: \xff\xfe\n---\n")
    return {
        "missing": (folder / "missing.md", "there is no such file|No such file"),
        "folder": (folder, "Is a directory"),
        "large": (large, "larger than 256 KB"),
        "binary": (binary, "not UTF-8 text"),
    }


@pytest.mark.parametrize("kind", ["missing", "folder", "large", "binary"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["item", "add"],
        ["item", "edit", "1"],
        ["digest", "draft", "meetings", "--subject", "S", "--introduction"],
        ["digest", "text", "1", "--language", "en", "--subject", "S", "--introduction"],
    ],
    ids=" ".join,
)
def test_a_file_that_cannot_be_used(busy: Office, arguments: list[str], kind: str) -> None:
    file, why = wrong_files(busy.folder)[kind]

    said = refused(busy, 2, *arguments, file)

    assert said.startswith(str(file))
    assert re.search(why, said)


# ------------------------------------------------------------------------- dates and zones


@pytest.mark.parametrize(
    "typed, why",
    [
        ("tomorrow", "“tomorrow” is not a local time; write it like 2026-12-01T09:00"),
        ("2030-12-01", "is not a local time; write it like"),
        ("2030-12-01T09:00Z", "is not a local time; write it like"),
        ("2030-13-01T09:00", "“2030-13-01T09:00” is not a local time: month must be in 1..12"),
        ("2030-12-01T25:00", "“2030-12-01T25:00” is not a local time: hour must be in 0..23"),
        ("2020-12-01T09:00", "2020-12-01T09:00 in Europe/Brussels has passed; it is now "),
        ("2999-12-01T09:00", "is more than five years ahead; is the year right?"),
        ("2027-03-28T02:30", "does not exist in Europe/Brussels: the clocks change; the next"),
    ],
)
def test_an_hour_at_which_nothing_can_go(busy: Office, typed: str, why: str) -> None:
    assert why in refused(busy, 2, "digest", "queue", 1, "--at", typed)


@pytest.mark.parametrize("typed", ["today", "2026-02-30", "01.12.2026", "2026-12-01T09:00"])
def test_a_date_that_is_none(busy: Office, typed: str) -> None:
    said = refused(
        busy, 2, "digest", "draft", "meetings", "--subject", "S", "--item", 1, "--date", typed
    )

    assert said.startswith(f"--date: “{typed}” is not a date")
    assert said.endswith("write 2026-12-01")


@pytest.mark.parametrize("zone", ["Mars/Base", "", "/etc/passwd", "../UTC", "CEST+99"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "add", "new", "--name", "New", "--from", "n@example.org", "--timezone"],
        ["list", "edit", "meetings", "--timezone"],
    ],
    ids=" ".join,
)
def test_a_zone_that_is_none(busy: Office, arguments: list[str], zone: str) -> None:
    said = refused(busy, 2, *arguments, zone)

    assert f"there is no time zone “{zone}”; use a name such as Europe/Brussels or UTC" in said


# ------------------------------------------------------------------------- templates


@pytest.mark.parametrize(
    "template, line, why",
    [
        ("<p>fine</p>\n{% if %}\n", 2, "Expected an expression|expected"),
        ("<p>fine</p>\n\n{{ digest.subjekt }}\n", 3, "subjekt"),
        ("{% include 'mail/nowhere.html' %}\n", 1, "there is no template “mail/nowhere.html”"),
        ("{{ ''.__class__.__mro__ }}\n", 1, "not allowed|unsafe"),
        ("{% for number in range(9999999) %}x{% endfor %}\n", 1, "range"),
    ],
)
def test_a_template_that_is_wrong(
    busy: Office, monkeypatch: pytest.MonkeyPatch, template: str, line: int, why: str
) -> None:
    own = with_own_layout(busy, monkeypatch, template)

    said = refused(busy, 2, "digest", "queue", 1)

    assert said.startswith(f"{own}:{line}: ")
    assert re.search(why, said)


@pytest.mark.parametrize(
    "arguments",
    [["digest", "test", "1", "kim@example.org"], ["digest", "preview", "1", "--out", "preview"]],
    ids=" ".join,
)
def test_a_wrong_template_shows_before_anything_is_queued(
    busy: Office, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(busy.folder)
    own = with_own_layout(busy, monkeypatch, "{{ digest.subjekt }}\n")

    said = refused(busy, 2, *arguments)

    assert said.startswith(f"{own}:1: ")
    assert not (busy.folder / "preview").exists()


def with_own_layout(office: Office, monkeypatch: pytest.MonkeyPatch, template: str) -> Path:
    """Let a file of the owner's be used in place of our layout."""
    monkeypatch.setenv("MAILER_TEMPLATES__FOLDER", "own")
    own = office.folder / "own" / "mail" / "digest" / "body.html"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(template)
    return own


# ------------------------------------------------------------------------- nothing at all


@pytest.mark.parametrize(
    "code, arguments",
    [
        (2, ["digest", "queue", "1", "--at", ""]),
        (2, ["digest", "draft", "meetings", "--subject", "S", "--item", "1", "--date", ""]),
        (2, ["digest", "draft", "meetings", "--subject", "S", "--introduction", ""]),
        (2, ["digest", "preview", "1", "--out", "/nowhere", "--as", ""]),
        (3, ["digest", "draft", "meetings", "--subject", "S", "--item", "1", "--template", ""]),
        (2, ["list", "edit", "meetings", "--from", ""]),
        (2, ["list", "edit", "meetings", "--reply-to", ""]),
        (2, ["list", "edit", "meetings", "--slug", ""]),
        (2, ["list", "edit", "meetings", "--name", ""]),
        (2, ["list", "edit", "meetings", "--sender-name", ""]),
        (2, ["list", "edit", "meetings", "--language", ""]),
        (3, ["list", "edit", "meetings", "--route", ""]),
        (2, ["subscriber", "add", "meetings", "lee@example.org", "--basis", ""]),
        (2, ["subscriber", "add", "meetings", "lee@example.org", "--language", ""]),
        (3, ["suppression", "add", "lee@example.org", "--list", ""]),
        (3, ["suppression", "remove", "kim@example.org", "--list", ""]),
        (3, ["digest", "list", "--list", ""]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_an_option_that_was_given_empty_is_not_one_that_was_left_out(
    busy: Office, code: int, arguments: list[str]
) -> None:
    # An empty variable of a script must not send a digest now, or lift every suppression.
    refused(busy, code, *arguments)


# ------------------------------------------------------------------------- what is not there


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "edit", "none", "--name", "N"],
        ["subscriber", "add", "none", "lee@example.org"],
        ["subscriber", "leave", "none", "kim@example.org"],
        ["digest", "draft", "none", "--subject", "S"],
        ["digest", "list", "--list", "none"],
        ["suppression", "add", "lee@example.org", "--list", "none"],
        ["suppression", "list", "--list", "none"],
    ],
    ids=" ".join,
)
def test_a_list_that_is_not_there(busy: Office, arguments: list[str]) -> None:
    said = refused(busy, 3, *arguments)

    assert said == "there is no list “none”; “mailer list show” names them all"


def test_an_original_that_is_not_there(busy: Office) -> None:
    said = refused(busy, 3, "item", "add", busy.folder / "item.md", "--translates", 9)

    assert said.startswith("there is no item “9”")


def test_a_digest_of_nothing_is_not_queued(meetings: Office) -> None:
    meetings.ok("digest", "draft", "meetings", "--subject", "Empty")

    said = refused(meetings, 4, "digest", "queue", 1)

    assert said == "digest 1 is empty: give it items or an introduction"


def test_a_digest_that_mailboxes_would_cut_is_not_queued(meetings: Office) -> None:
    words = meetings.file("long.md", "長い話。" * 12_000)
    meetings.ok("digest", "draft", "meetings", "--subject", "Long", "--introduction", words)

    said = refused(meetings, 4, "digest", "queue", 1)

    assert "102,400 is the limit" in said


# ------------------------------------------------------------------------- mailer check


@pytest.mark.parametrize(
    "code, arguments, word",
    [
        (2, ["--only", "everything"], "there is no part “everything”"),
        (2, ["--resolver", "ns.example.org"], "write it like 127.0.0.1:5353"),
        (3, ["--only", "config", "--list", "gone"], "gone"),
    ],
)
def test_a_check_of_what_there_is_not(
    busy: Office, code: int, arguments: list[str], word: str
) -> None:
    assert word in refused(busy, code, "check", *arguments)
