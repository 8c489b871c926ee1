"""Which items go into a draft: those that its list has not had first."""

from sqlmodel import Session
from starlette.responses import Response

from mailer.accounts import Seat
from mailer.db.schema import Digest
from mailer.digests import arranging
from mailer.digests.arranging import Candidate
from mailer.errors import Refused
from mailer.language import translatable
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.rooms.draft import head
from mailer.web.rooms.room import number
from mailer.web.visit import Visit

ON_A_PAGE = 25
LONGEST_PLACE = 24
SAID = {
    "added": translatable("The item is in the digest."),
    "all": translatable("All new items are in the digest."),
    "none": translatable("There is nothing new for this list."),
}


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show items that could be put in."""
    return _page(desk, visit, seat, told=SAID.get(visit.query.get("said", ""), ""))


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Put an item in, or all that are new."""
    digest_id, write, now = number(visit.parts, "digest"), desk.app.database.write, desk.now()
    if visit.form.get("deed") == "all":
        count = write(arranging.add_new, digest_id, now=now, by=seat.by)
        return frame.go(desk, "digests", digest_id, "items", said="all" if count else "none")
    item_id = number({"item": visit.form.get("item", "")}, "item")
    try:
        write(arranging.add, digest_id, item_id, now=now, by=seat.by)
    except Refused as error:
        return _page(desk, visit, seat, error=error)
    sought = visit.form.get("q", "")
    return frame.go(desk, "digests", digest_id, "items", q=sought[:200], said="added")


def _page(
    desk: Desk, visit: Visit, seat: Seat, *, told: str = "", error: Refused | None = None
) -> Response:
    spoken = frame.language_of(desk, visit, seat)
    sought = (visit.form.get("q") or visit.query.get("q", ""))[:200]
    place = visit.query.get("after", "")[:LONGEST_PLACE]
    with desk.app.database.reading() as session:
        digest, card = head(session, visit, spoken)
        found = _found(session, digest, sought, place)
        count = len(arranging.order_of(session, digest.id or 0))
    more = found[:ON_A_PAGE]
    after = ""
    if len(found) > ON_A_PAGE:
        ways = frame.RoomWays(desk)
        after = ways.to("digests", digest.id, "items", q=sought, after=more[-1].place)
    return frame.page(
        desk,
        visit,
        seat,
        "digest_items.html",
        status=409 if error else 200,
        told=told,
        digest=digest,
        card=card,
        found=more,
        after=after,
        sought=sought,
        count=count,
        error=frame.explained(spoken, error) if error else "",
    )


def _found(session: Session, digest: Digest, sought: str, place: str) -> list[Candidate]:
    return arranging.candidates(session, digest, sought, after=place, limit=ON_A_PAGE + 1)
