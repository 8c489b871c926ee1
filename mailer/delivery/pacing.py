"""Keeping paces at a worker's turns: learning from replies, and who of the claimed may go now.

Whoever may not go yet is sent away until a slot in line, uncounted, and everybody else goes on. A
route of which nothing is known and that nobody has asked to slow down has no pace, and costs
nothing here.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import zip_longest

from sqlmodel import Session

from mailer import config, ledger
from mailer.delivery import exchanges, groups, paces
from mailer.delivery import pace as arithmetic
from mailer.delivery.accounting import Result, said
from mailer.delivery.allowance import Left
from mailer.delivery.exchanges import Groups
from mailer.delivery.groups import ROUTE
from mailer.delivery.outcome import Blame, Verdict
from mailer.delivery.pace import Pace, Terms
from mailer.delivery.paces import Key
from mailer.delivery.resting import A_MINUTE, rest_after
from mailer.ledger import Claimed

MEASURABLE = 20
"""Messages taken in a batch that tell how fast that was."""

A_MOMENT = timedelta(seconds=1)
"""The shortest span of a batch: what came of fewer milliseconds would overstate it."""

TEMPORARY = range(400, 500)


@dataclass(frozen=True, slots=True)
class Stop:
    """A group that stopped, and why: for a notice to the owner."""

    route: str
    group: str
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """Which groups have a pace on which route, at one moment; those `held` and `stopped` too.

    `everywhere`: routes on which every group has one.
    """

    paced: Mapping[str, frozenset[str]] = field(default_factory=dict)
    everywhere: frozenset[str] = frozenset()
    held: frozenset[Key] = frozenset()
    stopped: frozenset[Key] = frozenset()
    groups: Groups = field(default_factory=Groups)

    @property
    def routes(self) -> frozenset[str]:
        """Give the routes on which anybody has a pace."""
        return self.everywhere | frozenset(self.paced)

    def only(self, routes: frozenset[str]) -> "Known":
        """Give what of it is about some routes."""
        paced = {name: some for name, some in self.paced.items() if name in routes}
        return replace(self, paced=paced, everywhere=self.everywhere & routes)

    def has(self, route: str, group: str) -> bool:
        """Tell whether a group has a pace."""
        return route in self.everywhere or group in self.paced.get(route, ())

    def sorts(self, route: str) -> bool:
        """Tell whether some of what goes by a route may have to wait, and others not."""
        return route in self.everywhere or bool(self.paced.get(route, frozenset()) - {ROUTE})

    def may_go(self, claimed: Claimed) -> bool:
        """Tell whether what was claimed before may still go."""
        if not (self.held or self.stopped):
            return True
        key = (claimed.route, self.groups.of(claimed.domain))
        return key not in self.held and (claimed.digest_id is None or key not in self.stopped)


NOBODY = Known()


class Pacer:
    """Keeps the paces of all routes, for one worker."""

    def __init__(self, routes: Mapping[str, config.Route]) -> None:
        self._routes = routes
        self._groups = Groups({name for route in routes.values() for name in route.group_limits})
        self._everywhere = frozenset(
            name for name, route in routes.items() if route.pace is config.Pace.PROVIDERS
        )
        self._given = {
            name: frozenset(route.group_limits)
            for name, route in routes.items()
            if route.group_limits
        }

    def look(self, session: Session, *, now: datetime) -> Known:
        """Give who has a pace."""
        paced = defaultdict(set, {name: set(some) for name, some in self._given.items()})
        held, stopped = set(), set()
        for one in paces.at_a_glance(session, self._routes, self._everywhere, now=now):
            paced[one.route].add(one.group)
            if one.held_until is not None and now < one.held_until:
                held.add((one.route, one.group))
            if one.stopped_at is not None:
                stopped.add((one.route, one.group))
        if not (paced or self._everywhere):
            return NOBODY
        return Known(
            {name: frozenset(some) for name, some in paced.items()},
            self._everywhere,
            frozenset(held),
            frozenset(stopped),
            self._groups,
        )

    def room(self, session: Session, known: Known, route: str, *, now: datetime) -> Left | None:
        """Give how much may leave by a route as a whole; None where it has no pace."""
        if ROUTE not in known.paced.get(route, ()):
            return None
        key = (route, ROUTE)
        found = paces.find(session, {key}).get(key)
        return arithmetic.room(found, self.terms(key), now) if found else None

    # ---------------------------------------------------------------- learning

    def teaching(self, results: Sequence[Result]) -> frozenset[str]:
        """Give the routes whose paces change by how these tries ended."""
        others = [one for one in results if one.outcome.verdict is not Verdict.SENT]
        return frozenset(
            one.claimed.route
            for one in others
            if _is_slow(one) or _is_refusal(one) or _slows_route(one)
        )

    def learn(self, session: Session, known: Known, results: Sequence[Result]) -> list[Stop]:
        """Change paces by how tries ended; give the groups that stop by it.

        The routes among `known` and those that `teaching` gave are locked.
        """
        concerned = known.routes | self.teaching(results)
        if not concerned:
            return []
        mine = [one for one in results if one.claimed.route in concerned and not one.redirected]
        if not mine:
            return []
        mine.sort(key=lambda one: one.at)
        now = mine[-1].at
        self._read(session, mine, now=now)
        lessons = self._lessons(known, mine)
        found = self.find(session, lessons.keys())
        changed: dict[Key, Pace] = {}
        stops = []
        for key, about in lessons.items():
            before = found.get(key)
            if before is None and not self._is_worth_a_row(key, about):
                continue
            terms = self.terms(key)
            after = _after(before or arithmetic.begun(terms, now), terms, about)
            if after != before:
                changed[key] = after
            if after.stopped_at is not None and (before is None or before.stopped_at is None):
                stops.append(Stop(*key, after.reason))
        paces.keep(session, changed)
        for stop in stops:
            paces.note_stop(session, stop.route, stop.group, stop.reason, now=now)
        return stops

    def _read(self, session: Session, results: Sequence[Result], *, now: datetime) -> None:
        self._groups.read(session, (one.claimed.domain for one in results), now=now)
        taught = {one.claimed.domain for one in results if _is_slow(one) or _is_refusal(one)}
        exchanges.want(session, taught)

    def _lessons(self, known: Known, results: Sequence[Result]) -> dict[Key, list[Result]]:
        """Sort tries by whom they tell something about: who has a pace, or is to get one."""
        keys = [(one.claimed.route, self.group(one.claimed)) for one in results]
        told = {key for key, one in zip(keys, results, strict=True) if _is_slow(one)}
        told |= {key for key, one in zip(keys, results, strict=True) if _is_refusal(one)}
        told |= {(one.claimed.route, ROUTE) for one in results if _slows_route(one)}
        lessons: dict[Key, list[Result]] = defaultdict(list)
        for key, one in zip(keys, results, strict=True):
            taken = one.outcome.verdict is Verdict.SENT
            whole = (key[0], ROUTE)
            if _is_slow(one) or _is_refusal(one) or (taken and (key in told or known.has(*key))):
                lessons[key].append(one)
            if _slows_route(one) or (taken and (whole in told or known.has(*whole))):
                lessons[whole].append(one)
        return lessons

    def _is_worth_a_row(self, key: Key, about: Sequence[Result]) -> bool:
        """Tell whether a group that has no pace gets one.

        A single reply of a domain that is no provider may be about the one mailbox.
        """
        if key[1] == ROUTE:
            return any(map(_slows_route, about))
        slow = {one.claimed.id for one in about if _is_slow(one)}
        is_slow = bool(slow) and (key[1] in groups.BY_NAME or len(slow) > 1)
        return is_slow or any(map(_is_refusal, about))

    # ------------------------------------------------------------------ keeping

    def sift(
        self,
        session: Session,
        worker_id: int,
        claimed: Sequence[Claimed],
        known: Known,
        room: Mapping[str, Left],
        *,
        now: datetime,
    ) -> list[Claimed]:
        """Give who may go now; send away the others, and give back those there is no room for."""
        routes = known.routes
        if not routes:
            return list(claimed)
        paced = [one for one in claimed if one.route in routes and _wants_to_go(one, now)]
        new = self._groups.read(session, (one.domain for one in paced), now=now)
        if new and known.everywhere:
            exchanges.want(session, new)
        sieve = _Sieve(self, session, paced, known, room, now)
        kept = sieve.kept()
        ledger.give_back(session, worker_id, sieve.too_many)
        ledger.put_off(session, worker_id, sieve.away, sieve.reasons)
        paces.keep(session, sieve.changed)
        stays = {one.id for one in paced} - kept
        return [one for one in claimed if one.id not in stays]

    def find(self, session: Session, keys: AbstractSet[Key]) -> dict[Key, Pace]:
        """Give the paces there are, as today's settings have them."""
        found = paces.find(session, keys)
        return {key: arithmetic.under(pace, self.terms(key)) for key, pace in found.items()}

    def terms(self, key: Key) -> Terms:
        """Give what is known of a group beforehand."""
        return groups.terms(self._routes[key[0]], key[1])

    def group(self, claimed: Claimed) -> str:
        """Give the group that a row's recipient belongs to."""
        return self._groups.of(claimed.domain)


class _Sieve:
    """One sifting: who goes, who is sent away until when and why, what that makes of the paces."""

    def __init__(
        self,
        pacer: Pacer,
        session: Session,
        claimed: Sequence[Claimed],
        known: Known,
        room: Mapping[str, Left],
        now: datetime,
    ) -> None:
        self._pacer = pacer
        self._claimed = claimed
        self._known = known
        self._left = {route: [left.letters, left.digests] for route, left in room.items()}
        self._now = now
        whole = {(one.route, ROUTE) for one in claimed if known.has(one.route, ROUTE)}
        keys = whole | {(one.route, pacer.group(one)) for one in claimed}
        self._paces = pacer.find(session, {key for key in keys if known.has(*key)})
        self.changed: dict[Key, Pace] = {}
        self.away: dict[int, datetime | None] = {}
        self.reasons: dict[int, str] = {}
        self.too_many: list[int] = []

    def kept(self) -> set[int]:
        """Give the ids of those who go."""
        return {one.id for one in fairly(self._claimed) if self._goes(one)}

    def _goes(self, one: Claimed) -> bool:
        left = self._left[one.route]
        if left[0] < 1 or (one.digest_id is not None and left[1] < 1):
            self.too_many.append(one.id)
            return False
        key = (one.route, self._pacer.group(one))
        if self._known.has(*key) and not self._may_go(one, key):
            return False
        if (one.route, ROUTE) in self._paces:
            self._take((one.route, ROUTE), one)
        left[0] -= 1
        left[1] -= 1
        return True

    def _may_go(self, one: Claimed, key: Key) -> bool:
        pace = self._paces.get(key)
        if pace is not None and pace.stopped_at is not None and one.digest_id is not None:
            self.away[one.id] = None
            self.reasons[one.id] = paces.stopped_reason(*key)
            return False
        later = self._take(key, one)
        if later is not None:
            self.away[one.id] = later
            self.reasons[one.id] = _waits(key[1], self._paces[key], self._now)
        return later is None

    def _take(self, key: Key, one: Claimed) -> datetime | None:
        """Take a slot for a row; give when to come again if there is none."""
        terms = self._pacer.terms(key)
        pace = self._paces.get(key) or arithmetic.begun(terms, self._now)
        take = arithmetic.of_letter if one.digest_id is None else arithmetic.of_digest
        self._paces[key], later = take(pace, terms, self._now)
        self.changed[key] = self._paces[key]
        return later


def fairly(claimed: Iterable[Claimed]) -> list[Claimed]:
    """Order rows so that letters are first and digests take turns, whose is first by lot."""
    letters, by_digest = [], defaultdict(list)
    for one in claimed:
        if one.digest_id is None:
            letters.append(one)
        else:
            by_digest[one.digest_id].append(one)
    if len(by_digest) == 1:
        return letters + [one for only in by_digest.values() for one in only]
    ordered = letters
    for turn in zip_longest(*by_digest.values()):
        ordered += sorted((one for one in turn if one is not None), key=_lot)
    return ordered


def _lot(one: Claimed) -> int:
    return zlib.crc32(str(one.id).encode())


def _wants_to_go(one: Claimed, now: datetime) -> bool:
    """Tell whether a row is to be sent at all; what it becomes otherwise is decided elsewhere."""
    return bool(one.address) and one.not_after > now


def _after(pace: Pace, terms: Terms, about: Sequence[Result]) -> Pace:
    """Give what a pace becomes by some tries, in the order in which they ended."""
    measured = _measured(about)
    for one in about:
        if one.outcome.verdict is Verdict.SENT:
            pace = arithmetic.took(pace, terms, 1, one.at)
        elif _is_refusal(one):
            pace = arithmetic.refused(pace, said(one), one.at)
        else:
            pace = arithmetic.slowed(pace, terms, said(one), one.at, measured=measured)
    return pace


def _measured(about: Sequence[Result]) -> int:
    """Give how many messages a minute were taken lately; 0 when that tells nothing."""
    taken = sum(one.outcome.verdict is Verdict.SENT for one in about)
    if taken < MEASURABLE:
        return 0
    span = max(about[-1].at - about[0].at, A_MOMENT)
    return int(taken * (timedelta(minutes=1) / span))


def _is_slow(one: Result) -> bool:
    """Tell whether the receiving side asked for less."""
    return one.outcome.blame is Blame.DESTINATION and one.reply.code in TEMPORARY


def _is_refusal(one: Result) -> bool:
    """Tell whether the receiving side refused us, not the reader, by its policy."""
    return one.outcome.blame is Blame.DESTINATION and one.outcome.verdict is Verdict.HELD


def _slows_route(one: Result) -> bool:
    """Tell whether the relay itself asked for less: for a pace, not a quota of hours."""
    return one.outcome.rest_route and rest_after(str(one.reply)) is A_MINUTE


def _waits(group: str, pace: Pace, now: datetime) -> str:
    if pace.is_held(now) and pace.held_until is not None:
        return f"Waits until {pace.held_until:%Y-%m-%d %H:%M} UTC: “{group}” asked us to slow down."
    return f"Waits for its turn: “{group}” gets {pace.per_minute:,} a minute."
