"""A draft on its way out: what is to be seen to, who approved it, to how many it goes, and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session
from starlette.responses import Response

from mailer import delivery, fetching, subscribers
from mailer.accounts import Seat
from mailer.db.schema import Approval, Digest, Role
from mailer.delivery import Inspection, Intent, Looked, Outlook, Remark
from mailer.digests import approvals, moments
from mailer.digests.moments import LocalTime
from mailer.errors import MomentInvalid, Refused, UsageError
from mailer.language import Language, translatable
from mailer.lists import Card
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.rooms.draft import EDITABLE, head
from mailer.web.rooms.room import number
from mailer.web.visit import Visit

LONGEST_REASON = 500

LINK_SECONDS = 8
"""How long one link may take; all of them together, what `delivery.linking` says."""

LARGEST_LOOK = 100_000
"""Bytes that are read of what a link leads to: it is there, and that is all we ask."""

ANY_TYPE = ("text/*", "image/*", "application/*", "audio/*", "video/*", "font/*", "model/*")

IN_THE_WAY = translatable("Something is in the way still: see above.")
SAY_WHY = translatable("Say why it may go all the same.")
TOO_LONG = translatable("A reason has 500 characters at most.")


@dataclass(frozen=True, slots=True)
class Ready:
    """All that is shown before a digest is queued."""

    digest: Digest
    card: Card
    inspection: Inspection
    asked: list[Approval]
    ahead: Outlook
    when: LocalTime | None
    is_approved: bool
    segment: str
    warnings: list[Remark]
    looked: Looked | None


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what is to be seen to, and the button that queues."""
    return _page(desk, visit, seat)


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Queue the digest, or say what is in the way; or look at its links."""
    if visit.form.get("deed") == "links":
        return _look_at_links(desk, visit, seat)
    digest_id, form, app = number(visit.parts, "digest"), visit.form, desk.app
    reason = " ".join(form.get("reason", "").split())
    try:
        when = _when(desk, visit)
    except MomentInvalid:
        return _page(desk, visit, seat)
    now = desk.now()
    with app.database.reading() as session:
        seen = delivery.inspect(session, app.press, digest_id, goes_at=when.at if when else now)
        warnings = _warnings(session, digest_id, seen)
    if seen.errors:
        return _page(desk, visit, seat, errors={"checks": IN_THE_WAY})
    if warnings and not reason:
        return _page(desk, visit, seat, errors={"reason": SAY_WHY})
    if len(reason) > LONGEST_REASON:
        return _page(desk, visit, seat, errors={"reason": TOO_LONG})
    intent = Intent(
        by=seat.by,
        address=seat.address,
        fingerprint=form.get("fingerprint", "") or "none",
        wait=delivery.UNDO,
        accepted=tuple(dict.fromkeys(one.code for one in warnings)),
        reason=reason,
    )
    late = timedelta(hours=app.settings.delivery.late_hours)
    try:
        app.database.write(
            delivery.queue_digest, app.press, digest_id, when, late=late, now=now, intent=intent
        )
    except Refused as error:
        return _page(desk, visit, seat, errors={"queue": error})
    return frame.go(desk, "digests", digest_id, said="queued")


def _look_at_links(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Look at where the links lead, and keep what was found for this form of the digest."""
    digest_id, app, now = number(visit.parts, "digest"), desk.app, desk.now()
    with app.database.reading() as session:
        seen = delivery.inspect(session, app.press, digest_id, goes_at=now)
    found = [url for proof in seen.proofs for url in delivery.links(proof.edition)]
    theirs = [url for url in dict.fromkeys(found) if not url.startswith(app.links.base)]
    if seen.fingerprint:
        dead = delivery.look_at_links(theirs, _look)
        looked = delivery.Looked(seen.fingerprint, len(theirs), tuple(dead))
        app.database.write(delivery.keep_links, digest_id, looked, now=now, by=seat.by)
    return frame.go(desk, "digests", digest_id, "queue", at=visit.form.get("at", "")[:40])


def _look(url: str) -> None:
    """See whether somebody serves an address; what it serves, and how much, is all the same."""
    try:
        fetching.fetch(url, types=ANY_TYPE, largest=LARGEST_LOOK, seconds=LINK_SECONDS)
    except UsageError as error:
        if str(error) not in {fetching.TOO_LARGE, fetching.NO_SUCH_TYPE}:
            raise


def _warnings(session: Session, digest_id: int, seen: Inspection) -> list[Remark]:
    """Give what may be accepted: of the digest, and of its links where they were looked at."""
    looked = delivery.links_found(session, digest_id, seen.fingerprint)
    return [*seen.warnings, *(looked.remarks if looked else ())]


def said_when(language: Language, when: LocalTime) -> str:
    """Say when a digest goes, with the day of the week, as one does of what lies ahead."""
    local = when.at.astimezone(moments.zone(when.zone))
    return language.gettext(
        "%(weekday)s, %(moment)s",
        weekday=language.format_weekday(local.isoweekday()),
        moment=language.format_moment(when.at, when.zone),
    )


def _when(desk: Desk, visit: Visit) -> LocalTime | None:
    """Give the moment that was chosen; None for now. Raises MomentInvalid."""
    text = (visit.query if visit.shows else visit.form).get("at", "").strip()[:40]
    if not text:
        return None
    with desk.app.database.reading() as session:
        _, card = head(session, visit, desk.app.languages["en"])
    return moments.due(text, card.list.timezone, now=desk.now())


def _page(
    desk: Desk, visit: Visit, seat: Seat, *, errors: dict[str, object] | None = None
) -> Response:
    spoken, errors = frame.language_of(desk, visit, seat), dict(errors or {})
    when, valid = None, ""
    try:
        when = _when(desk, visit)
    except moments.Skipped as error:
        errors["at"], valid = error, error.valid
    except MomentInvalid as error:
        errors["at"] = error
    with desk.app.database.reading() as session:
        ready = _ready(session, desk, visit, seat, when)
    typed = visit.form.get("at") or visit.query.get("at", "")
    return frame.page(
        desk,
        visit,
        seat,
        "digest_queue.html",
        status=_status(errors),
        digest=ready.digest,
        card=ready.card,
        seen=ready.inspection,
        warnings=ready.warnings,
        looked=ready.looked,
        asked=ready.asked,
        ahead=ready.ahead,
        when=when,
        said=said_when(spoken, when) if when else "",
        at=typed[:40],
        segment=ready.segment,
        valid=valid,
        needs_approval=ready.card.list.needs_approval,
        is_approved=ready.is_approved,
        may_edit=seat.may(Role.EDITOR, ready.digest.list_id),
        is_editable=ready.digest.state in EDITABLE,
        is_draft=ready.digest.state.value == "draft",
        undo_seconds=int(delivery.UNDO.total_seconds()),
        longest=LONGEST_REASON,
        zone=spoken.format_zone(ready.card.list.timezone, desk.now()),
        form=visit.form,
        errors={name: frame.explained(spoken, why) for name, why in errors.items()},
    )


def _status(errors: dict[str, object]) -> int:
    if not errors:
        return 200
    return 409 if "queue" in errors else 400


def _ready(session: Session, desk: Desk, visit: Visit, seat: Seat, when: LocalTime | None) -> Ready:
    digest, card = head(session, visit, frame.language_of(desk, visit, seat))
    assert digest.id is not None
    at: datetime = when.at if when else desk.now()
    inspection = delivery.inspect(session, desk.app.press, digest.id, goes_at=at)
    settings = desk.app.settings
    ahead = delivery.outlook(
        session,
        digest.id,
        settings.all_routes(),
        now=desk.now(),
        life_of=timedelta(hours=settings.delivery.digest_give_up_hours),
        at=at,
    )
    return Ready(
        digest,
        card,
        inspection,
        approvals.of(session, digest.id),
        ahead,
        when,
        _is_approved(session, digest.id, inspection.fingerprint, seat),
        _segment(session, digest),
        _warnings(session, digest.id, inspection),
        delivery.links_found(session, digest.id, inspection.fingerprint),
    )


def _segment(session: Session, digest: Digest) -> str:
    """Give the name of the segment that a digest is for; nothing for a whole list."""
    if digest.segment_id is None:
        return ""
    return subscribers.segments.get(session, digest.segment_id).name


def _is_approved(session: Session, digest_id: int, fingerprint: str, seat: Seat) -> bool:
    try:
        approvals.require(session, digest_id, fingerprint, seat.address)
    except Refused:
        return False
    return True
