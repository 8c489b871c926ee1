"""How long does a reader wait for a page of the archive? By words, by topic, by year.

    python benchmarks/archive.py [--digests 2000] [--items 10] [--rounds 10]

A list with so many digests that went out, each with so many items of a hundred and fifty words, is
looked through as its page does it: the whole answer of `/l/SLUG/archive`, on SQLite and on a
PostgreSQL server of its own. Told is the processor's time, ours and the server's, in milliseconds,
which is what a reader waits for on a machine with nothing else to do; the exit code says whether
all were under two hundred.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import _bench
from sqlalchemy import insert, text
from sqlmodel import Session
from starlette.testclient import TestClient

from mailer import web
from mailer.db.schema import (
    Digest,
    DigestEdition,
    DigestItem,
    DigestState,
    DigestText,
    Edition,
    EditionItem,
    Item,
    ItemGroup,
    ItemVersion,
)
from mailer.folding import folded
from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock
from tests.smtp_server import SmtpServer

MOST_MILLISECONDS = 200
WORDS_OF_AN_ITEM = 150
TOPICS = ("Training", "Data", "Laboratories", "Borders", "Trade", "People")
FIRST = date(1990, 1, 1)
RARE = "quinquennial"
"""Said by one item in a thousand."""

QUERIES = {
    "the archive": "",
    "a year": "?year=2001",
    "a topic": "?topic=Training",
    "a word that all say": "?q=meeting",
    "a word that few say": f"?q={RARE}",
    "a word that none says": "?q=unheardof",
    "three words": "?q=meeting+harbour+capacity",
    "part of a word, in a year": "?q=abor&year=2001",
}


def main() -> int:
    """Measure, print, and give the exit code."""
    options = _options()
    is_good = True
    for name in options.databases:
        with _office(name) as office:
            with office.app.database.writing() as session:
                _fill(session, office.list_id, options.digests, options.items)
            found = _measure(office, options.rounds)
        for what, milliseconds in found.items():
            print(f"{name:12}{what:28}{milliseconds:8.0f} ms")
        is_good = is_good and max(found.values()) < MOST_MILLISECONDS
    return 0 if is_good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--digests", type=int, default=2000)
    parser.add_argument("--items", type=int, default=10, help="of each digest")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    return parser.parse_args()


@contextmanager
def _office(wanted: str) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory() as name, SmtpServer() as relay:
        folder = Path(name)
        with _bench.database(wanted, folder) as url:
            office = Installation(folder / "office", url, relay, RunningClock(MOMENT))
            yield office
            office.close()


def _measure(office: Installation, rounds: int) -> dict[str, float]:
    client = TestClient(web.create(office.app))
    found = {}
    for what, query in QUERIES.items():
        client.get(f"/l/news/archive{query}")  # what is compiled and read once
        began = _processor_seconds(office)
        for _ in range(rounds):
            answer = client.get(f"/l/news/archive{query}")
            assert answer.status_code == 200, answer.text
        found[what] = (_processor_seconds(office) - began) / rounds * 1000
    return found


def _processor_seconds(office: Installation) -> float:
    """Give what we have used of a processor so far, and those who serve our database."""
    ours = time.process_time()
    if office.app.database.is_sqlite:
        return ours
    with office.app.database.reading() as session:
        mine = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        pids = session.execute(mine).scalars().all()
    ticks = 0
    for pid in pids:
        after_name = (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        )
        ticks += int(after_name[11]) + int(after_name[12])  # utime and stime, proc(5)
    return ours + ticks / os.sysconf("SC_CLK_TCK")


def _fill(session: Session, list_id: int, digests: int, items: int) -> None:
    """Put in digests that went out, a week apart."""
    chance = random.Random(1)
    words = _vocabulary(chance)
    numbers = range(1, digests + 1)
    each = range(1, digests * items + 1)
    rows: dict[Any, list[dict[str, Any]]] = {
        ItemGroup: [{"id": one, "created_at": MOMENT} for one in each],
        Item: [
            {"id": one, "group_id": one, "language": "en", "created_at": MOMENT} for one in each
        ],
        ItemVersion: [_version(one, words, chance) for one in each],
        Digest: [_digest(one, list_id) for one in numbers],
        DigestText: [_text(one) for one in numbers],
        Edition: [_edition(one, list_id) for one in numbers],
        DigestEdition: [{"digest_id": one, "language": "en", "edition_id": one} for one in numbers],
        DigestItem: [
            {"digest_id": number, "item_id": one, "position": at, "section": ""}
            for number in numbers
            for at, one in enumerate(_of(number, items))
        ],
        EditionItem: [
            {"edition_id": number, "item_version_id": one, "position": at}
            for number in numbers
            for at, one in enumerate(_of(number, items))
        ],
    }
    for table, values in rows.items():
        session.execute(insert(table), values)


def _of(number: int, items: int) -> range:
    return range((number - 1) * items + 1, number * items + 1)


def _vocabulary(chance: random.Random) -> list[str]:
    letters = "aeiounrtslcdm"
    made = ["".join(chance.choices(letters, k=chance.randint(3, 11))) for _ in range(3000)]
    return [*made, "harbour", "capacity", "laboratories", "customs"]


def _version(one: int, words: Sequence[str], chance: random.Random) -> dict[str, Any]:
    title = f"Meeting {one} on {chance.choice(words)}"
    body = " ".join(chance.choices(words, k=WORDS_OF_AN_ITEM))
    rare = f" {RARE}" if one % 1000 == 1 else ""
    return {
        "id": one,
        "item_id": one,
        "number": 1,
        "title": title,
        "body": body,
        "topic": TOPICS[one % len(TOPICS)],
        "words": folded(f"{title}\n{body}{rare}"),
        "created_at": MOMENT,
    }


def _digest(one: int, list_id: int) -> dict[str, Any]:
    return {
        "id": one,
        "list_id": list_id,
        "number": one,
        "dated_on": FIRST + timedelta(weeks=one),
        "layout": "letterhead",
        "state": DigestState.SENT,
        "created_at": MOMENT,
        "sent_at": MOMENT,
    }


def _text(one: int) -> dict[str, Any]:
    subject = f"News no. {one}"
    return {"digest_id": one, "language": "en", "subject": subject, "words": folded(subject)}


def _edition(one: int, list_id: int) -> dict[str, Any]:
    return {
        "id": one,
        "hash": f"edition {one}",
        "kind": "digest",
        "layout": "letterhead",
        "language": "en",
        "list_id": list_id,
        "subject": f"News no. {one}",
        "html": "<p>…</p>" * 2000,
        "text": "…" * 2000,
        "created_at": MOMENT,
    }


if __name__ == "__main__":
    sys.exit(main())
