"""How digests go, looked at at most once a second in a process, however many watch.

What takes longer to find out (who takes the mail, when it will be through) is looked at more
rarely, and the more rarely the longer it takes.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from mailer import delivery, ledger
from mailer.app import App
from mailer.delivery import Ahead, Report
from mailer.ledger import Sums

log = structlog.get_logger(__name__)

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

SHARE = 5
"""Counting waits five times as long as it took: of a digest of a million, some seconds."""

SMALL = 50_000
"""Recipients up to which all is counted while somebody waits for the page; of more, beside."""

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
class _Slow:
    """What takes long to count of a large digest: the last there is, and whether one is made."""

    found: Any = None
    of: Sums | None = None
    until: datetime | None = None
    is_made: bool = False


@dataclass
class _Watched:
    lock: threading.Lock = field(default_factory=threading.Lock)
    glance: Glance | None = None
    until: datetime | None = None
    ahead: _Slow = field(default_factory=_Slow)
    report: _Slow = field(default_factory=_Slow)
    seen: deque[tuple[datetime, int]] = field(default_factory=deque)


class Watching:
    """What a process knows of the digests that somebody watches; for any thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._watched: OrderedDict[int, _Watched] = OrderedDict()

    def look(self, digest_id: int) -> Glance:
        """Give how a digest stands, not longer than a second ago (five times what it takes)."""
        watched = self._of(digest_id)
        with watched.lock:
            return self._look(digest_id, watched)

    def report(self, digest_id: int) -> Report | None:
        """Give what became of a digest; None while that of a large one is counted.

        As of ten minutes ago at most, unless nobody had looked for so long.
        """
        watched = self._of(digest_id)
        with watched.lock:
            sums = self._look(digest_id, watched).sums
            if watched.report.of != sums and not watched.report.is_made and _is_small(sums):
                watched.report.until = None

            def find(now: datetime) -> Report:
                return self._app.database.read(delivery.report, digest_id, now=now)

            found: Report | None = self._found(watched, watched.report, sums, find, REPORT_EVERY)
            return found

    def forget(self, digest_id: int) -> None:
        """Look anew at the next look: somebody has just changed how it stands."""
        watched = self._of(digest_id)
        with watched.lock:
            watched.glance = watched.ahead.until = watched.report.until = None

    def _of(self, digest_id: int) -> _Watched:
        with self._lock:
            found = self._watched.setdefault(digest_id, _Watched())
            self._watched.move_to_end(digest_id)
            while len(self._watched) > MOST_WATCHED:
                self._watched.popitem(last=False)
            return found

    def _look(self, digest_id: int, watched: _Watched) -> Glance:
        now = self._app.clock.now()
        known, until = watched.glance, watched.until
        if known is None or until is None or not known.at <= now < until:
            began = self._app.clock.boottime()
            sums = self._app.database.read(ledger.sums, digest_id)
            took = timedelta(seconds=self._app.clock.boottime() - began)
            ahead = self._ahead(digest_id, watched, sums)
            known = Glance(now, sums, ahead, _rate(watched.seen, sums, now))
            watched.glance, watched.until = known, now + max(EVERY, took * SHARE)
        return known

    def _ahead(self, digest_id: int, watched: _Watched, sums: Sums) -> Ahead:
        settings = self._app.settings
        life_of = timedelta(hours=settings.delivery.digest_give_up_hours)
        routes = settings.all_routes()

        def find(now: datetime) -> Ahead:
            with self._app.database.reading() as session:
                near = delivery.ahead(session, digest_id, routes, now=now, life_of=life_of)
                far = delivery.destinations(session, digest_id, sums, now=now)
            return replace(near, destinations=far)

        found: Ahead | None = self._found(watched, watched.ahead, sums, find, AHEAD_EVERY)
        if found is not None:
            return found
        now = self._app.clock.now()
        with self._app.database.reading() as session:
            return delivery.ahead(session, digest_id, routes, now=now, life_of=life_of)

    def _found(
        self,
        watched: _Watched,
        slow: _Slow,
        sums: Sums,
        find: Callable[[datetime], Any],
        every: timedelta,
    ) -> Any:
        """Give what takes long to find: at once of a small digest, else from beside."""
        now = self._app.clock.now()
        if slow.is_made or (slow.until is not None and now < slow.until):
            return slow.found
        if _is_small(sums):
            slow.found, slow.of, slow.until = find(now), sums, now + every
            return slow.found
        slow.is_made = True
        making = partial(self._make, watched, slow, sums, find, every)
        threading.Thread(target=making, name="counting", daemon=True).start()
        return slow.found

    def _make(
        self,
        watched: _Watched,
        slow: _Slow,
        sums: Sums,
        find: Callable[[datetime], Any],
        every: timedelta,
    ) -> None:
        began, found = self._app.clock.boottime(), slow.found
        try:
            found = find(self._app.clock.now())
        except Exception:
            log.exception("watching.broken")
        took = timedelta(seconds=self._app.clock.boottime() - began)
        with watched.lock:
            slow.found, slow.of, slow.is_made = found, sums, False
            slow.until = self._app.clock.now() + max(every, took * AHEAD_SHARE)


def _is_small(sums: Sums) -> bool:
    return sums.recipients <= SMALL


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
