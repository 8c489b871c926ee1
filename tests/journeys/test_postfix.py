"""A digest of the meeting goes to a thousand subscribers, through a real Postfix, to a sink."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.journeys import postfix
from tests.journeys.office import Office
from tests.outside import require
from tests.smtp_server import SmtpServer, Taken

pytestmark = pytest.mark.gate

PEOPLE = 1000
JAPANESE = "会合のお知らせ"
LONG_URL = "https://office.example.org/reports/" + "regional-entities-" * 9 + "2023"

MEETING = f"""\
---
title: Regional entities of the customs world meet in Brussels
starts: 2023-02-20
ends: 2023-02-21
place: WCO headquarters, Brussels, and online
topic: Capacity building
organiser: World Customs Organization
link: {LONG_URL}
---
The heads of the regional offices, training centres, laboratories and dog training centres of
all six regions came together for the seventeenth time. Mr. Kuramoto of the Asia/Pacific office
was in the chair, and will be again in 2024.

He told of work in the region – the Solomon Islands have joined – and of plans for the year.

税関協力についての報告もあります。
"""


@pytest.mark.timeout(600)
def test_a_thousand_get_the_report_through_postfix(tmp_path: Path, database_url: str) -> None:
    reformime = require("reformime", package="maildrop")
    office = Office(tmp_path / "office")
    with SmtpServer() as sink, postfix.running(_folder(tmp_path), sink.port) as port:
        _set_up(office, database_url, port)

        office.run("worker", "--once")
        sink.wait_for(PEOPLE, seconds=120)

        assert office.json("digest", "status", "1")["sent"] == PEOPLE
        assert sorted(sink.taken) == sorted(_wire_addresses())
        assert set(sink.taken.values()) == {1}
        for message in sink.messages:
            _check(reformime, message)


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "postfix"
    folder.mkdir()
    return folder


def _set_up(office: Office, database_url: str, port: int) -> None:
    office.found(database__url=database_url, smtp__port=str(port), smtp__security="none")
    office.run(
        "list", "add", "meetings", "--name", JAPANESE, "--from", "news@office.example.org",
        "--language", "en",
    )  # fmt: skip
    rows = "\n".join(f"{address},Reader {number}" for number, address in enumerate(_addresses()))
    csv = office.file("people.csv", f"email,name\n{rows}\n")
    office.run("subscriber", "import", "meetings", csv, "--confirmed", "--basis", "asked by mail")
    item = office.run("item", "add", office.file("meeting.md", MEETING)).strip()
    office.run("digest", "draft", "meetings", "--subject", "会合: Brussels", "--item", item)
    office.run("digest", "queue", "1")


ORDINARY = [f"reader{number}@example{number % 9}.org" for number in range(PEOPLE - 1)]


def _addresses() -> list[str]:
    return [*ORDINARY, "juergen@bücher.example.org"]


def _wire_addresses() -> list[str]:
    """Give the same as they must look on the wire: the domain as an A-label (RFC 5891)."""
    return [*ORDINARY, "juergen@xn--bcher-kva.example.org"]


def _check(reformime: str, message: Taken) -> None:
    """Look at the raw bytes, and let a parser that is not Python's take them apart."""
    raw = message.content
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    parts = _told(reformime, "-i", raw)
    types = re.findall(r"^content-type: (\S+)$", parts, re.MULTILINE)
    assert types == ["multipart/alternative", "text/plain", "text/html"]
    for section in ("1.1", "1.2"):
        text = _told(reformime, "-e", raw, "-s", section)
        assert LONG_URL in text
        assert "税関協力についての報告もあります。" in text
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    unfolded = re.sub(r"\r\n[ \t]+", " ", head).replace("\r\n", "\n")
    [subject] = re.findall(r"^Subject: (.*)$", unfolded, re.MULTILINE)
    assert _told(reformime, "-h", subject) == "会合: Brussels"
    assert re.search(r"^List-Unsubscribe: <http://[^>\s]+/u/[\w-]+>$", unfolded, re.MULTILINE)
    assert re.search(r"^List-Id: .*<meetings\.office\.example\.org>$", unfolded, re.MULTILINE)


def _told(reformime: str, option: str, given: bytes | str, *more: str) -> str:
    if isinstance(given, str):
        command, fed = [reformime, option, given, *more], b""
    else:
        command, fed = [reformime, option, *more], given
    done = subprocess.run(command, input=fed, capture_output=True, check=True)
    return done.stdout.decode().strip()
