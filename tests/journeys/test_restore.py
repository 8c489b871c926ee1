"""Yesterday's backup put back: nobody gets anything twice, who left stays gone, old links work."""

import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import httpx2
import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import update

from mailer import media
from mailer.clock import SystemClock
from mailer.db import Database
from mailer.db.schema import Digest
from tests.installation import wait_for
from tests.journeys.forked import Running
from tests.journeys.office import Office
from tests.smtp_server import SmtpServer

pytestmark = [pytest.mark.gate, pytest.mark.timeout(240)]

PATIENCE_SECONDS = 90
READERS = [f"reader{number}@d{number % 3}.example.org" for number in range(20)]
PICTURE = b"\x89PNG\r\n\x1a\n and what follows"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as relay:
        yield relay


@pytest.fixture
def office(tmp_path: Path, copied_database_url: str, server: SmtpServer) -> Office:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    made = Office(tmp_path / "office")
    made.found(
        database__url=copied_database_url,
        smtp__port=str(server.port),
        smtp__security="none",
        web__port=str(port),
        web__base_url=f"http://127.0.0.1:{port}/",
        subscribe__form_seconds="0",
        delivery__lease_seconds="5",
        log__level="warning",
    )
    made.run("list", "add", "meetings", "--name", "Meeting news", "--from", "news@example.org")
    people = made.file("people.csv", "\n".join(["address", *READERS]))
    made.run("subscriber", "import", "meetings", people, "--confirmed", "--basis", "asked by mail")
    return made


@contextmanager
def serving(office: Office) -> Iterator[tuple[Running, httpx2.Client]]:
    process = office.start("serve")
    try:
        with httpx2.Client(base_url=office.settings["MAILER_WEB__BASE_URL"], timeout=20) as web:
            wait_for(lambda: is_ready(web), seconds=PATIENCE_SECONDS)
            yield process, web
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def is_ready(web: httpx2.Client) -> bool:
    try:
        return web.get("/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def queued(office: Office, subject: str, *, after: timedelta | None = None) -> str:
    text = office.file("introduction.md", "What the meetings came to.")
    made = office.run(
        "digest", "draft", "meetings", "--subject", subject, "--introduction", text
    ).strip()
    when = SystemClock().now() + after if after else None
    office.run("digest", "queue", made, *(["--at", f"{when:%Y-%m-%dT%H:%M:%S}"] if when else []))
    return made


def taken(server: SmtpServer, subject: str) -> dict[str, int]:
    line = f"Subject: {subject}\r\n".encode()
    return dict(Counter(one.recipient for one in server.messages if line in one.content))


def leave_link(server: SmtpServer, reader: str, subject: str) -> str:
    for one in server.messages:
        mail = message_from_bytes(one.content, policy=policy.default)
        if one.recipient == reader and mail["Subject"] == subject:
            return str(re.findall(r"<(http[^>]+)>", mail["List-Unsubscribe"])[0])
    raise AssertionError(f"no “{subject}” came to {reader}")


def subscribe(web: httpx2.Client, address: str) -> None:
    form = LexborHTMLParser(web.get("/l/meetings").text).css_first("form")
    assert form is not None
    fields = {
        str(one.attributes["name"]): one.attributes.get("value") or ""
        for one in form.css("input[name]")
    }
    web.post(
        form.attributes["action"] or "/l/meetings",
        data=fields | {"address": address, "action": "subscribe"},
    )


def test_a_backup_of_before_a_digest_is_restored_after_it(
    office: Office, server: SmtpServer, tmp_path: Path
) -> None:
    # Given an office with a picture, and a backup taken while a digest is scheduled
    picture = hosted(office, PICTURE)
    everybody = dict.fromkeys(READERS, 1)
    with serving(office) as (process, web):
        digest = queued(office, "Before", after=timedelta(hours=1))
        backup = office.json("backup", tmp_path / "copy.zip")["file"]
        with pytest.raises(AssertionError, match="at work here; stop it first"):
            office.run("restore", backup, "--replace")

        # When its hour comes and it goes out, one reader leaves by its link, and the machine dies
        let_the_hour_come(office)
        wait_for(lambda: taken(server, "Before") == everybody, seconds=PATIENCE_SECONDS)
        gone, old_link = READERS[0], leave_link(server, READERS[1], "Before")
        assert web.post(leave_link(server, gone, "Before")).status_code == 200
        children = subprocess.check_output(["pgrep", "-P", str(process.pid)], text=True).split()
        for one in (process.pid, *map(int, children)):
            os.kill(one, signal.SIGKILL)
        process.wait()
    office.run("restore", backup, "--replace")
    let_the_hour_come(office)

    with serving(office) as (_, web):
        # Then nothing goes of what the copy takes for unsent, though its hour has passed
        time.sleep(4)
        assert taken(server, "Before") == everybody
        held = office.json("held")
        assert [(str(one["digest"]), one["goes_on"]) for one in held] == [(digest, "scheduled")]
        assert web.get("/readyz").json()["ready"]

        # And who left since is off, the picture is there, a link of the lost day still works
        assert standing(office, gone) == "unsubscribed"
        assert web.get(f"/m/{picture}.png").content == PICTURE
        assert web.post(old_link).status_code == 200
        assert standing(office, READERS[1]) == "unsubscribed"

        # And whoever subscribes now is written to at once
        before = len(server.messages)
        subscribe(web, "new@example.org")
        server.wait_for(before + 1, seconds=PATIENCE_SECONDS)
        assert server.messages[-1].recipient == "new@example.org"

        # When its owner, who knows that it went, drops it, and the next digest goes out
        office.run("release", "--digest", digest, "--drop")
        queued(office, "After")
        rest = dict.fromkeys(READERS[2:], 1)
        wait_for(lambda: taken(server, "After") == rest, seconds=PATIENCE_SECONDS)

        # Then everybody had each of them once
        time.sleep(1)
        assert taken(server, "After") == rest
        assert taken(server, "Before") == everybody
        assert office.json("held") == []


def hosted(office: Office, content: bytes) -> str:
    database = Database(office.settings["MAILER_DATABASE__URL"])
    with database.writing() as session:
        known = media.put(session, content, "image/png", now=SystemClock().now())
    database.close()
    return known


def let_the_hour_come(office: Office) -> None:
    """Make it so late that every digest is due: commands take as long as the machine lets them."""
    database = Database(office.settings["MAILER_DATABASE__URL"])
    with database.writing() as session:
        session.execute(update(Digest).values(due_at=SystemClock().now()))
    database.close()


def standing(office: Office, reader: str) -> str:
    [found] = office.json("subscriber", "show", reader)["subscriptions"]
    return str(found["state"])
