"""The link of a confirmation letter: a button for its reader, nothing for a scanner.

GET shows how things stand, POST confirms. Opened again it says *you are subscribed*, for a
second click, or a scanner's before it, must not make a reader think that it failed.
"""

from dataclasses import dataclass
from enum import StrEnum

from starlette.responses import Response

from mailer import subscribers
from mailer.db.schema import AskAction, SubscriptionState
from mailer.errors import TokenExpired
from mailer.subscribers import Asked, Confirmed, ConfirmLink, Standing
from mailer.tokens import Purpose
from mailer.web import bearer, box, letters, wording
from mailer.web.bearer import Bearer
from mailer.web.desk import Desk
from mailer.web.visit import Visit


class Stage(StrEnum):
    """How a confirmation link stands; also the name of its page."""

    OPEN = "confirm"
    DONE = "subscribed"
    STALE = "stale"
    LEFT = "rejoin"


@dataclass(frozen=True, slots=True)
class Link:
    """A link of ours: whom it is about, and whether it can still confirm."""

    bearer: Bearer
    ask: int
    stage: Stage


def show(desk: Desk, visit: Visit) -> Response:
    """Show the button, or how things stand."""
    return _page(desk, visit, _link(desk, visit))


def press(desk: Desk, visit: Visit) -> Response:
    """Confirm, if the link still can, and show how things stand now."""
    link = _link(desk, visit)
    if link.stage is not Stage.OPEN:
        return _page(desk, visit, link)
    outcome = desk.app.database.write(
        subscribers.confirm,
        ConfirmLink(*link.bearer.ids, link.ask),
        wording.by_link(visit, desk.app.links.base),
        desk.app.rules,
        now=desk.now(),
    )
    if outcome is Confirmed.LEFT:  # in another window, a moment ago
        return _page(desk, visit, _link(desk, visit))
    return _page(desk, visit, Link(link.bearer, link.ask, Stage.DONE))


def renew(desk: Desk, visit: Visit) -> Response:
    """Ask for a new letter, as the box does and within the same limits."""
    link = _link(desk, visit)
    if link.stage is not Stage.STALE:
        return _page(desk, visit, link)
    standing, listing = link.bearer.standing, link.bearer.listing
    asked = Asked(
        action=AskAction.SUBSCRIBE,
        list_id=standing.list_id,
        address=standing.address,
        language=listing.language.code,
        remote=visit.remote,
        trapped=False,
        # The words that were agreed to stand in the event of the first press.
        evidence=wording.by_link(visit, desk.app.links.base),
    )
    answer = letters.announce(desk, visit, listing.card, listing.language, asked.action)
    desk.app.database.write(subscribers.ask, asked, now=desk.now())
    return answer


def stage_of(standing: Standing, ask: int, *, expired: bool) -> Stage:
    """Decide what a link is still good for."""
    if standing.state is SubscriptionState.CONFIRMED:
        return Stage.DONE
    if standing.state is SubscriptionState.UNSUBSCRIBED:
        return Stage.LEFT
    return Stage.STALE if expired or standing.ask != ask else Stage.OPEN


def _link(desk: Desk, visit: Visit) -> Link:
    token = visit.parts["token"]
    try:
        ids, expired = desk.app.keys.verify(token, Purpose.CONFIRM, now=desk.now()), False
    except TokenExpired as error:
        ids, expired = error.ids, True
    subscriber_id, list_id, ask = ids
    found = bearer.of(desk, visit, subscriber_id, list_id)
    return Link(found, ask, stage_of(found.standing, ask, expired=expired))


def _page(desk: Desk, visit: Visit, link: Link) -> Response:
    found = link.bearer
    return desk.page(
        visit,
        f"{link.stage}.html",
        found.language,
        status=410 if link.stage is Stage.STALE else 200,
        bearer=found,
        listing=found.listing,
        again_path=f"{desk.paths.base}c/{visit.parts['token']}/again",
        refuse_path=desk.paths.refuse(*found.ids),
        box=box.empty(desk, found.listing),
    )
