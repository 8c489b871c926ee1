"""How long the editors' rooms take to answer, with a million subscribers.

    python benchmarks/rooms.py [--subscribers 1000000] [--digests 2] [--runs 5]
                               [--database sqlite|postgresql|URL]

An installation is filled straight into the tables: subscribers on one list, some of them gone or
suppressed, and digests that went to all of them. Then an owner asks for the main page of each
room, and for subscribers in several ways; each answer is made in process, by the whole of the
pages. The median and the slowest are printed.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import _bench
from _bench import Table, median
from sqlalchemy import text
from starlette.testclient import TestClient

from mailer import address, web
from mailer.accounts import editors, sign_ins
from mailer.accounts.sign_ins import Browser
from mailer.clock import SystemClock
from mailer.db.schema import Role
from mailer.web.rooms.lock import COOKIE
from mailer.web.rooms.table import ROOMS
from tests import rows
from tests.installation import Installation

ASKED = {
    "everybody": "/subscribers",
    "an address": "/subscribers?q=reader77",
    "an address of the list": "/subscribers?q=reader77&list=news",
    "a name": "/subscribers?q=Kim+Tanaka+77",
    "a domain": "/subscribers?q=%40d7.example.org",
    "the list": "/subscribers?list=news",
    "who left": "/subscribers?list=news&state=unsubscribed",
    "a language that nobody has": "/subscribers?list=news&language=is",
    "a day on which nobody came": "/subscribers?list=news&until=2001-01-01",
    "who must not be mailed": "/subscribers?list=news&suppressed=yes",
    "one person": "/subscribers/77",
}

DELIVERIES = """
INSERT INTO deliveries (kind, state, digest_id, list_id, subscriber_id, address, key, domain, name,
    language, context, route, posted_at, due_at, not_after, tries, settled_at, reason, reply_text)
SELECT 'digest', CASE WHEN id % 50 = 0 THEN 'failed' ELSE 'sent' END, :digest, :list, id, address,
    key, domain, name, 'en', '{}', 'smtp', created_at, NULL, created_at, 1, created_at, '', ''
FROM subscribers WHERE id > :after AND id <= :upto
"""

SUPPRESSED = """
INSERT INTO suppressions (key, list_id, reason, note, created_at)
SELECT key, 0, 'bounce', '', created_at FROM subscribers WHERE id % 100 = 0
"""

LEFT = "UPDATE subscriptions SET state = 'unsubscribed', left_at = created_at WHERE {every} = 0"


@dataclass
class Relay:
    """Where nothing is sent to."""

    host: str = "127.0.0.1"
    port: int = 1


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--subscribers", type=int, default=1_000_000)
    parser.add_argument("--digests", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--database", default="sqlite")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        _bench.database(options.database, Path(folder)) as url,
    ):
        (Path(folder) / "office").mkdir()
        office = _bench.office(Path(folder), url, Relay())
        fill(office, options.subscribers, options.digests)
        print(measured(office, options.runs))
        office.close()


def fill(office: Installation, people: int, digests: int) -> None:
    """Put subscribers, digests and their deliveries into the tables."""
    _bench.fill(office, people)
    write, now = office.app.database.writing, office.clock.now()
    with write() as session:
        session.execute(text(SUPPRESSED))
        session.execute(text(LEFT.format(every="subscriber_id % 20")))
        made = [rows.a_digest(session, office.list_id, now=now) for _ in range(digests)]
    for digest in made:
        for after in range(0, people, 50_000):
            with write() as session:
                values = {"digest": digest, "list": office.list_id}
                span = {"after": after, "upto": after + 50_000}
                session.execute(text(DELIVERIES), {**values, **span})
    with write() as session:
        session.execute(text("UPDATE digests SET state = 'sent', sent_at = created_at"))


def measured(office: Installation, runs: int) -> Table:
    """Ask for each page several times; give how long it took."""
    client = owner(office)
    pages = {room.path or "/": room.path for room in ROOMS if room.get and "{" not in room.path}
    pages |= {f"/subscribers: {what}": path for what, path in ASKED.items()}
    table = Table(("page", "median ms", "slowest ms", "status"))
    for what, path in pages.items():
        took, status = [], 0
        for _ in range(runs):
            began = time.perf_counter()
            status = client.get(f"/rooms{path}", follow_redirects=False).status_code
            took.append((time.perf_counter() - began) * 1000)
        table.add(what, f"{median(took):.0f}", f"{max(took):.0f}", status)
    return table


def owner(office: Installation) -> TestClient:
    """Give the browser of an owner who is signed in."""
    now = SystemClock().now()
    new = editors.Newcomer(address.parse("owner@office.example.org"), "Owner", Role.OWNER)
    with office.app.database.writing() as session:
        editor = editors.id_of(editors.invite(session, new, now=now))
        browser = Browser("Measuring/1.0", "127.0.0.1")
        token = sign_ins.begin(session, editor, browser, passed=True, now=now)
    client = TestClient(web.create(office.app))
    client.cookies.set(COOKIE, token, path="/rooms")
    return client


if __name__ == "__main__":
    main()
