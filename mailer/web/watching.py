"""How digests go, looked at at most once a second in a process, however many watch.

What takes longer to find out (who takes the mail, when it will be through) is looked at more
rarely, and the more rarely the longer it takes.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailer import delivery, ledger
from mailer.app import App
from mailer.delivery import Ahead, Report
from mailer.ledger import Sums

EVERY = timedelta(seconds=1)
AHEAD_EVERY = timedelta(seconds=10)
AHEAD_SHARE = 20
"""What is looked at rarely waits twenty times as long as it took: it may cost a twentieth."""

REPORT_EVERY = timedelta(minutes=10)
"""What comes back later (a bounce) shows in a report after so long at the latest."""

WINDOW = timedelta(seconds=60)
"""Over how long the rate is taken."""

SHORTEST = timedelta(seconds=5)
"""Before so much was seen, a rate would be a guess."""

MOST_WATCHED = 40
"""Digests that a process remembers; those looked at longest ago go first."""


@dataclass(frozen=True, slots=True)
class Glance:
    """How a digest stands at a moment; `per_minute` is None until enough was seen."""

    at: datetime
    sums: Sums
    ahead: Ahead
    per_minute: float | None = None

    @property
    def through_at(self) -> datetime | None:
        """Give when it will be through: as its relay's limits say, else at the rate of now."""
        if self.ahead.through_at is not None or not self.per_minute or not self.sums.open:
            return self.ahead.through_at
        minutes = self.sums.open / self.per_minute
        # Beyond this a forecast of a minute means nothing.
        return self.at + timedelta(minutes=minutes) if minutes < 60 * 24 * 60 else None


@dataclass
class _Watched:
    lock: threading.Lock = field(default_factory=threading.Lock)
    glance: Glance | None = None
    ahead: Ahead | None = None
    ahead_until: datetime | None = None
    reporting: threading.Lock = field(default_factory=threading.Lock)
    report: tuple[datetime, Report] | None = None
    seen: deque[tuple[datetime, int]] = field(default_factory=deque)


class Watching:
    """What a process knows of the digests that somebody watches; for any thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._watched: OrderedDict[int, _Watched] = OrderedDict()

    def look(self, digest_id: int) -> Glance:
        """Give how a digest stands, not longer than a second ago."""
        watched = self._of(digest_id)
        with watched.lock:
            now = self._app.clock.now()
            if watched.glance is None or _is_old(watched.glance.at, EVERY, now):
                watched.glance = self._glance(digest_id, watched, now)
            return watched.glance

    def report(self, digest_id: int) -> Report:
        """Give what became of a digest, as of ten minutes ago at most, while its sums stand."""
        sums, watched = self.look(digest_id).sums, self._of(digest_id)
        with watched.reporting:
            now, known = self._app.clock.now(), watched.report
            if known is None or known[1].sums != sums or _is_old(known[0], REPORT_EVERY, now):
                known = now, self._app.database.read(delivery.report, digest_id, now=now)
                watched.report = known
            return known[1]

    def forget(self, digest_id: int) -> None:
        """Look anew at the next look: somebody has just changed how it stands."""
        watched = self._of(digest_id)
        with watched.lock:
            watched.glance = watched.ahead_until = watched.report = None

    def _of(self, digest_id: int) -> _Watched:
        with self._lock:
            found = self._watched.setdefault(digest_id, _Watched())
            self._watched.move_to_end(digest_id)
            while len(self._watched) > MOST_WATCHED:
                self._watched.popitem(last=False)
            return found

    def _glance(self, digest_id: int, watched: _Watched, now: datetime) -> Glance:
        sums = self._app.database.read(ledger.sums, digest_id)
        if watched.ahead is None or watched.ahead_until is None or now >= watched.ahead_until:
            watched.ahead, took = self._timed(lambda: self._ahead(digest_id, sums, now))
            watched.ahead_until = now + max(AHEAD_EVERY, took * AHEAD_SHARE)
        return Glance(now, sums, watched.ahead, _rate(watched.seen, sums, now))

    def _ahead(self, digest_id: int, sums: Sums, now: datetime) -> Ahead:
        settings = self._app.settings
        life_of = timedelta(hours=settings.delivery.digest_give_up_hours)
        with self._app.database.reading() as session:
            return delivery.ahead(
                session, digest_id, sums, settings.all_routes(), now=now, life_of=life_of
            )

    def _timed(self, find: Callable[[], Ahead]) -> tuple[Ahead, timedelta]:
        began = self._app.clock.boottime()
        found = find()
        return found, timedelta(seconds=self._app.clock.boottime() - began)


def _rate(seen: deque[tuple[datetime, int]], sums: Sums, now: datetime) -> float | None:
    """Note how many are done by now; give how many were in a minute."""
    done = sums.recipients - sums.open
    if seen and (seen[-1][1] > done or seen[-1][0] > now):
        seen.clear()  # some go again, or the clock was set back
    while len(seen) > 1 and seen[1][0] <= now - WINDOW:
        seen.popleft()
    if seen and now - seen[-1][0] > WINDOW:
        seen.clear()  # nobody looked for long: what happened meanwhile says nothing of now
    seen.append((now, done))
    first_at, first = seen[0]
    span = now - first_at
    return (done - first) * (timedelta(minutes=1) / span) if span >= SHORTEST else None


def _is_old(at: datetime, most: timedelta, now: datetime) -> bool:
    return not timedelta(0) <= now - at < most
