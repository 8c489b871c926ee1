"""How things stand at a turn: which digests are being sent, by which route, and how much may go.

A route that is paused or rests is out of use; what waits for it goes by the first of its
fallbacks that is in use, and by itself again as soon as it can.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlmodel import Session

from mailer import config, ledger
from mailer.delivery import routes
from mailer.delivery.allowance import Allowance, Left
from mailer.delivery.pacing import NOBODY, Known, Pacer
from mailer.delivery.routes import RouteStanding
from mailer.digests import life
from mailer.ledger import Claimed


@dataclass(frozen=True, slots=True)
class Going:
    """A digest that is being sent: by which route, instead of which, and its last moment."""

    route: str
    home: str
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Which routes are in use, what goes by which, and how much of it may be claimed now.

    `ways`: from the route that is meant to the one that is taken. `detours`: why not the first.
    `slow`: routes whose limits alone may keep a row waiting beyond its last moment. `paces`:
    who has a pace.
    """

    routes: frozenset[str] = frozenset()
    digests: Mapping[int, Going] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)
    detours: Mapping[str, str] = field(default_factory=dict)
    room: Mapping[str, Left] = field(default_factory=dict)
    slow: frozenset[str] = frozenset()
    paces: Known = NOBODY

    def may_go(self, claimed: Claimed) -> bool:
        """Tell whether what was claimed earlier may still be sent."""
        is_active = claimed.digest_id is None or claimed.digest_id in self.digests
        return is_active and claimed.route in self.routes and self.paces.may_go(claimed)

    def allows_what(self, before: "Standing") -> bool:
        """Tell whether all that might go before may go now: mostly nothing has changed."""
        return (
            before.routes <= self.routes
            and before.digests.keys() <= self.digests.keys()
            and not (self.paces.held or self.paces.stopped)
        )

    def counting(self, locked: frozenset[str]) -> "Standing":
        """Give the same with the paces of some routes only."""
        return replace(self, paces=self.paces.only(locked))

    def homes(self, route: str) -> list[str]:
        """Give the routes whose rows go by this one, itself first."""
        return sorted((one for one, way in self.ways.items() if way == route), key=route.__ne__)

    def last_moment(self, claimed: Claimed, now: datetime, life_of: timedelta) -> datetime:
        """Give until when a claimed row may go: later than it says, where that was not its doing.

        A digest that was paused and resumed has its time anew; so has a row that was never tried,
        if only the route's limits can have kept it.
        """
        last = claimed.not_after
        if claimed.digest_id is None or last > now:
            return last
        going = self.digests[claimed.digest_id]
        if going.not_after is not None:
            last = max(last, going.not_after)
        if last <= now and not claimed.tries and going.home in self.slow:
            last = now + life_of
        return last


def look(
    session: Session,
    known: Mapping[str, config.Route],
    room: Mapping[str, int],
    pacer: Pacer,
    *,
    now: datetime,
    life_of: timedelta,
) -> Standing:
    """Give how things stand; `room` is how many rows each route's lane can take."""
    paces = pacer.look(session, now=now)
    states = {one.name: one for one in routes.standings(session, list(known))}
    usable = frozenset(name for name in room if not states[name].is_out_of_use(now))
    ways = {name: _way(name, known, usable) for name in known}
    digests = {
        digest.id: Going(way, digest.route, digest.not_after)
        for digest in life.going(session, now=now)
        if (way := ways.get(digest.route)) is not None
    }
    return Standing(
        routes=usable,
        digests=digests,
        ways={home: way for home, way in ways.items() if way is not None},
        detours={name: states[name].why(now) for name, way in ways.items() if way != name},
        room={
            name: _room(session, known[name], name, room[name], now).within(
                pacer.room(session, paces, name, now=now)
            )
            for name in usable
        },
        slow=paces.routes
        | {name for name in known if _is_slow(known[name], states[name], now, life_of)},
        paces=paces,
    )


def limited(known: Mapping[str, config.Route]) -> frozenset[str]:
    """Give the routes that have an allowance."""
    return frozenset(
        name
        for name, route in known.items()
        if route.warm_up_on or route.per_minute or route.per_hour or route.per_day
    )


def _way(name: str, known: Mapping[str, config.Route], usable: frozenset[str]) -> str | None:
    return next((one for one in (name, *known[name].fallback) if one in usable), None)


def _room(session: Session, route: config.Route, name: str, lane: int, now: datetime) -> Left:
    allowance = Allowance.of(route, now)
    if not allowance or not lane:
        return Left(lane, lane)
    left = allowance.left(ledger.used(session, name, now=now), now)
    return left.within(Left(lane, lane))


def _is_slow(route: config.Route, state: RouteStanding, now: datetime, life_of: timedelta) -> bool:
    since = now - life_of
    rested = state.rests_until is not None and state.rests_until > since
    return rested or bool(Allowance.of(route, since))
