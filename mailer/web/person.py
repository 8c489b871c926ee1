"""A person's own page, behind the fresh link: what is kept, name, address, and to be forgotten.

The link was mailed to the address a moment ago, so its bearer is the person. It ends after an
hour or so, and with the address it was mailed to; an ended one offers to mail a new one.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from mailer import address, lists, subscribers
from mailer.errors import AddressInvalid, TokenExpired
from mailer.language import Language
from mailer.rendering import Kind
from mailer.subscribers import Hand, Reader, Settled, Wish
from mailer.subscribers.limits import network_of
from mailer.tokens import Purpose
from mailer.web import listing, preferences, sheet, told, wording
from mailer.web.desk import CLOSED, Desk
from mailer.web.visit import Visit

FILE_NAME = "my-data.json"
LONGEST_TYPED = 320
"""Characters of an address that are shown back to whoever typed it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a fresh link, from which list's letter, and whether it is still good."""

    one: Reader
    list_id: int
    is_fresh: bool
    language: Language


def show(desk: Desk, visit: Visit) -> Response:
    """Show the page, or that its link has ended."""
    holder = _holder(desk, visit)
    return _page(desk, visit, holder) if holder.is_fresh else _ended(desk, visit, holder)


def save(desk: Desk, visit: Visit) -> Response:
    """Do what was chosen on the sheet, and show the page as it stands now."""
    holder = _holder(desk, visit)
    if not holder.is_fresh:
        return _ended(desk, visit, holder)
    with desk.app.database.reading() as session:
        shown = sheet.of(session, desk, holder.one, holder.language, is_fresh=True)
    hand = Hand(wording.by_link(visit, desk.app.links.base), visit.remote, is_fresh=True)
    chosen = sheet.choice(visit.form, shown)
    settled = desk.app.database.write(
        subscribers.choose, holder.one.id, chosen, hand, desk.app.rules, now=desk.now()
    )
    return _page(desk, visit, _holder(desk, visit), settled)


def take_along(desk: Desk, visit: Visit) -> Response:
    """Give everything that is held, as a file."""
    holder = _holder(desk, visit)
    if not holder.is_fresh:
        return _ended(desk, visit, holder)
    found = desk.app.database.read(subscribers.held_for_reader, holder.one.id)
    text = json.dumps(found, ensure_ascii=False, indent=2, default=_plain)
    headers = CLOSED | {"Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
    return Response(text + "\n", media_type="application/json", headers=headers)


def move(desk: Desk, visit: Visit) -> Response:
    """Ask another address whether it is this person's; nothing changes until it says so."""
    holder = _holder(desk, visit)
    if not holder.is_fresh:
        return _ended(desk, visit, holder)
    typed = visit.form.get("address", "").strip()[:LONGEST_TYPED]
    try:
        to = address.parse(typed)
    except AddressInvalid:
        return _page(desk, visit, holder, typed=typed, is_wrong=True)
    wish = Wish(
        address=to,
        list_id=holder.list_id,
        language=holder.language.code,
        evidence=wording.by_link(visit, desk.app.links.base),
        network=network_of(visit.remote),
    )
    write = desk.app.database.write
    write(subscribers.ask_move, holder.one.id, wish, desk.app.rules, now=desk.now())
    with desk.app.database.reading() as session:
        card = lists.card(session, holder.list_id, holder.language.code)
    return desk.page(
        visit,
        "move_asked.html",
        holder.language,
        listing=listing.of(desk, card, holder.language),
        to=to.mailbox,
        subject=desk.app.press.announced(card, Kind.MOVE, holder.language.code),
        confirm_days=desk.app.settings.subscribe.confirm_days,
    )


def show_forget(desk: Desk, visit: Visit) -> Response:
    """Show what will be forgotten, and the button."""
    holder = _holder(desk, visit)
    if not holder.is_fresh:
        return _ended(desk, visit, holder)
    return desk.page(
        visit,
        "forget.html",
        holder.language,
        address=holder.one.address,
        back_path=_path(desk, visit, "/forget"),
    )


def forget(desk: Desk, visit: Visit) -> Response:
    """Forget the person; afterwards no link of theirs leads to anything."""
    holder = _holder(desk, visit)
    if not holder.is_fresh:
        return _ended(desk, visit, holder)
    desk.app.database.write(subscribers.erase, holder.one.id, now=desk.now())
    return desk.page(visit, "forgotten.html", holder.language)


def renew(desk: Desk, visit: Visit) -> Response:
    """Mail a new link in the place of one that has ended."""
    holder = _holder(desk, visit)
    if holder.is_fresh:
        return _page(desk, visit, holder)
    at = holder.one.address
    return preferences.post_link(desk, visit, at, holder.list_id, holder.language)


def _holder(desk: Desk, visit: Visit) -> Holder:
    try:
        ids = desk.app.keys.verify(visit.parts["token"], Purpose.ACCESS, now=desk.now())
        expired = False
    except TokenExpired as error:
        ids, expired = error.ids, True
    subscriber_id, list_id, changes = ids
    with desk.app.database.reading() as session:
        one = subscribers.reader(session, subscriber_id)
        same = subscribers.changes(session, subscriber_id) == changes
    is_fresh = not expired and same and one.id == subscriber_id
    return Holder(one, list_id, is_fresh, preferences.language_of(desk, visit, one))


def _page(
    desk: Desk,
    visit: Visit,
    holder: Holder,
    settled: Settled | None = None,
    *,
    typed: str = "",
    is_wrong: bool = False,
) -> Response:
    one, language = holder.one, holder.language
    with desk.app.database.reading() as session:
        shown = sheet.of(session, desk, one, language, is_fresh=True)
        found = subscribers.held_for_reader(session, one.id)
    here = f"{desk.paths.base}me/{visit.parts['token']}"
    return desk.page(
        visit,
        "person.html",
        language,
        status=422 if is_wrong else 200,
        sheet=shown,
        told=sheet.told(shown, settled),
        address=one.address,
        held=told.of(found, language),
        here=here,
        typed=typed,
        is_wrong=is_wrong,
    )


def _ended(desk: Desk, visit: Visit, holder: Holder) -> Response:
    return desk.page(
        visit,
        "person_ended.html",
        holder.language,
        status=410,
        masked=address.mask(holder.one.address),
        again_path=f"{desk.paths.base}me/{visit.parts['token']}/again",
    )


def _path(desk: Desk, visit: Visit, end: str) -> str:
    return f"{desk.base_path}{visit.path}".removesuffix(end)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
