"""Does the box tell who is subscribed? 1,000 posts for each kind of address, mixed, one by one.

    python benchmarks/box_timing.py [--posts 1000] [--database postgresql://…]

A throw-away installation is served by `mailer serve`, whose worker acts on what is asked
meanwhile. Compared are status, headers but Date, and body; medians must lie within 10 % of one
another, and no address may get more than three letters. The exit code says whether all held.
"""

import argparse
import http.client
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

from sqlalchemy import func, select
from sqlmodel import Session, col

from mailer import address, lists, subscribers, web
from mailer.app import App
from mailer.db.schema import Ask, Delivery, DeliveryKind, SuppressionReason
from mailer.subscribers import Wish

KINDS = ("new", "pending", "confirmed", "suppressed", "limited")
SPREAD = 0.10
MOST_LETTERS = 3
ASKED_FOR = (DeliveryKind.CONFIRMATION, DeliveryKind.ALREADY, DeliveryKind.LEAVE)
CHUNK = 200
WARM_UP = 100
PATIENCE_SECONDS = 300


@dataclass
class Heard:
    """What came back for one kind of address."""

    seconds: list[float] = field(default_factory=list)
    answers: set[tuple[int, str, bytes]] = field(default_factory=set)


def main() -> int:
    """Measure, print, and give the exit code."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        config = _found(Path(folder), options.database)
        with App.open(config) as app:
            _prepare(app, options.posts)
            with _served(config, app) as port:
                heard = _measure(port, options.posts)
                _wait_until_acted_upon(app)
            letters = app.database.read(_most_letters)
    return _report(heard, letters)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--posts", type=int, default=1000, help="for each kind of address")
    parser.add_argument("--database", help="URL of an empty database instead of SQLite")
    return parser.parse_args()


# ------------------------------------------------------------------------- before


def _found(folder: Path, database: str | None) -> Path:
    """Make an installation whose settings go with every process started from here."""
    with web.listen("127.0.0.1", 0) as free, web.listen("127.0.0.1", 0) as silent:
        os.environ["MAILER_WEB__PORT"] = str(web.port_of(free))
        # Nothing listens there: letters wait, and the relay does not take part in the race.
        os.environ["MAILER_SMTP__PORT"] = str(web.port_of(silent))
    # Each post says that it comes from a network of its own, as posts of many readers do.
    os.environ["MAILER_WEB__TRUSTED_PROXIES"] = "127.0.0.0/8"
    os.environ["MAILER_LOG__LEVEL"] = "error"
    if database:
        os.environ["MAILER_DATABASE__URL"] = database
    home = folder / "office"
    subprocess.run(
        [sys.executable, "-m", "mailer", "init", str(home)], check=True, capture_output=True
    )
    return home / "config.toml"


def _prepare(app: App, posts: int) -> None:
    now = app.clock.now()
    new = lists.NewList(
        "meetings", "Meeting News", address.parse("news@office.example"), description="Monthly."
    )
    list_id = app.database.write(lists.create, new, now=now).id
    assert list_id is not None
    for start in range(0, posts, CHUNK):
        app.database.write(_people, app, list_id, range(start, min(start + CHUNK, posts)), now)
    for minutes in (60, 40, 20):
        app.database.write(
            subscribers.subscribe,
            _wish("limited", 0, list_id, network="192.0.2.1"),
            app.rules,
            now=now - timedelta(minutes=minutes),
        )


def _people(session: Session, app: App, list_id: int, numbers: range, now: datetime) -> None:
    for number in numbers:
        pending = _wish("pending", number, list_id)
        subscribers.subscribe(session, pending, app.rules, now=now - timedelta(minutes=30))
        confirmed = _wish("confirmed", number, list_id)
        subscribers.add_confirmed(session, confirmed, "a benchmark", now=now)
        key = address.parse(_address("suppressed", number)).key
        subscribers.suppress(session, key, SuppressionReason.COMPLAINT, now=now)


def _wish(kind: str, number: int, list_id: int, network: str | None = None) -> Wish:
    return Wish(address.parse(_address(kind, number)), list_id, "en", network=network)


def _address(kind: str, number: int) -> str:
    """Give an address; they are all of one length, for a longer one takes longer to send."""
    shown = 0 if kind == "limited" else number
    return f"{kind:x<10}{shown:06}@reader.example"


# ------------------------------------------------------------------------- meanwhile


@contextmanager
def _served(config: Path, app: App) -> Iterator[int]:
    command = [sys.executable, "-m", "mailer", "--config", str(config), "serve"]
    process = subprocess.Popen(command)
    port = app.settings.web.port
    try:
        _wait_until_ready(port)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_ready(port: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            line.request("GET", "/readyz")
            if line.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit("the pages are not ready")


def _measure(port: int, posts: int) -> dict[str, Heard]:
    """Post once for each address, all kinds mixed, on one connection that stays open."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    line.request("GET", "/l/meetings")
    page = line.getresponse().read().decode()
    found = re.search(r'name="shown" value="([^"]+)"', page)
    assert found is not None
    time.sleep(3)  # younger forms come from programs
    turns = [(kind, number) for kind in KINDS for number in range(posts)]
    random.shuffle(turns)
    for number in range(WARM_UP):
        _post(line, found[1], f"warming{number:06}@reader.example", number)
    heard: dict[str, Heard] = defaultdict(Heard)
    for at, (kind, number) in enumerate(turns):
        began = time.perf_counter()
        answer = _post(line, found[1], _address(kind, number), at)
        heard[kind].seconds.append(time.perf_counter() - began)
        heard[kind].answers.add(answer)
    return heard


def _post(
    line: http.client.HTTPConnection, shown: str, typed: str, at: int
) -> tuple[int, str, bytes]:
    fields = {"address": typed, "action": "subscribe", "shown": shown, "lang": "en", "subject": ""}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Forwarded-For": f"10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}",
    }
    line.request("POST", "/l/meetings", urlencode(fields), headers)
    answer = line.getresponse()
    told = [f"{name}: {value}" for name, value in answer.getheaders() if name.lower() != "date"]
    return answer.status, "\n".join(told), answer.read()


def _wait_until_acted_upon(app: App) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if not app.database.read(_asks):
            return
        time.sleep(0.5)
    raise SystemExit("what was asked has not been acted upon")


def _asks(session: Session) -> int:
    return int(session.execute(select(func.count()).select_from(Ask)).scalar_one())


# ------------------------------------------------------------------------- after


def _most_letters(session: Session) -> int:
    counted = (
        select(func.count().label("letters"))
        .where(col(Delivery.kind).in_(ASKED_FOR))
        .group_by(col(Delivery.key))
        .subquery()
    )
    return int(session.execute(select(func.max(counted.c.letters))).scalar_one())


def _report(heard: dict[str, Heard], letters: int) -> int:
    print(f"{'address':<12}{'posts':>7}{'median ms':>12}{'95 % ms':>10}")
    for kind in KINDS:
        seconds = heard[kind].seconds
        tail = quantiles(seconds, n=20)[-1]
        print(f"{kind:<12}{len(seconds):>7}{median(seconds) * 1000:>12.2f}{tail * 1000:>10.2f}")
    medians = [median(heard[kind].seconds) for kind in KINDS]
    spread = max(medians) / min(medians) - 1
    answers = set().union(*(heard[kind].answers for kind in KINDS))
    print(f"medians differ by {spread:.1%} at most (allowed: {SPREAD:.0%})")
    print(f"different answers (status, headers but Date, body): {len(answers)} (allowed: 1)")
    print(f"letters to one address: {letters} at most (allowed: {MOST_LETTERS})")
    return int(spread > SPREAD or len(answers) != 1 or letters > MOST_LETTERS)


if __name__ == "__main__":
    raise SystemExit(main())
