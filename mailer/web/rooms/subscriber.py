"""One subscriber: where they stand and on what evidence, their mail and history, and every deed.

Who has a role on some lists only sees and does what belongs to those. Leaving, barring and
letting back can be undone from the page that follows; forgetting cannot, so it takes the address.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session
from starlette.responses import Response

from mailer import address, subscribers
from mailer.accounts import Seat
from mailer.db.schema import (
    Delivery,
    Event,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from mailer.errors import NotAllowed, NotFound, Refused, UsageError
from mailer.language import Language, is_code, translatable
from mailer.lists import Card
from mailer.subscribers import Facts, Person, Wish
from mailer.web.desk import Desk
from mailer.web.person import FILE_NAME
from mailer.web.rooms import frame, lock, shelves
from mailer.web.rooms.room import number
from mailer.web.rooms.subscribers import STATES
from mailer.web.told import EVENTS, EVIDENCE, MAIL
from mailer.web.visit import Visit

SAID = {
    "left": translatable("They have left the list."),
    "back": translatable("They are on the list again, as before."),
    "asked": translatable("A letter asks them to confirm."),
    "added": translatable("They are on the list."),
    "already": translatable("They were on the list already."),
    "barred": translatable("Nothing is mailed to this address any more."),
    "lifted": translatable("This address may be mailed again."),
    "paused": translatable("No digest is mailed until the pause is over."),
    "unpaused": translatable("The pause is over."),
    "saved": translatable("Saved."),
}

KINDS = {
    "digest": translatable("Digest"),
    "test": translatable("Test"),
    "confirmation": translatable("Letter: please confirm"),
    "welcome": translatable("Letter: welcome"),
    "already": translatable("Letter: already subscribed"),
    "leave": translatable("Letter: link to leave"),
    "notice": translatable("Notice"),
    "reminder": translatable("Letter: reminder to confirm"),
    "access": translatable("Letter: link to one’s own data"),
    "move": translatable("Letter: is this address yours?"),
    "moved": translatable("Letter: the address was changed"),
    "handover": translatable("Letter: mailbox handed over"),
}

REASONS = {
    SuppressionReason.BOUNCE: translatable("mail came back"),
    SuppressionReason.COMPLAINT: translatable("called a message unwanted"),
    SuppressionReason.REQUEST: translatable("asked never to be written to"),
    SuppressionReason.EDITOR: translatable("an editor said so"),
}

ACTORS = {
    "reader": translatable("the reader"),
    "editor": translatable("an editor"),
    "key": translatable("a program"),
    "system": translatable("the program itself"),
}
MARKS = {
    "sent": "good",
    "failed": "stop",
    "suppressed": "stop",
    "uncertain": "care",
    "queued": "live",
    "claimed": "live",
}

EVIDENCE_HERE = {"via": "rooms"}
LONGEST_NOTE = 500
NO_BASIS = translatable("Say how they agreed: where, and when.")
NOT_THE_ADDRESS = translatable("That is not the address of this person.")
NO_LANGUAGE = translatable("A language is written like en or ja.")
NO_DAY = translatable("A day is written like 2026-12-31.")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the page shows of a person."""

    person: Person
    cards: Mapping[int, Card]
    mail: list[tuple[Delivery, int | None]]
    history: list[Event]
    consents: Mapping[int, list[Event]]
    is_whole: bool


class _Wrong(Exception):
    """What was typed cannot be taken: why, by field."""

    def __init__(self, **errors: object) -> None:
        super().__init__(str(errors))
        self.errors = errors


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show a person."""
    return _page(desk, visit, seat)


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Do the one thing that was pressed."""
    deed = visit.form.get("deed", "")
    try:
        if deed in ON_A_LIST:
            return _on_a_list(desk, visit, seat, ON_A_LIST[deed])
        if deed in OF_A_PERSON:
            if not shelves.sees_all(seat):
                raise NotAllowed(lock.NOT_YOURS)
            return OF_A_PERSON[deed](desk, visit, seat)
    except _Wrong as wrong:
        return _page(desk, visit, seat, errors=wrong.errors)
    return _page(desk, visit, seat)


def take_out(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Give all that is held about a person, as a file."""
    del seat
    found = desk.app.database.read(subscribers.held, number(visit.parts, "subscriber"))
    text = json.dumps(found, ensure_ascii=False, indent=2, default=_plain)
    headers = {**frame.HEADERS, "Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
    return Response(text + "\n", media_type="application/json", headers=headers)


# ------------------------------------------------------------------------- deeds on a list

Deed = Callable[[Session, Desk, Visit, Seat, Person, Card], Mapping[str, object]]


def _on_a_list(desk: Desk, visit: Visit, seat: Seat, deed: Deed) -> Response:
    subscriber_id = number(visit.parts, "subscriber")
    with desk.app.database.writing() as session:
        found = subscribers.person(session, subscriber_id, seat.lists_with(shelves.KEEPS))
        cards = shelves.open_to(session, seat)
        card = next((one for one in cards if str(one.id) == visit.form.get("list", "")), None)
        if card is None:
            raise NotFound("list", visit.form.get("list", "")[:20])
        said = deed(session, desk, visit, seat, found, card)
    return frame.go(desk, "subscribers", subscriber_id, **said)


def _leave(
    session: Session, desk: Desk, visit: Visit, seat: Seat, found: Person, card: Card
) -> Mapping[str, object]:
    del visit
    event = subscribers.leave(session, found.id, card.id, EVIDENCE_HERE, now=desk.now(), by=seat.by)
    return {"said": "left", "list": card.id, "event": event or ""}


def _undo_leaving(
    session: Session, desk: Desk, visit: Visit, seat: Seat, found: Person, card: Card
) -> Mapping[str, object]:
    event = number(visit.form, "event") if "event" in visit.form else 0
    is_back = subscribers.undo_leaving(
        session, found.id, card.id, event, EVIDENCE_HERE, now=desk.now(), by=seat.by
    )
    if not is_back:
        raise Refused(translatable("Something else happened since; this leaving stays."))
    return {"said": "back"}


def _ask(
    session: Session, desk: Desk, visit: Visit, seat: Seat, found: Person, card: Card
) -> Mapping[str, object]:
    del visit
    reasons = subscribers.reasons(session, found.one.key or "", card.id)
    if reasons:
        raise Refused(translatable("This address must not be mailed. Let it be mailed first."))
    before = _state_on(found, card)
    if before is SubscriptionState.CONFIRMED:
        return {"said": "already"}
    wish = _wish(seat, found, card)
    subscribers.subscribe(session, wish, desk.app.rules, now=desk.now())
    after = subscribers.standing_of(session, found.id, card.id).state
    return {"said": "added" if after is SubscriptionState.CONFIRMED else "asked"}


def _put(
    session: Session, desk: Desk, visit: Visit, seat: Seat, found: Person, card: Card
) -> Mapping[str, object]:
    basis = " ".join(visit.form.get("basis", "").split())[:LONGEST_NOTE]
    if not basis:
        raise _Wrong(basis=NO_BASIS)
    wish = _wish(seat, found, card)
    why_not = subscribers.add_confirmed(session, wish, basis, now=desk.now())
    if why_not is SubscriptionState.UNSUBSCRIBED:
        raise Refused(
            translatable("They left this list. Only they can come back: ask them by a letter.")
        )
    if isinstance(why_not, SuppressionReason):
        raise Refused(translatable("This address must not be mailed. Let it be mailed first."))
    return {"said": "already" if why_not else "added"}


def _bar_here(
    session: Session, desk: Desk, visit: Visit, seat: Seat, found: Person, card: Card
) -> Mapping[str, object]:
    note = " ".join(visit.form.get("note", "").split())[:LONGEST_NOTE]
    subscribers.bar(session, found.id, card.id, note, now=desk.now(), by=seat.by)
    return {"said": "barred", "list": card.id}


def _let_back_here(
    session: Session, desk: Desk, visit: Visit, seat: Seat, found: Person, card: Card
) -> Mapping[str, object]:
    del visit
    subscribers.let_back(session, found.id, card.id, now=desk.now(), by=seat.by)
    return {"said": "lifted", "list": card.id}


ON_A_LIST: Mapping[str, Deed] = {
    "leave": _leave,
    "undo-leave": _undo_leaving,
    "ask": _ask,
    "put": _put,
    "bar-here": _bar_here,
    "let-back-here": _let_back_here,
}


# ------------------------------------------------------------------------- deeds of a person


def _bar(desk: Desk, visit: Visit, seat: Seat) -> Response:
    subscriber_id = number(visit.parts, "subscriber")
    note = " ".join(visit.form.get("note", "").split())[:LONGEST_NOTE]
    desk.app.database.write(
        subscribers.bar, subscriber_id, subscribers.EVERYWHERE, note, now=desk.now(), by=seat.by
    )
    return frame.go(desk, "subscribers", subscriber_id, said="barred", list=0)


def _let_back(desk: Desk, visit: Visit, seat: Seat) -> Response:
    subscriber_id = number(visit.parts, "subscriber")
    desk.app.database.write(
        subscribers.let_back, subscriber_id, subscribers.EVERYWHERE, now=desk.now(), by=seat.by
    )
    return frame.go(desk, "subscribers", subscriber_id, said="lifted", list=0)


def _pause(desk: Desk, visit: Visit, seat: Seat) -> Response:
    subscriber_id = number(visit.parts, "subscriber")
    try:
        last = date.fromisoformat(visit.form.get("last", ""))
    except ValueError:
        raise _Wrong(last=NO_DAY) from None
    try:
        desk.app.database.write(
            subscribers.pause_until, subscriber_id, last, now=desk.now(), by=seat.by
        )
    except UsageError as error:
        raise _Wrong(last=error) from None
    return frame.go(desk, "subscribers", subscriber_id, said="paused")


def _end_pause(desk: Desk, visit: Visit, seat: Seat) -> Response:
    subscriber_id = number(visit.parts, "subscriber")
    desk.app.database.write(
        subscribers.pause_until, subscriber_id, None, now=desk.now(), by=seat.by
    )
    return frame.go(desk, "subscribers", subscriber_id, said="unpaused")


def _correct(desk: Desk, visit: Visit, seat: Seat) -> Response:
    subscriber_id = number(visit.parts, "subscriber")
    said = {
        name: " ".join(visit.form.get(name, "").split())
        for name in ("name", "language", "organisation", "country")
    }
    if said["language"] and not is_code(said["language"]):
        raise _Wrong(language=NO_LANGUAGE)
    facts = Facts(said["name"], said["language"] or None, said["organisation"], said["country"])
    try:
        desk.app.database.write(
            subscribers.correct, subscriber_id, facts, now=desk.now(), by=seat.by
        )
    except UsageError as error:
        raise _Wrong(name=error) from None
    return frame.go(desk, "subscribers", subscriber_id, said="saved")


def _erase(desk: Desk, visit: Visit, seat: Seat) -> Response:
    subscriber_id = number(visit.parts, "subscriber")
    found = desk.app.database.read(subscribers.person, subscriber_id, None)
    try:
        typed = address.parse(visit.form.get("address", "").strip()).key
    except UsageError:
        typed = ""
    if typed != found.one.key:
        raise _Wrong(address=NOT_THE_ADDRESS)
    desk.app.database.write(subscribers.erase, subscriber_id, now=desk.now(), by=seat.by)
    return frame.go(desk, "subscribers", said="erased")


OF_A_PERSON: Mapping[str, Callable[[Desk, Visit, Seat], Response]] = {
    "bar": _bar,
    "let-back": _let_back,
    "pause": _pause,
    "end-pause": _end_pause,
    "correct": _correct,
    "erase": _erase,
}


# ------------------------------------------------------------------------- the page


def _page(
    desk: Desk, visit: Visit, seat: Seat, *, errors: Mapping[str, object] | None = None
) -> Response:
    language = frame.language_of(desk, visit, seat)
    shown = desk.app.database.read(_shown, visit, seat, language)
    query = visit.query
    return frame.page(
        desk,
        visit,
        seat,
        "subscriber.html",
        status=400 if errors else 200,
        shown=shown,
        one=shown.person.one,
        errors={name: frame.explained(language, why) for name, why in (errors or {}).items()},
        told=SAID.get(query.get("said", ""), ""),
        undo=_undo(query),
        states=STATES,
        reasons=REASONS,
        mail_states=MAIL,
        mail_kinds=KINDS,
        marks=MARKS,
        events=EVENTS,
        actors=ACTORS,
        evidence=EVIDENCE,
        mails=subscribers.MAILS,
        lines=subscribers.LINES,
        joinable=_joinable(shown),
    )


def _shown(session: Session, visit: Visit, seat: Seat, language: Language) -> _Shown:
    seen = seat.lists_with(shelves.KEEPS)
    subscriber_id = number(visit.parts, "subscriber")
    found = subscribers.person(session, subscriber_id, seen)
    mail = subscribers.mail_to(
        session, subscriber_id, seen, before=_before(visit.query, "mail-before")
    )
    lines = subscribers.history_of(
        session, subscriber_id, seen, before=_before(visit.query, "before")
    )
    consents = {
        one.list_id: subscribers.consent_lines(session, subscriber_id, one.list_id)
        for one in found.here
    }
    cards = {one.id: one for one in shelves.open_to(session, seat, language.code)}
    return _Shown(found, cards, mail, lines, consents, shelves.sees_all(seat))


def _undo(query: Mapping[str, str]) -> Mapping[str, str]:
    """Give the fields of the form that takes back what was just done; none where nothing does."""
    said, list_id, event = (query.get(name, "") for name in ("said", "list", "event"))
    if said == "left" and event:
        return {"deed": "undo-leave", "list": list_id, "event": event}
    if said == "barred" and list_id:
        return {"deed": "let-back" if list_id == "0" else "let-back-here", "list": list_id}
    return {}


def _joinable(shown: _Shown) -> list[Card]:
    """Give the lists to which they can be added."""
    on = {one.list_id for one in shown.person.here if one.state is SubscriptionState.CONFIRMED}
    return [card for list_id, card in shown.cards.items() if list_id not in on]


def _state_on(found: Person, card: Card) -> SubscriptionState | None:
    here: Subscription | None = next((one for one in found.here if one.list_id == card.id), None)
    return here.state if here else None


def _wish(seat: Seat, found: Person, card: Card) -> Wish:
    one = found.one
    assert one.address is not None
    return Wish(
        address=address.parse(one.address),
        list_id=card.id,
        language=one.language or card.list.language,
        evidence=EVIDENCE_HERE,
        by=seat.by,
    )


def _before(query: Mapping[str, str], name: str) -> int | None:
    said = query.get(name, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 18 else None


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
