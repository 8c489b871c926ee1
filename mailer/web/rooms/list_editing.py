"""A list is made and changed: who writes, who finds it, its words by language, its colour.

Owners change what a list is; whoever edits on it changes its words and its colour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

from sqlmodel import Session
from starlette.responses import Response

from mailer import accent, lists
from mailer.accent import shades
from mailer.accounts import Seat
from mailer.address import Address
from mailer.db.schema import ListText, OptIn, Visibility
from mailer.errors import MailerError, NotFound, UsageError
from mailer.language import is_code, translatable
from mailer.lists import Card, Edit, NewList, Words
from mailer.rendering import layouts
from mailer.web import wording
from mailer.web.desk import Desk
from mailer.web.rooms import frame, list_pages
from mailer.web.rooms.filling import Filling
from mailer.web.visit import Visit

MOST_LANGUAGES = 40
"""Languages of one list."""

BAD_NAME = translatable("A name has 1 to 120 characters, all on one line.")
BAD_SLUG = translatable("Use small letters, digits and hyphens, 63 at most.")
SLUG_TAKEN = translatable("There is a list of this name, or there was one. Choose another.")
BAD_ZONE = translatable("There is no such time zone. Choose one such as Europe/Brussels or UTC.")
BAD_LANGUAGES = translatable("Write codes such as en, ja or pt-BR, the list’s own first.")
BAD_TEXT = translatable("At most 10,000 characters, and none that cannot be seen.")
BAD_COLOUR = translatable("This is not a colour. Write it like #0b5a63.")
NO_SUCH = translatable("Choose one of these.")
NEEDED = translatable("This is needed.")

LAYOUT_NAMES = {
    "digest": translatable("Digest: like a newspaper"),
    "letterhead": translatable("Letterhead: like a letter"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form says a list should be."""

    slug: str
    sender: Address | None
    reply_to: Address | None
    sender_name: str
    postal_address: str
    route: str
    zone: str
    languages: tuple[str, ...]
    visibility: Visibility
    opt_in: OptIn
    layout: str
    needs_approval: bool


def show_new(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the form for a new list."""
    language = frame.language_of(desk, visit, seat)
    values = {
        "languages": language.words,
        "zone": "UTC",
        "postal_address": desk.app.settings.organisation.postal_address,
        "route": "smtp",
        "visibility": Visibility.PUBLIC.value,
        "opt_in": OptIn.DOUBLE.value,
        "layout": "digest",
    }
    return _new_form(desk, visit, seat, values)


def press_new(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Make a list."""
    filling = Filling(frame.language_of(desk, visit, seat), visit.form)
    asked = desk.app.database.read(_asked, desk, filling, None)
    name = filling.read("name", lists.checked_name, "", says=BAD_NAME)
    description = _text(filling, "description")
    if filling.errors or asked.sender is None:
        return _new_form(desk, visit, seat, visit.form, filling.errors)
    desk.app.database.write(_make, desk, seat, asked, asked.sender, name, description)
    return frame.go(desk, "lists", asked.slug, said="made")


def show_settings(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what a list is, to be changed."""
    card = _card(desk, visit, seat)
    return _settings_form(desk, visit, seat, card, _as_typed(card))


def press_settings(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Change a list, retire it, or take it back."""
    deed, slug = visit.form.get("deed", ""), visit.parts["slug"]
    if deed == "retire":
        desk.app.database.write(_retire, desk, seat, slug)
        return frame.go(desk, "lists", slug, said="retired")
    if deed == "back":
        desk.app.database.write(_take_back, desk, seat, slug)
        return frame.go(desk, "lists", slug, said="back")
    card = _card(desk, visit, seat)
    filling = Filling(frame.language_of(desk, visit, seat), visit.form)
    asked = desk.app.database.read(_asked, desk, filling, card.id)
    if filling.errors:
        return _settings_form(desk, visit, seat, card, visit.form, filling.errors)
    desk.app.database.write(lists.edit, card.list.slug, _changes(asked), now=desk.now(), by=seat.by)
    return frame.go(desk, "lists", asked.slug, said="saved")


def show_texts(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show a list's words in one language, to be changed."""
    card, code, texts = _texts(desk, visit, seat)
    found = texts.get(code) or ListText(list_id=card.id, language=code, name="")
    values = {name: getattr(found, name) for name in ("name", "description", "welcome", "consent")}
    return _texts_form(desk, visit, seat, (card, code, texts), values)


def press_texts(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Change a list's words in one language."""
    card, code, texts = _texts(desk, visit, seat)
    filling = Filling(frame.language_of(desk, visit, seat), visit.form)
    words = Words(
        code,
        name=filling.read("name", lists.checked_name, "", says=BAD_NAME),
        description=_text(filling, "description"),
        welcome=_text(filling, "welcome"),
        consent=_text(filling, "consent"),
    )
    if filling.errors:
        return _texts_form(
            desk, visit, seat, (card, code, texts), visit.form, errors=filling.errors
        )
    changes = Edit(texts=(words,))
    desk.app.database.write(lists.edit, card.list.slug, changes, now=desk.now(), by=seat.by)
    return frame.go(desk, "lists", card.list.slug, "texts", **{"in": code, "said": "saved"})


def show_colour(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show a list's colour, and what it becomes in light and in dark."""
    card = _card(desk, visit, seat)
    return _colour_form(desk, visit, seat, card, card.list.accent or "")


def press_colour(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Try a colour, or give it to the list; an empty one is that of the house."""
    card = _card(desk, visit, seat)
    filling = Filling(frame.language_of(desk, visit, seat), visit.form)
    typed = filling.text("colour")
    colour = filling.read("colour", accent.parse, "", says=BAD_COLOUR) if typed else ""
    if filling.errors:
        return _colour_form(desk, visit, seat, card, typed, filling.errors)
    if visit.form.get("deed") == "try":
        return _colour_form(desk, visit, seat, card, colour, tried=True)
    changes = Edit(accent=colour)
    desk.app.database.write(lists.edit, card.list.slug, changes, now=desk.now(), by=seat.by)
    return frame.go(desk, "lists", card.list.slug, "colour", said="saved")


def _asked(session: Session, desk: Desk, filling: Filling, list_id: int | None) -> Asked:
    """Read what a list should be; what is wrong is in the errors of the form."""
    routes = desk.app.settings.all_routes()
    names = layouts(desk.templates)
    slug = filling.text("slug")
    if not lists.SLUG.fullmatch(slug):
        filling.wrong("slug", BAD_SLUG)
    elif list_id is None or slug != lists.by_id(session, list_id).slug:
        filling.read("slug", lambda typed: _free(session, typed, list_id), None, says=SLUG_TAKEN)
    sender = filling.address("sender")
    if sender is None:
        filling.wrong("sender", NEEDED)
    sender_name = filling.text("sender_name")
    if sender_name or list_id is not None:
        sender_name = filling.read("sender_name", lists.checked_name, "", says=BAD_NAME)
    return Asked(
        slug=slug,
        sender=sender,
        reply_to=filling.address("reply_to"),
        sender_name=sender_name,
        postal_address=_text(filling, "postal_address"),
        route=filling.one_of("route", {one: one for one in routes}, "smtp", says=NO_SUCH),
        zone=filling.read("zone", _zone, "UTC", says=BAD_ZONE),
        languages=filling.read("languages", _codes, ("en",), says=BAD_LANGUAGES),
        visibility=filling.one_of(
            "visibility", {one.value: one for one in Visibility}, Visibility.PUBLIC, says=NO_SUCH
        ),
        opt_in=filling.one_of(
            "opt_in", {one.value: one for one in OptIn}, OptIn.DOUBLE, says=NO_SUCH
        ),
        layout=filling.one_of("layout", {one: one for one in names}, "digest", says=NO_SUCH),
        needs_approval=filling.ticked("needs_approval"),
    )


def _free(session: Session, slug: str, list_id: int | None) -> None:
    lists.check_slug(session, slug, of=list_id)


def _zone(typed: str) -> str:
    lists.check_zone(typed)
    return typed


def _codes(typed: str) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(typed.replace(",", " ").split()))
    if not codes or len(codes) > MOST_LANGUAGES or not all(is_code(code) for code in codes):
        raise UsageError(BAD_LANGUAGES)
    return codes


def _text(filling: Filling, name: str) -> str:
    return filling.read(name, lambda typed: lists.checked_text(name, typed), "", says=BAD_TEXT)


def _make(  # noqa: PLR0913, PLR0917  (a list's name and words besides what it is)
    session: Session,
    desk: Desk,
    seat: Seat,
    asked: Asked,
    sender: Address,
    name: str,
    description: str,
) -> None:
    new = NewList(
        slug=asked.slug,
        name=name,
        sender=sender,
        reply_to=asked.reply_to,
        sender_name=asked.sender_name,
        postal_address=asked.postal_address,
        language=asked.languages[0],
        languages=asked.languages,
        zone=asked.zone,
        description=description,
        route=asked.route,
        visibility=asked.visibility,
        opt_in=asked.opt_in,
    )
    made = lists.create(session, new, now=desk.now(), by=seat.by)
    if asked.layout != made.layout or asked.needs_approval:
        rest = Edit(layout=asked.layout, needs_approval=asked.needs_approval)
        lists.edit(session, made.slug, rest, now=desk.now(), by=seat.by)


def _changes(asked: Asked) -> Edit:
    return Edit(
        slug=asked.slug,
        sender=asked.sender,
        reply_to=asked.reply_to,
        drop_reply_to=asked.reply_to is None,
        sender_name=asked.sender_name,
        postal_address=asked.postal_address,
        route=asked.route,
        zone=asked.zone,
        language=asked.languages[0],
        languages=asked.languages,
        visibility=asked.visibility,
        opt_in=asked.opt_in,
        layout=asked.layout,
        needs_approval=asked.needs_approval,
    )


def _retire(session: Session, desk: Desk, seat: Seat, slug: str) -> None:
    lists.retire(session, lists.get(session, slug), now=desk.now(), by=seat.by)


def _take_back(session: Session, desk: Desk, seat: Seat, slug: str) -> None:
    lists.take_back(session, lists.get(session, slug), now=desk.now(), by=seat.by)


def _card(desk: Desk, visit: Visit, seat: Seat) -> Card:
    language = frame.language_of(desk, visit, seat)
    with desk.app.database.reading() as session:
        return lists.card_of(session, lists.get(session, visit.parts["slug"]), language.code)


def _texts(desk: Desk, visit: Visit, seat: Seat) -> tuple[Card, str, dict[str, ListText]]:
    """Give a list, the language that was asked for, and the words in all of them."""
    card = _card(desk, visit, seat)
    texts = desk.app.database.read(lists.texts_of, card.id)
    code = visit.query.get("in") or card.list.language
    if code not in {*card.list.languages, *texts}:
        raise NotFound("language", code)
    return card, code, texts


def _as_typed(card: Card) -> dict[str, str]:
    row, sender = card.list, card.sender
    values = {
        "slug": row.slug,
        "sender_name": sender.name,
        "sender": sender.address,
        "reply_to": sender.reply_to or "",
        "postal_address": sender.postal_address,
        "route": sender.route,
        "zone": row.timezone,
        "languages": ", ".join(row.languages),
        "visibility": row.visibility.value,
        "opt_in": row.opt_in.value,
        "layout": row.layout,
    }
    return values | ({"needs_approval": "yes"} if row.needs_approval else {})


def _choices(desk: Desk) -> dict[str, Any]:
    return {
        "routes": sorted(desk.app.settings.all_routes()),
        "zones": sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC"),
        "layouts": [(name, LAYOUT_NAMES.get(name, name)) for name in layouts(desk.templates)],
        "seen_by": list_pages.SEEN_BY,
        "confirmed_by": list_pages.CONFIRMED_BY,
    }


def _new_form(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    form: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> Response:
    return frame.page(
        desk,
        visit,
        seat,
        "list_new.html",
        status=400 if errors else 200,
        form=form,
        errors=errors or {},
        **_choices(desk),
    )


def _settings_form(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    card: Card,
    form: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> Response:
    return list_pages.page(
        desk, visit, seat, card, "list_settings.html", errors=errors, form=form, **_choices(desk)
    )


def _texts_form(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    found: tuple[Card, str, dict[str, ListText]],
    form: Mapping[str, object],
    *,
    errors: Mapping[str, str] | None = None,
) -> Response:
    card, code, texts = found
    spoken = desk.app.languages.of(code)
    empty = ListText(list_id=card.id, language=code, name=str(form.get("name") or card.words.name))
    house = desk.app.settings.organisation.name
    return list_pages.page(
        desk,
        visit,
        seat,
        card,
        "list_texts.html",
        errors=errors,
        form=form,
        code=code,
        spoken=spoken,
        offered=[
            desk.app.languages.of(one) for one in dict.fromkeys([*card.list.languages, *texts])
        ],
        ours=wording.of(Card(card.list, card.sender, empty), house, spoken).consent,
        told=list_pages.SAID.get(visit.query.get("said", ""), ""),
    )


def _colour_form(  # noqa: PLR0913  (a page, its list, and what was typed)
    desk: Desk,
    visit: Visit,
    seat: Seat,
    card: Card,
    typed: str,
    errors: Mapping[str, str] | None = None,
    *,
    tried: bool = False,
) -> Response:
    try:
        found = shades(accent.parse(typed)) if typed else None
    except MailerError:
        found = None
    return list_pages.page(
        desk,
        visit,
        seat,
        card,
        "list_colour.html",
        errors=errors,
        typed=typed,
        tried=tried,
        shades=found,
        grounds=(accent.LIGHT_GROUNDS, accent.DARK_GROUNDS),
        contrast=accent.contrast,
        told=list_pages.SAID.get(visit.query.get("said", ""), ""),
    )
