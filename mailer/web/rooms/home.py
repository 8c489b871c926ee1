"""The first room: what needs whoever has come in now, and how one's lists do."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup
from sqlmodel import Session
from starlette.responses import Response

from mailer import delivery, facts, ledger, lists, subscribers, watch
from mailer.accounts import Seat, unsaved
from mailer.db.schema import Approval, Digest, Role
from mailer.delivery import GroupStanding, RouteStanding
from mailer.digests import afoot, life
from mailer.language import Language
from mailer.ledger import Sums
from mailer.lists import Card
from mailer.subscribers import Growth
from mailer.web.desk import Desk
from mailer.web.rooms import charts, frame, list_pages, progress
from mailer.web.visit import Visit

MOST_LISTS = 12
"""Lists shown with their growth; the room of lists shows them all."""

MOST_UNSAVED = 5

ITEM = re.compile(r"item/(\d{1,18}|new)")
DIGEST = re.compile(r"digest/(\d{1,18})/([\w-]{2,35})")
"""Places of forms that were typed into and not saved, as their rooms name them."""


@dataclass(frozen=True, slots=True)
class Line:
    """A digest with what is said of it."""

    digest: Digest
    list: Card
    subject: str
    sums: Sums
    bar: Markup


@dataclass(frozen=True, slots=True)
class Kept:
    """A form that was typed into and not saved: the way back to it. Of an item, no language."""

    parts: Sequence[str]
    at: datetime
    language: str = ""


@dataclass(frozen=True, slots=True)
class ListLine:
    """A list: who is on it, how that grew, and when its next digest is due."""

    card: Card
    count: int
    growth: Growth | None
    line: Markup
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class House:
    """How the installation does, for its owners."""

    workers: int = 1
    routes: Sequence[RouteStanding] = ()
    groups: Sequence[GroupStanding] = ()
    troubles: Sequence[str] = ()
    letters_held: int = 0

    @property
    def is_well(self) -> bool:
        """Tell whether there is nothing to say."""
        return bool(self.workers) and not (
            self.routes or self.groups or self.troubles or self.letters_held
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """All that the first room shows."""

    going: Sequence[Line]
    paused: Sequence[Line]
    undone: Sequence[Line]
    scheduled: Sequence[Line]
    drafts: Sequence[Line]
    approvals: Sequence[tuple[Approval, Line]]
    kept: Sequence[Kept]
    lists: Sequence[ListLine]
    more_lists: int
    house: House
    is_begun: bool
    has_readers: bool

    @property
    def is_quiet(self) -> bool:
        """Tell whether nothing waits for anybody."""
        waits = (self.going, self.paused, self.undone, self.approvals, self.kept, self.drafts)
        return self.house.is_well and not any(waits)


def keys(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what can be done without a mouse."""
    return frame.page(desk, visit, seat, "keys.html")


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what waits, runs or went wrong, and the lists one works on."""
    language = frame.language_of(desk, visit, seat)
    with desk.app.database.reading() as session:
        found = _seen(session, desk, seat, language)
    return frame.page(
        desk,
        visit,
        seat,
        "home.html",
        found=found,
        is_owner=seat.may(Role.OWNER),
        writes=seat.may_somewhere(Role.EDITOR),
        edits=[one.card.id for one in found.lists if seat.may(Role.EDITOR, one.card.id)],
    )


def _seen(session: Session, desk: Desk, seat: Seat, language: Language) -> Seen:
    now, mine = desk.now(), seat.lists_with(Role.VIEWER)
    cards = {
        card.id: card
        for card in lists.cards(session, language.code)
        if mine is None or card.id in mine
    }
    writable = [one for one in cards if seat.may(Role.EDITOR, one)]
    all_of = afoot.afoot(session, list(cards), now=now)
    drafts = [one for one in all_of.drafts if one.list_id in writable]
    lately = [one for one in all_of.lately if ledger.has_undone(session, one.id or 0)]
    lines = _lines(session, desk, language, cards, replace(all_of, lately=lately))
    shown = list(cards.values())[:MOST_LISTS]
    sizes = [_list_line(session, desk, card, language) for card in shown]
    return Seen(
        going=[lines[one.id or 0] for one in all_of.going],
        paused=[lines[one.id or 0] for one in all_of.paused],
        undone=[lines[one.id or 0] for one in lately],
        scheduled=[lines[one.id or 0] for one in all_of.scheduled],
        drafts=[lines[one.id or 0] for one in drafts],
        approvals=[
            (asked, lines[digest.id or 0])
            for asked, digest in all_of.approvals
            if digest.list_id in writable or asked.address == seat.address
        ],
        kept=_kept(session, seat, cards),
        lists=sizes,
        more_lists=len(cards) - len(shown),
        house=_house(session, desk, now) if seat.may(Role.OWNER) else House(),
        is_begun=afoot.any_yet(session) if seat.may(Role.EDITOR) else True,
        has_readers=any(one.count for one in sizes),
    )


def _lines(
    session: Session,
    desk: Desk,
    language: Language,
    cards: Mapping[int, Card],
    all_of: afoot.Afoot,
) -> dict[int, Line]:
    counted = {one.id or 0: one for one in (*all_of.going, *all_of.paused, *all_of.lately)}
    asked = [digest for _, digest in all_of.approvals]
    every = {one.id or 0: one for one in (*all_of.scheduled, *all_of.drafts, *asked)} | counted
    words = life.texts_of(session, list(every))
    found = {}
    for digest_id, digest in every.items():
        card = cards[digest.list_id]
        texts = words[digest_id]
        text = texts.get(card.list.language) or next(iter(texts.values()), None)
        sums = desk.watching.look(digest_id).sums if digest_id in counted else Sums()
        bar = progress.sums_bar(language, sums)
        found[digest_id] = Line(digest, card, text.subject if text else "", sums, bar)
    return found


def _kept(session: Session, seat: Seat, cards: Collection[int]) -> list[Kept]:
    """Give the forms that somebody left without saving, as far as their rooms are known."""
    found = []
    for one in unsaved.every(session, seat.editor_id)[:MOST_UNSAVED]:
        if item := ITEM.fullmatch(one.place):
            end = () if item[1] == "new" else ("edit",)
            found.append(Kept(("items", item[1], *end), one.saved_at))
        elif (digest := DIGEST.fullmatch(one.place)) and _is_mine(session, int(digest[1]), cards):
            found.append(Kept(("digests", digest[1]), one.saved_at, digest[2]))
    return found


def _is_mine(session: Session, digest_id: int, cards: Collection[int]) -> bool:
    digest = session.get(Digest, digest_id)
    return digest is not None and digest.list_id in cards


def _list_line(session: Session, desk: Desk, card: Card, language: Language) -> ListLine:
    now = desk.now()
    growth = subscribers.growth(session, card.id, now=now)
    due_at = next(iter(list_pages.ahead(card, now=now)), None)
    name = language.gettext("Subscribers over twelve months")
    line = charts.line(growth.counts, name) if growth else Markup()
    count = list_pages.confirmed_on(session, desk, card.id)
    return ListLine(card, count, growth, line, due_at)


def _house(session: Session, desk: Desk, now: datetime) -> House:
    known = list(desk.app.settings.all_routes())
    return House(
        workers=ledger.working(session, now=now),
        routes=[one for one in delivery.routes(session, known) if one.is_out_of_use(now)],
        groups=[one for one in delivery.paces(session, known) if one.pace.stopped_at is not None],
        troubles=[
            str(fact.value.get("headline", "")) for fact in facts.named(session, watch.TROUBLE)
        ],
        letters_held=ledger.held_back(session, None),
    )
