"""What each route was used for lately: in the way a relay counts, and never less than it.

A relay looks back over the last minute, hour or day. So do we: a message counts from its claim,
because the row is claimed, and when its try is settled it is noted here for as long as the
longest window. Since a relay sees it somewhere in between, no window of its own ever holds more
than ours did. What a dead worker held counts until it is recovered, and is then noted as of that
moment if it may have left.

Notes are kept by slots, far shorter than their window, which count as long as any part of them
lies within it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from mailer.db import changed, upsert
from mailer.db.schema import Delivery, DeliveryState, RouteState, RouteUse
from mailer.ledger.settling import HELD


class Window(StrEnum):
    """Over how long a relay counts."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


LENGTHS = {
    Window.MINUTE: timedelta(minutes=1),
    Window.HOUR: timedelta(hours=1),
    Window.DAY: timedelta(days=1),
}

SLOTS = {
    Window.MINUTE: timedelta(seconds=1),
    Window.HOUR: timedelta(minutes=1),
    Window.DAY: timedelta(minutes=15),
}
"""How exactly it is noted when: some sixty slots to a window, so little is lost by rounding."""

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Use:
    """Messages that a window holds until `until`."""

    until: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Used:
    """How much a route was used, at one moment: in flight, and noted, window by window."""

    in_flight: int = 0
    noted: Mapping[Window, tuple[Use, ...]] = field(default_factory=dict)

    def within(self, window: Window) -> int:
        """Give how many messages a window holds."""
        return self.in_flight + sum(one.count for one in self.noted.get(window, ()))


def lock_routes(session: Session, routes: Collection[str]) -> None:
    """Let nobody else claim for these routes until the transaction ends."""
    if not routes or session.get_bind().dialect.name == "sqlite":
        return  # where one writes at a time as it is
    names = sorted(routes)
    statement = upsert(session, RouteState).on_conflict_do_nothing(index_elements=["name"])
    session.connection().execute(statement, [{"name": name} for name in names])
    rows = select(col(RouteState.name)).where(col(RouteState.name).in_(names))
    session.execute(rows.order_by(col(RouteState.name)).with_for_update())


def note_uses(session: Session, counts: Mapping[str, int], *, at: datetime) -> None:
    """Note how many messages left by each route, or may have."""
    rows = [
        {"route": route, "window": window.value, "begins_at": _slot(window, at), "count": count}
        for route, count in sorted(counts.items())
        for window in sorted(Window)
        if count > 0
    ]
    if not rows:
        return
    statement = upsert(session, RouteUse)
    statement = statement.on_conflict_do_update(
        index_elements=["route", "window", "begins_at"],
        set_={"count": col(RouteUse.count) + statement.excluded.count},
    )
    session.connection().execute(statement, rows)


def used(session: Session, route: str, *, now: datetime) -> Used:
    """Give how much a route was used."""
    # In flight first: what is settled between the two looks is then counted twice and not never.
    claimed = select(func.count()).where(
        HELD, col(Delivery.state) == DeliveryState.CLAIMED, col(Delivery.route) == route
    )
    in_flight = int(session.execute(claimed).scalar_one())
    statement = (
        select(col(RouteUse.window), col(RouteUse.begins_at), col(RouteUse.count))
        .where(col(RouteUse.route) == route)
        .order_by(col(RouteUse.begins_at))
    )
    noted: dict[Window, list[Use]] = {window: [] for window in Window}
    for name, begins_at, count in session.execute(statement):
        window = Window(name)
        until = begins_at + SLOTS[window] + LENGTHS[window]
        if until > now:
            noted[window].append(Use(until, count))
    return Used(in_flight, {window: tuple(uses) for window, uses in noted.items()})


def forget_uses(session: Session, *, now: datetime) -> int:
    """Drop what no window holds any more; give how many slots that were."""
    dropped = 0
    for window in Window:
        before = now - LENGTHS[window] - SLOTS[window]
        old = delete(RouteUse).where(
            col(RouteUse.window) == window.value, col(RouteUse.begins_at) < before
        )
        dropped += changed(session, old)
    return dropped


def _slot(window: Window, at: datetime) -> datetime:
    return at - (at - EPOCH) % SLOTS[window]
