"""What lies before a digest: when it will be through, and what keeps it waiting."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from mailer import config, ledger, lists, subscribers
from mailer.db.schema import Digest, DigestState
from mailer.delivery import paces, routes
from mailer.delivery.allowance import Allowance
from mailer.delivery.forecast import Job, rate, through_at
from mailer.digests import life, moments
from mailer.errors import NotFound, Refused

MOST_GROUPS = 3
"""Groups that a line names; “mailer route paces” shows them all."""

OPEN = (DigestState.SCHEDULED, DigestState.QUEUED, DigestState.SENDING)


@dataclass(frozen=True, slots=True)
class Outlook:
    """When a digest will be through, where its route has an allowance, and a line about it.

    Nothing is said of a route without limits that is in use, or of a digest that is not going.
    """

    through_at: datetime | None = None
    words: str = ""
    is_long: bool = False


def outlook(
    session: Session,
    digest_id: int,
    known: Mapping[str, config.Route],
    *,
    now: datetime,
    life_of: timedelta,
    at: datetime | None = None,
) -> Outlook:
    """Give what lies before a digest; `is_long` when its last rows will go past their time.

    Of a draft that is asked which would go `at` a moment.
    """
    digest = life.get(session, digest_id)
    due_at = at or digest.due_at
    card = lists.card(session, digest.list_id)
    home = card.sender.route
    if (digest.state not in OPEN and at is None) or home not in known:
        return Outlook()
    states = {one.name: one for one in routes.standings(session, list(known))}
    names = (home, *known[home].fallback)
    way = next((one for one in names if not states[one].is_out_of_use(now)), home)
    still = _joined(_stands_still(states[home], way, now), _paced(session, way, now))
    begins = max(now, states[way].rests_until or now)
    allowance = Allowance.of(known[way], begins)
    if states[way].paused_at is not None or not allowance:
        return Outlook(words=still)
    mine, jobs = _jobs(session, digest, home, begins, due_at)
    at = through_at(jobs, allowance, ledger.used(session, way, now=now), now=now)
    what = f"({mine:,} at {rate(allowance, begins)})"
    if at is None:
        return Outlook(words=_joined(f"not through within a year {what}", still), is_long=True)
    local = at.astimezone(moments.zone(card.list.timezone))
    through = f"through by about {local:%a %Y-%m-%d %H:%M} {card.list.timezone} {what}"
    is_long = at > max(due_at or now, begins) + life_of
    return Outlook(at, _joined(through, still), is_long)


def _joined(*words: str) -> str:
    return "; ".join(filter(None, words))


def _stands_still(home: routes.RouteStanding, way: str, now: datetime) -> str:
    """Say that a route stands still, until when, and what goes instead."""
    if not home.is_out_of_use(now):
        return ""
    until = f" until {home.rests_until:%Y-%m-%d %H:%M} UTC" if home.paused_at is None else ""
    instead = f"; “{way}” is taken instead" if way != home.name else ""
    return f"{home.why(now)}{until}: {home.reason or home.rest_reason}{instead}"


def _paced(session: Session, route: str, now: datetime) -> str:
    """Say which groups get their mail slower, or not for now, and what they said."""
    found = sorted(
        (one for one in paces.standings(session, [route]) if one.state(now) != "paced"),
        key=lambda one: (one.pace.stopped_at is None, not one.pace.is_held(now)),
    )
    more = f"and {len(found) - MOST_GROUPS:,} more" if len(found) > MOST_GROUPS else ""
    return _joined(*(one.words(now) for one in found[:MOST_GROUPS]), more)


def _jobs(
    session: Session, digest: Digest, home: str, begins: datetime, due_at: datetime | None
) -> tuple[int, list[Job]]:
    """Give how much of a digest waits, and the jobs that are done when it is through."""
    mine, starts_at = _open(session, digest), max(begins, due_at or begins)
    jobs = []
    for other in life.in_state(session, *OPEN):
        goes_at = max(begins, other.due_at or begins)
        same = lists.card(session, other.list_id).sender.route == home
        if other.id != digest.id and same and goes_at <= starts_at:
            count = _open(session, other)
            # What goes at the same time shares evenly: no more of it comes before our last.
            jobs.append(Job(goes_at, min(count, mine) if goes_at == starts_at else count))
    return mine, [*jobs, Job(starts_at, mine)]


def _open(session: Session, digest: Digest) -> int:
    """Give how many of a digest wait; before its audience is frozen, as things stand."""
    if digest.state is DigestState.SENDING:
        return ledger.sums(session, digest.id or 0).open
    try:
        only = subscribers.narrowing(session, digest.segment_id, digest.list_id)
    except (NotFound, Refused):
        return 0  # it will go to nobody: see queueing
    return subscribers.size(session, digest.list_id, only)
