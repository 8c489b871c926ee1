"""Who works here: editors are invited, given roles by list, helped in again, and retired."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session
from starlette.responses import Response

from mailer import address, delivery, lists
from mailer.accounts import Seat, codes, editors, sign_ins
from mailer.accounts.seats import EVERYWHERE
from mailer.address import Address
from mailer.db.schema import Editor, Role
from mailer.errors import Refused
from mailer.history import About, record
from mailer.language import translatable
from mailer.lists import Card
from mailer.web.desk import Desk
from mailer.web.rooms import frame, trail
from mailer.web.rooms.filling import NOT_AN_ADDRESS, Filling
from mailer.web.rooms.room import number
from mailer.web.visit import Visit

NOBODY = "none"
ROLE_NAMES = {
    Role.VIEWER: translatable("viewer"),
    Role.APPROVER: translatable("approver"),
    Role.EDITOR: translatable("editor"),
    Role.OWNER: translatable("owner"),
}
SAID = {
    "roles": translatable("The roles are saved."),
    "ended": translatable("All their sign-ins are ended."),
    "no-code": translatable("From now on, their password alone is enough."),
    "retired": translatable("The editor is retired, and signed out everywhere."),
}
NO_SUCH = translatable("Choose one of these.")
IS_THERE = translatable("Somebody with this address is an editor already. Change their role.")


@dataclass(frozen=True, slots=True)
class Person:
    """An editor as the page of all shows them."""

    editor: Editor
    roles: tuple[tuple[str, str], ...]
    seen_at: datetime | None


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show who works here, with their roles."""
    people = desk.app.database.read(_people, desk, frame.language_of(desk, visit, seat).code)
    told = SAID.get(visit.query.get("said", ""), "")
    return frame.page(
        desk, visit, seat, "staff.html", people=people, told=told, role_names=ROLE_NAMES
    )


def show_new(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the form that invites somebody."""
    return _new_form(desk, visit, seat, {"role": Role.EDITOR.value})


def press_new(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Invite somebody: the link is mailed, and shown this once."""
    filling = Filling(frame.language_of(desk, visit, seat), visit.form)
    to = filling.address("address")
    if to is None:
        filling.wrong("address", NOT_AN_ADDRESS)
    name = filling.read("name", editors.name_of, "")
    roles = {one.value: one for one in Role}
    role = filling.one_of("role", roles, Role.VIEWER, says=NO_SUCH)
    cards = desk.app.database.read(lists.cards)
    places = {"": EVERYWHERE, **{card.list.slug: card.id for card in cards}}
    list_id = filling.one_of("list", places, EVERYWHERE, says=NO_SUCH)
    if role is Role.OWNER and list_id != EVERYWHERE:
        filling.wrong("list", translatable("An owner owns the installation, and not one list."))
    language = filling.text("language") or None
    if language not in {None, *desk.app.languages}:
        filling.wrong("language", NO_SUCH)
    if to is not None and desk.app.database.read(editors.by_key, to.key):
        filling.wrong("address", IS_THERE)
    if filling.errors or to is None:
        return _new_form(desk, visit, seat, visit.form, filling.errors)
    new = editors.Newcomer(to, name, role, list_id, language)
    editor, link = desk.app.database.write(_invite, desk, seat, new)
    return _link_page(desk, visit, seat, editor, link)


def show_one(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show one editor: roles, sign-ins, and what can be done."""
    told = SAID.get(visit.query.get("said", ""), "")
    return _one_page(desk, visit, seat, told=told)


def press_one(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Do the one thing that was pressed."""
    editor_id, deed = number(visit.parts, "editor"), visit.form.get("deed", "")
    try:
        if deed == "link":
            editor, link = desk.app.database.write(_send_link, desk, seat, editor_id)
            return _link_page(desk, visit, seat, editor, link)
        deeds = {"roles": _set_roles, "ended": _end, "no-code": _drop_code, "retired": _retire}
        if deed not in deeds:
            return _one_page(desk, visit, seat)
        desk.app.database.write(deeds[deed], desk, visit, seat, editor_id)
    except Refused as error:
        return _one_page(desk, visit, seat, errors={"role_0": error})
    if deed == "retired":
        return frame.go(desk, "settings", "editors", said=deed)
    return frame.go(desk, "settings", "editors", editor_id, said=deed)


def _people(session: Session, desk: Desk, language: str) -> list[Person]:
    roles = editors.all_grants(session)
    names = {card.id: card.words.name for card in lists.every(session, language)}
    seen = sign_ins.last_seen(session, now=desk.now())
    return [
        Person(
            one,
            tuple(
                (names.get(list_id, ""), role.value)
                for list_id, role in sorted(roles.get(editors.id_of(one), {}).items())
            ),
            seen.get(editors.id_of(one)),
        )
        for one in editors.every(session)
    ]


def _invite(session: Session, desk: Desk, seat: Seat, new: editors.Newcomer) -> tuple[Editor, str]:
    editor = editors.invite(session, new, now=desk.now(), by=seat.by)
    return editor, _post_invitation(session, desk, editor, new.address)


def _post_invitation(session: Session, desk: Desk, editor: Editor, to: Address) -> str:
    link = _password_link(editor, to, editors.INVITED_FOR)
    delivery.post_invitation(session, desk.app.press, link, now=desk.now())
    return _url(desk, link)


def _send_link(session: Session, desk: Desk, seat: Seat, editor_id: int) -> tuple[Editor, str]:
    """Mail the link to a new password; to whoever never had one, the invitation again."""
    editor, now = editors.get(session, editor_id), desk.now()
    to = address.parse(editor.address)
    details = {"editor": editor_id}
    record(session, "editor.link", seat.by, About(), at=now, details=details)
    if not editor.password:
        return editor, _post_invitation(session, desk, editor, to)
    link = _password_link(editor, to, editors.FORGOTTEN_FOR)
    delivery.post_password_link(session, desk.app.press, link, now=now)
    return editor, _url(desk, link)


def _password_link(editor: Editor, to: Address, lasts: timedelta) -> delivery.PasswordLink:
    return delivery.PasswordLink(
        to=to,
        editor_id=editors.id_of(editor),
        number=editor.password_number,
        lasts=lasts,
        language=editor.language,
    )


def _url(desk: Desk, link: delivery.PasswordLink) -> str:
    ids = (link.editor_id, link.number)
    return desk.app.links.set_password(*ids, expires_at=desk.now() + link.lasts)


def _set_roles(session: Session, desk: Desk, visit: Visit, seat: Seat, editor_id: int) -> None:
    """Give the roles that were chosen, where they differ: that on every list first."""
    have = editors.grants(session, editor_id)
    places = [EVERYWHERE, *(card.id for card in lists.every(session))]
    known = {role.value: role for role in Role} | {NOBODY: None}
    for list_id in places:
        chosen = visit.form.get(f"role_{list_id}", "")
        if chosen not in known or known[chosen] is have.get(list_id):
            continue
        editors.grant(session, editor_id, list_id, known[chosen], now=desk.now(), by=seat.by)


def _end(session: Session, desk: Desk, visit: Visit, seat: Seat, editor_id: int) -> None:
    del visit
    editors.get(session, editor_id)
    sign_ins.end_all(session, editor_id, now=desk.now(), by=seat.by)


def _drop_code(session: Session, desk: Desk, visit: Visit, seat: Seat, editor_id: int) -> None:
    del visit
    editors.get(session, editor_id)
    codes.drop(session, editor_id)
    details = {"editor": editor_id}
    record(session, "editor.second_off", seat.by, About(), at=desk.now(), details=details)


def _retire(session: Session, desk: Desk, visit: Visit, seat: Seat, editor_id: int) -> None:
    del visit
    editors.retire(session, editor_id, now=desk.now(), by=seat.by)


def _new_form(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    form: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> Response:
    language = frame.language_of(desk, visit, seat)
    return frame.page(
        desk,
        visit,
        seat,
        "staff_new.html",
        status=400 if errors else 200,
        form=form,
        errors=errors or {},
        cards=desk.app.database.read(lists.cards, language.code),
        roles=trail.ROLES,
    )


def _link_page(desk: Desk, visit: Visit, seat: Seat, editor: Editor, link: str) -> Response:
    return frame.page(desk, visit, seat, "staff_link.html", editor=editor, link=link)


def _one_page(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    *,
    told: str = "",
    errors: Mapping[str, object] | None = None,
) -> Response:
    language = frame.language_of(desk, visit, seat)
    editor_id = number(visit.parts, "editor")
    with desk.app.database.reading() as session:
        editor = editors.get(session, editor_id)
        roles = editors.grants(session, editor_id)
        cards: list[Card] = lists.every(session, language.code)
        where = sign_ins.of(session, editor_id, now=desk.now())
    return frame.page(
        desk,
        visit,
        seat,
        "staff_one.html",
        status=400 if errors else 200,
        editor=editor,
        roles=roles,
        cards=[card for card in cards if card.list.retired_at is None or card.id in roles],
        role_names=ROLE_NAMES,
        role_words=trail.ROLES,
        sign_ins=where,
        told=told,
        errors={name: frame.explained(language, why) for name, why in (errors or {}).items()},
    )
