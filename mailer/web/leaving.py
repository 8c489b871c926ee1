"""The link that leaves a list, and the one that takes that back.

A POST to the first is a reader's button or a mailbox provider's one click (RFC 8058): whatever
its body is, the reader has left when it is answered, with 200, no redirect and no cookie.
"""

from datetime import datetime

from starlette.responses import Response

from mailer import subscribers
from mailer.db.schema import SubscriptionState
from mailer.errors import NotFound, TokenExpired
from mailer.subscribers import Standing
from mailer.tokens import Purpose
from mailer.web import bearer, trial, wording
from mailer.web.bearer import Bearer
from mailer.web.desk import Desk
from mailer.web.visit import Visit

LONGEST_WHY = 500
"""Characters of a reason for leaving."""

UNSUBSCRIBED = SubscriptionState.UNSUBSCRIBED


def show(desk: Desk, visit: Visit) -> Response:
    """Show the button to leave, or that it was pressed before."""
    if tried := trial.answer(desk, visit):
        return tried
    try:
        found = _holder(desk, visit)
    except NotFound:
        return _nobody(desk, visit)
    if found.standing.state is UNSUBSCRIBED:
        return _left(desk, visit, found)
    return desk.page(visit, "leave.html", found.language, bearer=found, listing=found.listing)


def press(desk: Desk, visit: Visit) -> Response:
    """Leave at once; once more changes nothing."""
    if tried := trial.answer(desk, visit):
        return tried
    subscriber_id, list_id = _holder_ids(desk, visit)
    evidence = wording.by_link(visit, desk.app.links.base)
    try:
        desk.app.database.write(subscribers.leave, subscriber_id, list_id, evidence, now=desk.now())
        return _left(desk, visit, _holder(desk, visit))
    except NotFound:
        return _nobody(desk, visit)


def show_undo(desk: Desk, visit: Visit) -> Response:
    """Show the button that takes a leaving back."""
    found, event, expired = _leaver(desk, visit)
    if found.standing.state is not UNSUBSCRIBED:
        return _back(desk, visit, found)
    if expired or found.standing.left_event != event:
        return _too_late(desk, visit, found)
    return desk.page(visit, "undo.html", found.language, bearer=found, listing=found.listing)


def undo(desk: Desk, visit: Visit) -> Response:
    """Take a leaving back, once, if nothing else has happened since."""
    found, event, expired = _leaver(desk, visit)
    if not expired:
        evidence = wording.by_link(visit, desk.app.links.base)
        desk.app.database.write(
            subscribers.undo_leaving, *found.ids, event, evidence, now=desk.now()
        )
        found = bearer.of(desk, visit, *found.ids)
    if found.standing.state is UNSUBSCRIBED:
        return _too_late(desk, visit, found)
    return _back(desk, visit, found)


def say_why(desk: Desk, visit: Visit) -> Response:
    """Keep the reason for leaving that a reader chose to give."""
    found, event, expired = _leaver(desk, visit)
    if expired or found.standing.left_event != event:
        return _too_late(desk, visit, found)
    why = _plain(visit.form.get("why", ""))
    if why:
        desk.app.database.write(subscribers.say_why, *found.ids, event, why, now=desk.now())
    return _left(desk, visit, found, said=bool(why))


def _holder(desk: Desk, visit: Visit) -> Bearer:
    return bearer.of(desk, visit, *_holder_ids(desk, visit))


def _holder_ids(desk: Desk, visit: Visit) -> tuple[int, int]:
    token = visit.parts["token"]
    subscriber_id, list_id = desk.app.keys.verify(token, Purpose.LEAVE, now=desk.now())
    return subscriber_id, list_id


def _leaver(desk: Desk, visit: Visit) -> tuple[Bearer, int, bool]:
    """Give who left, the event of the leaving, and whether it is too long ago."""
    try:
        ids = desk.app.keys.verify(visit.parts["token"], Purpose.UNDO, now=desk.now())
        expired = False
    except TokenExpired as error:
        ids, expired = error.ids, True
    subscriber_id, list_id, event = ids
    return bearer.of(desk, visit, subscriber_id, list_id), event, expired


def _left(desk: Desk, visit: Visit, found: Bearer, *, said: bool = False) -> Response:
    return desk.page(
        visit,
        "left.html",
        found.language,
        bearer=found,
        listing=found.listing,
        undo_path=_undo_path(desk, found.standing, now=desk.now()),
        said=said,
        longest_why=LONGEST_WHY,
    )


def _undo_path(desk: Desk, standing: Standing, *, now: datetime) -> str:
    """Give the link to *undo*, while the leaving is fresh: an old digest's reader has none."""
    if standing.left_event is None or standing.left_at is None:
        return ""
    until = standing.left_at + desk.app.rules.undo_for
    if now >= until:
        return ""
    ids = (standing.subscriber_id, standing.list_id, standing.left_event)
    return desk.paths.undo(*ids, expires_at=until)


def _back(desk: Desk, visit: Visit, found: Bearer) -> Response:
    return desk.page(visit, "back.html", found.language, bearer=found, listing=found.listing)


def _too_late(desk: Desk, visit: Visit, found: Bearer) -> Response:
    return desk.page(
        visit, "too_late.html", found.language, status=410, bearer=found, listing=found.listing
    )


def _nobody(desk: Desk, visit: Visit) -> Response:
    """Say that nothing is mailed: the reader was erased, or the link is older than the data."""
    return desk.page(visit, "nobody.html", desk.language(visit))


def _plain(text: str) -> str:
    seen = (char if char.isprintable() else " " for char in text[:LONGEST_WHY])
    return " ".join("".join(seen).split())
