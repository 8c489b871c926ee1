"""The digests of the lists that one has a part in; a new one."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session
from starlette.responses import Response

from mailer import lists
from mailer.accounts import Seat
from mailer.db.schema import Digest, DigestState, Role
from mailer.digests import finding, life
from mailer.errors import NotAllowed, NotFound, Refused, UsageError
from mailer.language import translatable
from mailer.lists import Card
from mailer.web.desk import Desk
from mailer.web.rooms import frame, progress
from mailer.web.visit import Visit

ON_A_PAGE = 25

STATES: Mapping[DigestState, tuple[str, str]] = {
    state: (words, kind) for state, (kind, words) in progress.MARKS.items()
}
"""How a state is said, and the kind of its mark."""

NOTHING_NEW = translatable(
    "There is nothing new since the last digest of this list. Start with nothing, or write items."
)
NO_LIST = translatable("Choose the list that it is for.")
NO_LISTS = translatable("There is no list yet on which you may write. An owner makes one.")
CANCELLED = translatable("The digest is cancelled. Its items are new again.")


@dataclass(frozen=True, slots=True)
class Line:
    """A digest in the list of them."""

    digest: Digest
    card: Card
    subject: str
    items: int


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show digests, the newest first."""
    with desk.app.database.reading() as session:
        known = _known(session, desk, visit, seat, Role.VIEWER)
        chosen = visit.query.get("list", "")
        state = _state(visit.query.get("state", ""))
        mine = [one.id for one in known.values() if chosen in {"", one.list.slug}]
        page = finding.page(
            session,
            finding.Search(mine, state),
            before=_id(visit.query.get("before", "")),
            after=_id(visit.query.get("after", "")),
            limit=ON_A_PAGE,
        )
        lines = _lines(session, page.digests, known)
    ways, asked = frame.RoomWays(desk), {"list": chosen, "state": state.value if state else ""}
    before = after = ""
    if lines and not page.is_first:
        before = ways.to("digests", **asked, after=lines[0].digest.id)
    if lines and not page.is_last:
        after = ways.to("digests", **asked, before=lines[-1].digest.id)
    return frame.page(
        desk,
        visit,
        seat,
        "digests.html",
        lines=lines,
        lists=list(known.values()),
        chosen=chosen,
        state=asked["state"],
        states=STATES,
        before=before,
        after=after,
        is_filtered=bool(chosen or state),
        may_write=seat.may_somewhere(Role.EDITOR),
        told=CANCELLED if visit.query.get("said") == "cancelled" else "",
    )


def show_new(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the form for a new digest."""
    return _new_form(desk, visit, seat, {})


def press_new(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Make a draft, and lead to it."""
    slug, form = visit.form.get("list", ""), visit.form
    with desk.app.database.reading() as session:
        known = _known(session, desk, visit, seat, Role.EDITOR)
    if slug not in {one.list.slug for one in known.values()}:
        return _new_form(desk, visit, seat, {"list": NO_LIST})
    wish = life.Wish(
        slug,
        " ".join(form.get("subject", "").split()),
        new_items=form.get("begin", "") == "new",
    )
    try:
        digest_id = desk.app.database.write(life.draft, wish, now=desk.now(), by=seat.by)
    except UsageError as error:
        return _new_form(desk, visit, seat, {"subject": error})
    except NotAllowed:
        raise
    except Refused:
        return _new_form(desk, visit, seat, {"begin-new": NOTHING_NEW})
    return frame.go(desk, "digests", digest_id, said="new")


def _new_form(desk: Desk, visit: Visit, seat: Seat, errors: Mapping[str, object]) -> Response:
    with desk.app.database.reading() as session:
        known = _known(session, desk, visit, seat, Role.EDITOR)
        fresh = {one.id: len(life.new_items(session, one.list)) for one in known.values()}
    language = frame.language_of(desk, visit, seat)
    return frame.page(
        desk,
        visit,
        seat,
        "digest_new.html",
        status=400 if errors else 200,
        lists=list(known.values()),
        fresh=fresh,
        form={"list": visit.query.get("list", ""), **visit.form},
        errors={name: frame.explained(language, why) for name, why in errors.items()},
        longest=life.LONGEST_SUBJECT,
    )


def _known(session: Session, desk: Desk, visit: Visit, seat: Seat, role: Role) -> dict[int, Card]:
    """Give the lists on which somebody has a role, with their names in the room's language."""
    mine = seat.lists_with(role)
    spoken = frame.language_of(desk, visit, seat).code
    found = lists.cards(session, spoken)
    return {one.id: one for one in found if mine is None or one.id in mine}


def _lines(session: Session, digests: list[Digest], known: Mapping[int, Card]) -> list[Line]:
    ids = [one.id or 0 for one in digests]
    words, counted = life.texts_of(session, ids), finding.counts(session, ids)
    return [
        Line(
            one,
            known[one.list_id],
            _subject(words[one.id or 0], known[one.list_id]),
            counted.get(one.id or 0, 0),
        )
        for one in digests
    ]


def _subject(words: Mapping[str, object], card: Card) -> str:
    found = words.get(card.list.language) or next(iter(words.values()), None)
    return getattr(found, "subject", "")


def _state(text: str) -> DigestState | None:
    return DigestState(text) if text in set(DigestState) else None


def _id(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound("page", text[:40])
    return int(text)
