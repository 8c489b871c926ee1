"""Everything looked at, side by side, within a minute: whatever breaks is itself a finding."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailer import dkim
from mailer.app import App
from mailer.check import (
    blocklists,
    clocks,
    domains,
    extras,
    ground,
    mailboxes,
    own_keys,
    pages,
    relays,
    signing,
    store,
    sts,
    times,
)
from mailer.check.allowing import findings as spf_findings
from mailer.check.finding import DNS, Finding, Part, State
from mailer.check.names import Resolver
from mailer.check.sending import Sending, sendings
from mailer.clock import Clock
from mailer.dkim import Standing
from mailer.errors import ConfigError, MailerError, NotFound
from mailer.lists import Card

SECONDS_IN_ALL = 60
"""How long everything may take; what was not looked at by then could not be checked."""

GRACE_SECONDS = 1
"""How much longer is waited than anybody was given, so that what they found by then is told."""

AT_ONCE = 8
"""How many things are looked at side by side: they wait for others, mostly."""

ASK_ANOTHER = (
    "Let UDP to port 123 through, or set check.time_server to a server of your network; "
    "empty asks nobody."
)
ZONES = tuple(part for part in DNS if part is not Part.BLOCKLISTS)
"""The parts that zone_findings speaks of."""

ORDER = {part: place for place, part in enumerate(Part)}
Moved = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What to look at: every part unless some are named, every list unless one is.

    `resolver` is the address of a name server; empty takes those of this machine.
    """

    only: Collection[Part] = ()
    slug: str = ""
    resolver: str = ""
    seconds: float = SECONDS_IN_ALL

    def has(self, *parts: Part, skip: Collection[str] = ()) -> bool:
        """Tell whether some of these parts are wanted; `skip` counts unless some are named."""
        wanted = set(parts) & set(self.only) if self.only else set(parts) - set(skip)
        return bool(wanted)


def check(
    path: Path, wish: Wish, *, clock: Clock | None = None, moved: Moved = lambda *_: None
) -> list[Finding]:
    """Look at an installation without changing it; give what was found, in the order of parts.

    Settings that are wrong are findings too, and then the only ones. Raises NotFound for a list
    that is not there, UsageError for a name server that is none.
    """
    resolver = Resolver(wish.resolver, seconds=wish.seconds)
    try:
        app = App.at_rest(path, clock=clock)
    except ConfigError as error:
        todo = "Mend it; everything else can be looked at then."
        return [_wrong(problem, path, todo) for problem in error.problems]
    except MailerError as error:
        return [Finding(Part.DATABASE, str(path), State.FAIL, f"{error}.", "See database.url.")]
    try:
        return _Inspection(app, wish, resolver).run(moved)
    finally:
        app.close()


def _wrong(problem: str, path: Path, todo: str) -> Finding:
    subject, _, says = problem.partition(": ")
    return Finding(Part.CONFIG, subject if says else str(path), State.FAIL, says or problem, todo)


class _Inspection:
    """One look at everything that was wished for."""

    def __init__(self, app: App, wish: Wish, names: Resolver) -> None:
        self._app = app
        self._wish = wish
        self._names = names
        self._until = time.monotonic() + wish.seconds
        self._found: list[Finding] = []

    def run(self, moved: Moved) -> list[Finding]:
        """Look at what is here first, for it says whom to ask; then at everybody outside."""
        self._here()
        cards = self._cards()
        signed, waiting = (self._keyed(one) for one in (Standing.SIGNS, Standing.NEW))
        tasks = self._tasks(cards, sendings(self._app, cards, signed, waiting))
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="check")
        running = {pool.submit(look): about for about, look in tasks}
        try:
            self._collect(running, moved)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        wanted = [one for one in dict.fromkeys(self._found) if self._has(one.part)]
        return sorted(wanted, key=lambda one: ORDER[one.part])

    def _has(self, *parts: Part) -> bool:
        return self._wish.has(*parts, skip=self._app.settings.check.skip)

    def _here(self) -> None:
        app, now = self._app, self._app.clock.now()
        self._found += [*ground.settings(app), *ground.disk(app), ground.zones()]
        visit = store.look(app)
        self._usable = visit.usable
        self._found += visit.findings
        if visit.now is not None:
            self._found.append(clocks.compare("database server", visit.now, now=now))
        if visit.usable:
            with app.database.reading() as session:
                self._found += store.work(session, app, now=now)

    def _cards(self) -> list[Card]:
        cards = store.cards(self._app) if self._usable else []
        slug = self._wish.slug
        if slug and self._usable:
            cards = [card for card in cards if card.list.slug == slug]
            if not cards:
                raise NotFound("list", slug)
        if not cards and self._usable:
            says = "There is no list yet; its sender is looked at once there is one."
            todo = "Make one: mailer list add"
            self._found.append(Finding(Part.WORK, "lists", State.WARN, says, todo))
        return cards

    def _keyed(self, standing: Standing) -> set[str]:
        """Give the domains that have a key of ours which stands so."""
        if not self._usable:
            return set()
        with self._app.database.reading() as session:
            return {key.domain for key in dkim.every(session) if dkim.standing(key) is standing}

    def _tasks(
        self, cards: Sequence[Card], them: Sequence[Sending]
    ) -> list[tuple[Part, Callable[[], Any]]]:
        tasks: list[tuple[Part, Callable[[], Any]]] = []
        if self._has(Part.PAGES, Part.CLOCK) and self._app.settings.tokens.keys:
            tasks.append((Part.PAGES, self._pages))
        if self._has(Part.CLOCK) and self._app.settings.check.time_server:
            tasks.append((Part.CLOCK, self._time))
        if self._has(Part.RELAY, Part.CLOCK):
            tasks.extend((Part.RELAY, self._relay(name, them)) for name in self._routes())
        if self._has(Part.DKIM) and self._usable and self._app.settings.tokens.keys:
            tasks.append((Part.DKIM, self._keys({one.domain for one in them}, cards)))
        if self._has(*ZONES):
            tasks.extend((Part.DOMAIN, self._zones(one)) for one in them)
        if self._has(Part.BLOCKLISTS):
            tasks.append((Part.BLOCKLISTS, lambda: self._blocklists(them)))
        if self._has(Part.MAILBOXES) and them:
            tasks.append((Part.MAILBOXES, lambda: self._mailboxes(them)))
        if self._has(Part.EXTRAS):
            by_domain = {one.domain: one for one in them}
            tasks.extend((Part.EXTRAS, self._extras(one)) for one in by_domain.values())
        return tasks

    def _keys(
        self, domains_: Collection[str], cards: Sequence[Card]
    ) -> Callable[[], Iterable[Finding]]:
        def look() -> Iterable[Finding]:
            return own_keys.look(self._app, self._names, domains_, cards)

        return look

    def _routes(self) -> list[str]:
        try:
            return list(self._app.routes)
        except ConfigError as error:
            self._found += [
                Finding(Part.CONFIG, "routes", State.FAIL, why) for why in error.problems
            ]
            return []

    def _pages(self) -> Iterable[Finding]:
        now = self._app.clock.now()
        visit = pages.look(self._app.links, seconds=self._left, now=now)
        # Most answers come from this very machine, so that a clock that agrees proves nothing.
        apart = [
            one for one in self._clock("web.base_url", visit.date) if one.state is not State.OK
        ]
        return [*visit.findings, *apart]

    def _time(self) -> Iterable[Finding]:
        server, clock = self._app.settings.check.time_server, self._app.clock
        witness, brief = f"time server {server}", min(self._left, times.SECONDS_AN_ANSWER)
        try:
            ahead = times.ask(server, self._names, now=clock.now, seconds=brief)
        except times.NoTime as error:
            says = f"Could not check: {error}."
            return [Finding(Part.CLOCK, witness, State.UNKNOWN, says, ASK_ANOTHER)]
        now = clock.now()
        found = clocks.compare(witness, now - ahead, now=now, worth_a_word=clocks.SLACK)
        return [found]

    def _relay(self, name: str, them: Sequence[Sending]) -> Callable[[], Iterable[Finding]]:
        def look() -> Iterable[Finding]:
            route = self._app.routes[name]
            mine = [one for one in them if one.name == name]
            now = self._app.clock.now()
            visit = relays.look(route, mine, seconds=self._left, now=now)
            return [*visit.findings, *self._clock(f"relay {route.host}", visit.greeting)]

        return look

    def _zones(self, one: Sending) -> Callable[[], Iterable[Finding]]:
        def look() -> Iterable[Finding]:
            return zone_findings(self._names, one)

        return look

    def _extras(self, one: Sending) -> Callable[[], Iterable[Finding]]:
        return lambda: extras.findings(self._names, one, port=sts.HTTPS_PORT)

    def _blocklists(self, them: Sequence[Sending]) -> Iterable[Finding]:
        wanted = self._app.settings.check
        return list(blocklists.findings(self._names, wanted, them, self._app.links.base))

    def _mailboxes(self, them: Sequence[Sending]) -> Iterable[Finding]:
        boxes = mailboxes.wanted(self._names, them)
        hello = them[0].route.hello or None
        port = mailboxes.SMTP_PORT
        return mailboxes.look(self._names, boxes, hello, seconds=self._left, port=port)

    def _clock(self, witness: str, text: str) -> list[Finding]:
        theirs = clocks.told(text)
        if theirs is None:
            return []
        return [clocks.compare(witness, theirs, now=self._app.clock.now())]

    def _collect(self, running: dict["Future[Any]", Part], moved: Moved) -> None:
        moved(0, len(running))
        open_ = set(running)
        try:
            for done in as_completed(running, timeout=self._left + GRACE_SECONDS):
                open_.discard(done)
                moved(len(running) - len(open_), len(running))
                self._found += done.result()
        except TimeoutError:
            for part in dict.fromkeys(running[one] for one in open_):
                says = f"Could not check: not finished within {self._wish.seconds:g} seconds."
                self._found.append(Finding(part, "time", State.UNKNOWN, says, "Try again."))
        if not any(one.part is Part.CLOCK and one.subject != "time zones" for one in self._found):
            says = "Could not check: nobody that was asked says what time it is."
            todo = "Name a server that does (check.time_server), or compare by eye: date -u"
            self._found.append(Finding(Part.CLOCK, "clock", State.UNKNOWN, says, todo))

    @property
    def _left(self) -> float:
        return max(0.1, self._until - time.monotonic())


def zone_findings(names: Resolver, one: Sending) -> list[Finding]:
    """Give what name servers say about one sender and its route."""
    found = _domain(names, one.domain, "the domain in From")
    if one.envelope != one.domain:
        found += _domain(names, one.envelope, "the domain of the return path")
    found += spf_findings(names, one)
    found += signing.key(names, one)
    found += signing.policy(names, one)
    return found + domains.hello(names, one)


def _domain(names: Resolver, domain: str, what: str) -> list[Finding]:
    takes = domains.takes_mail(names, domain, what)
    # Of a domain that is not there at all, one finding is enough.
    lives = takes.state in {State.OK, State.WARN}
    return [takes, *(domains.authority(names, domain, what) if lives else [])]
