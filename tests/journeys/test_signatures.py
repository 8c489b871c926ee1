"""An owner makes keys, publishes them, and what is mailed is signed: three judges agree.

By commands alone, through a real Postfix; every message is judged as it came out at the other
end, by dkimpy, by opendkim, and by Perl's Mail::DKIM.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dkim import judges
from tests.journeys import postfix
from tests.journeys.office import Office
from tests.name_server import NameServer
from tests.smtp_server import SmtpServer

pytestmark = [pytest.mark.gate, pytest.mark.timeout(600)]

DOMAIN = "office.example.org"
PEOPLE = [
    "kim@example.net,Kim Réa",
    "jürgen@bücher.example.net,Jürgen",
    "noname@example.net,",
]
NEWS = """\
---
title: Regional entities meet in Brussels
starts: 2027-02-20
place: WCO headquarters
link: https://office.example.org/reports/%s
---
.A line that begins with a dot, and one   with blanks\tand a tab.

税関協力についての報告もあります。
"""


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer({DOMAIN: {"TXT": ["hello"]}}) as server:
        yield server


def test_what_postfix_passes_on_still_bears_our_signatures(
    tmp_path: Path, database_url: str, names: NameServer
) -> None:
    office = Office(tmp_path / "office")
    folder = tmp_path / "postfix"
    folder.mkdir()
    with SmtpServer() as sink, postfix.running(folder, sink.port) as port:
        set_up(office, database_url, port)
        known = keys_that_sign(office, names)
        queue_a_digest(office)
        office.run("digest", "test", "1", "editor@example.net")

        office.run("worker", "--once")
        sink.wait_for(len(PEOPLE) + 1, seconds=60)

    for taken in sink.messages:
        assert b"\nReceived: from " in b"\n" + taken.content
        assert judges.dkimpy(taken.content, known) == [True, True]
        assert judges.opendkim(taken.content, known, tmp_path) == [
            "rsa-sha256 pass",
            "ed25519-sha256 pass",
        ]
        # Mail::DKIM knows RSA alone: the reason why Ed25519 never signs alone.
        assert judges.mail_dkim(taken.content, names.port)[0] == "rsa-sha256 pass"
        forged = taken.content.replace(b"Subject:", b"Subject: Win!\r\nSubject:", 1)
        assert judges.opendkim(forged, known, tmp_path)[0] == "rsa-sha256 fail"
        assert judges.mail_dkim(forged, names.port)[0] == "rsa-sha256 fail"


def set_up(office: Office, database_url: str, port: int) -> None:
    office.found(database__url=database_url, smtp__port=str(port), smtp__security="none")
    office.run(
        "list", "add", "meetings", "--name", "会合のお知らせ", "--from", f"news@{DOMAIN}",
        "--language", "en",
    )  # fmt: skip
    csv = office.file("people.csv", "\n".join(["email,name", *PEOPLE, ""]))
    office.run("subscriber", "import", "meetings", csv, "--confirmed", "--basis", "asked by mail")


def keys_that_sign(office: Office, names: NameServer) -> dict[str, str]:
    """Make two keys, publish their records and switch to them; give the records."""
    made: list[dict[str, Any]] = [
        office.json("dkim", "new-key", DOMAIN),
        office.json("dkim", "new-key", DOMAIN, "--ed25519"),
    ]
    known = {key["name"]: key["value"] for key in made}
    names.zone |= {name: {"TXT": [value]} for name, value in known.items()}
    office.run("dkim", "switch", DOMAIN, "--resolver", names.address)
    assert "a sample holds with the record" in office.run(
        "check", "--only", "dkim", "--resolver", names.address
    )
    return known


def queue_a_digest(office: Office) -> None:
    item = office.run("item", "add", office.file("news.md", NEWS % ("long-" * 40))).strip()
    subject = "会合: a subject that is so long that it must be folded more than once, Brussels"
    office.run("digest", "draft", "meetings", "--subject", subject, "--item", item)
    office.run("digest", "queue", "1")
