"""One digest: its words, its date and looks, its items in order; what became of one that went."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session
from starlette.responses import Response

from mailer import lists, subscribers
from mailer.accounts import Seat, unsaved
from mailer.db.schema import Digest, DigestState, Role, Segment, Unsaved
from mailer.digests import arranging, items, life, order
from mailer.digests.arranging import Changed, Words
from mailer.digests.items import Written
from mailer.digests.order import Order, Placed, Way
from mailer.errors import NotFound, Refused, UsageError
from mailer.language import Language, translatable
from mailer.lists import Card
from mailer.rendering import layouts
from mailer.rendering.wrapping import columns
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.rooms.digests import STATES
from mailer.web.rooms.room import number
from mailer.web.visit import Visit

SAID = {
    "new": translatable("The draft is there. Write its words, and see to its items."),
    "saved": translatable("Saved."),
    "unwritten": translatable("These words are taken away."),
    "moved": translatable("Moved."),
    "removed": translatable("The item is out of the digest. It is new again."),
    "added": translatable("The item is in the digest."),
    "renamed": translatable("The section has another name."),
    "queued": translatable("It is queued. Until it goes you can undo that."),
    "back": translatable("It is a draft again. Nothing is sent."),
    "dropped": translatable("What was not saved is forgotten."),
}

SUBJECT_SHOWN = 40
"""Columns of a subject that a phone shows; programs on a desk show some 70."""

PREHEADER_SHOWN = 90
"""Columns behind a short subject that most mail programs show."""

EDITABLE = {DigestState.DRAFT, DigestState.SCHEDULED}
"""In which states a digest's words can change; a scheduled one is a draft then."""

NOT_A_DATE = translatable("Write the date as year, month and day: 2026-12-01.")
ON_ITS_WAY = translatable("It is on its way: see how it goes, and stop it there.")
NO_LAYOUT = translatable("There is no such layout.")


@dataclass(frozen=True, slots=True)
class Seen:
    """A digest, with all that its page shows."""

    digest: Digest
    card: Card
    languages: tuple[str, ...]
    written_in: frozenset[str]
    words: Words
    base: str
    order: Order
    written: Mapping[int, Written]
    kept: Unsaved | None
    segments: tuple[Segment, ...]

    @property
    def id(self) -> int:
        """Give the digest's id."""
        assert self.digest.id is not None
        return self.digest.id


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show a digest: to be edited before it goes, and as it is afterwards."""
    return page(desk, visit, seat, told=SAID.get(visit.query.get("said", ""), ""))


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Do the one thing that was pressed."""
    deeds: dict[str, Callable[[Desk, Visit, Seat], Response]] = {
        "words": _save_words,
        "keep": _keep,
        "drop": _drop,
        "unwrite": _unwrite,
        "settle": _settle,
        "up": _move,
        "down": _move,
        "remove": _remove,
        "section-up": _move_section,
        "section-down": _move_section,
        "rename": _rename,
        "order": _reorder,
        "back": _take_back,
        "cancel": _cancel,
    }
    deed = deeds.get(visit.form.get("deed", ""))
    return deed(desk, visit, seat) if deed else show(desk, visit, seat)


def page(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    *,
    told: str = "",
    errors: Mapping[str, object] | None = None,
    theirs: Words | None = None,
) -> Response:
    """Give the page of a digest; `theirs` are the words that somebody else has saved meanwhile."""
    spoken = frame.language_of(desk, visit, seat)
    with desk.app.database.reading() as session:
        seen = _seen(session, visit, seat, spoken.code)
    typed = _typed(visit, seen)
    return frame.page(
        desk,
        visit,
        seat,
        "digest.html",
        status=409 if theirs else 400 if errors else 200,
        told=told,
        seen=seen,
        digest=seen.digest,
        card=seen.card,
        state=STATES[seen.digest.state],
        is_editable=seen.digest.state in EDITABLE,
        may_edit=seat.may(Role.EDITOR, seen.digest.list_id),
        tongue=_tongue(visit, seen),
        tongues_of=[desk.app.languages.of(code) for code in seen.languages],
        typed=typed,
        theirs=theirs,
        base=_base(visit, seen, anew=theirs is not None),
        order_base=order.of(seen.order),
        sections=order.sections(seen.order),
        layouts=layouts(desk.app.press.templates),
        columns=columns,
        limits=life,
        shown=(SUBJECT_SHOWN, PREHEADER_SHOWN),
        form=visit.form,
        errors={name: frame.explained(spoken, why) for name, why in (errors or {}).items()},
    )


def head(session: Session, visit: Visit, spoken: Language) -> tuple[Digest, Card]:
    """Give the digest that a path names, and its list."""
    digest = life.get(session, number(visit.parts, "digest"))
    return digest, lists.card(session, digest.list_id, spoken.code)


def language_in(visit: Visit, card: Card) -> str:
    """Give which of a list's languages is asked for; its first, when none is."""
    asked = visit.form.get("language") or visit.query.get("language") or card.list.language
    if asked not in languages_of(card):
        raise NotFound("language", asked[:20])
    return asked


def languages_of(card: Card) -> tuple[str, ...]:
    """Give a list's languages, its first one first."""
    return tuple(dict.fromkeys([card.list.language, *card.list.languages]))


def _seen(session: Session, visit: Visit, seat: Seat, spoken: str) -> Seen:
    digest = life.get(session, number(visit.parts, "digest"))
    assert digest.id is not None
    card = lists.card(session, digest.list_id, spoken)
    language = language_in(visit, card)
    placed = arranging.order_of(session, digest.id)
    written = items.some(session, [one.item_id for one in placed])
    words = arranging.words(session, digest.id, language)
    segments = subscribers.segments.of_list(session, digest.list_id)
    kept = unsaved.of(session, seat.editor_id, _place(digest.id, language))
    return Seen(
        digest=digest,
        card=card,
        languages=languages_of(card),
        written_in=frozenset(life.texts(session, digest.id)),
        words=words,
        base=words.fingerprint,
        order=placed,
        written={one.id: one for one in written},
        kept=kept if kept and Words(**_three(kept.fields)) != words else None,
        segments=tuple(segments),
    )


def _typed(visit: Visit, seen: Seen) -> Words:
    """Give what the form of words shows: as typed, else as not saved, else as it is."""
    if visit.form.get("deed") == "words":
        return _words(visit)
    return Words(**_three(seen.kept.fields)) if seen.kept else seen.words


def _base(visit: Visit, seen: Seen, *, anew: bool) -> str:
    """Give the fingerprint of the words that somebody began with."""
    if not anew and visit.form.get("deed") == "words":
        return visit.form.get("base", "")
    return str(seen.kept.fields.get("base", "")) if seen.kept and not anew else seen.base


def _three(fields: Mapping[str, object]) -> dict[str, str]:
    return {name: str(fields.get(name, "")) for name in ("subject", "preheader", "introduction")}


def _tongue(visit: Visit, seen: Seen) -> str:
    return language_in(visit, seen.card)


def _words(visit: Visit) -> Words:
    form = visit.form
    return Words(
        " ".join(form.get("subject", "").split()),
        " ".join(form.get("preheader", "").split()),
        form.get("introduction", "").replace("\r\n", "\n").strip(),
    )


def _place(digest_id: int, language: str) -> str:
    return f"digest/{digest_id}/{language}"


def _save_words(desk: Desk, visit: Visit, seat: Seat) -> Response:
    digest_id, new = number(visit.parts, "digest"), _words(visit)
    language = _asked_language(desk, visit)
    base = visit.form.get("base", "")
    now, place = desk.now(), _place(digest_id, language)
    try:
        with desk.app.database.writing() as session:
            arranging.write(session, digest_id, language, new, base=base, now=now, by=seat.by)
            unsaved.drop(session, seat.editor_id, place)
    except Changed as error:
        theirs = desk.app.database.read(arranging.words, digest_id, language)
        return page(desk, visit, seat, errors={"subject": error}, theirs=theirs)
    except UsageError as error:
        return page(desk, visit, seat, errors={_field_of(new): error})
    return frame.go(desk, "digests", digest_id, language=language, said="saved")


def _field_of(new: Words) -> str:
    """Give the field that is at fault, when the words were refused."""
    if not new.subject or len(new.subject) > life.LONGEST_SUBJECT:
        return "subject"
    if len(new.preheader) > life.LONGEST_PREHEADER:
        return "preheader"
    return "introduction" if len(new.introduction) > life.LONGEST_INTRODUCTION else "subject"


def _asked_language(desk: Desk, visit: Visit) -> str:
    with desk.app.database.reading() as session:
        _, card = head(session, visit, desk.app.languages["en"])
    return language_in(visit, card)


def _keep(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Keep what is typed and not saved: a script sends it from time to time."""
    digest_id, language = number(visit.parts, "digest"), _asked_language(desk, visit)
    fields = {**_three(visit.form), "base": visit.form.get("base", "")[:64]}
    place, now = _place(digest_id, language), desk.now()
    desk.app.database.write(unsaved.keep, seat.editor_id, place, fields, base=0, now=now)
    return Response(status_code=204, headers=frame.HEADERS)


def _drop(desk: Desk, visit: Visit, seat: Seat) -> Response:
    digest_id, language = number(visit.parts, "digest"), _asked_language(desk, visit)
    desk.app.database.write(unsaved.drop, seat.editor_id, _place(digest_id, language))
    return frame.go(desk, "digests", digest_id, language=language, said="dropped")


def _unwrite(desk: Desk, visit: Visit, seat: Seat) -> Response:
    digest_id, language = number(visit.parts, "digest"), _asked_language(desk, visit)
    desk.app.database.write(arranging.unwrite, digest_id, language, now=desk.now(), by=seat.by)
    return frame.go(desk, "digests", digest_id, language=language, said="unwritten")


def _settle(desk: Desk, visit: Visit, seat: Seat) -> Response:
    digest_id, layout = number(visit.parts, "digest"), visit.form.get("layout", "")
    try:
        day = date.fromisoformat(visit.form.get("date", "").strip())
    except ValueError:
        return page(desk, visit, seat, errors={"date": NOT_A_DATE})
    if layout not in layouts(desk.app.press.templates):
        return page(desk, visit, seat, errors={"layout": NO_LAYOUT})
    segment, now = _segment(visit.form.get("segment", "")), desk.now()
    try:
        with desk.app.database.writing() as session:
            arranging.settle(session, digest_id, day, layout, now=now, by=seat.by)
            life.set_segment(session, digest_id, segment, now=now, by=seat.by)
    except UsageError as error:
        return page(desk, visit, seat, errors={"date": error})
    return frame.go(desk, "digests", digest_id, said="saved")


def _segment(text: str) -> int | None:
    return number({"segment": text}, "segment") if text else None


def _move(desk: Desk, visit: Visit, seat: Seat) -> Response:
    item_id, way = _item(visit), Way(visit.form["deed"])
    after = _arrange(desk, visit, seat, lambda old: order.moved(old, item_id, way))
    edge = after[0] if way is Way.UP else after[-1]
    # At the edge the button that was pressed is gone: the other one has the focus then.
    seen = way if edge.item_id != item_id else (Way.DOWN if way is Way.UP else Way.UP)
    return _at(desk, visit, f"{seen.value}-{item_id}", "moved")


def _remove(desk: Desk, visit: Visit, seat: Seat) -> Response:
    item_id = _item(visit)
    _arrange(desk, visit, seat, lambda old: order.without(old, item_id))
    return _at(desk, visit, "items", "removed")


def _move_section(desk: Desk, visit: Visit, seat: Seat) -> Response:
    way = Way.UP if visit.form["deed"] == "section-up" else Way.DOWN
    name = visit.form.get("section", "")
    _arrange(desk, visit, seat, lambda old: order.section_moved(old, name, way))
    return _at(desk, visit, "items", "moved")


def _rename(desk: Desk, visit: Visit, seat: Seat) -> Response:
    old_name = visit.form.get("section", "")
    try:
        new_name = arranging.section_name(visit.form.get("name", ""))
    except UsageError as error:
        return page(desk, visit, seat, errors={"items": error})
    _arrange(desk, visit, seat, lambda old: order.renamed(old, old_name, new_name))
    return _at(desk, visit, "items", "renamed")


def _reorder(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Take over a whole order, as a script sends it after something was dragged."""
    wanted, base = _wanted(visit.form.get("order", "")), visit.form.get("base", "")

    def step(old: Order) -> Order:
        if order.of(old) != base or {p.item_id for p in old} != {p.item_id for p in wanted}:
            raise Changed
        return order.together(wanted)

    try:
        _arrange(desk, visit, seat, step)
    except Changed as error:
        return page(desk, visit, seat, errors={"items": error})
    return _at(desk, visit, "items", "moved")


def _wanted(text: str) -> Order:
    """Read an order: pairs of an item's id and its section."""
    try:
        pairs = json.loads(text)
        placed = [
            Placed(int(item_id), arranging.section_name(str(name))) for item_id, name in pairs
        ]
    except (ValueError, TypeError, RecursionError):
        raise UsageError(
            translatable("The order did not arrive whole. Nothing was moved.")
        ) from None
    if len(placed) != len({one.item_id for one in placed}) or len(placed) > life.MOST_ITEMS:
        raise UsageError(translatable("The order did not arrive whole. Nothing was moved."))
    return tuple(placed)


def _arrange(desk: Desk, visit: Visit, seat: Seat, step: order.Step) -> Order:
    digest_id = number(visit.parts, "digest")
    return desk.app.database.write(arranging.arrange, digest_id, step, now=desk.now(), by=seat.by)


def _at(desk: Desk, visit: Visit, place: str, said: str) -> Response:
    """Lead back to a place on the page, in the language that it showed."""
    answer = frame.go(
        desk,
        "digests",
        number(visit.parts, "digest"),
        language=visit.query.get("language", ""),
        said=said,
    )
    answer.headers["location"] += f"#{place}"
    return answer


def _item(visit: Visit) -> int:
    return number({"item": visit.form.get("item", "")}, "item")


def _take_back(desk: Desk, visit: Visit, seat: Seat) -> Response:
    digest_id = number(visit.parts, "digest")
    try:
        desk.app.database.write(life.unschedule, digest_id, now=desk.now(), by=seat.by)
    except Refused:
        raise Refused(ON_ITS_WAY) from None
    return frame.go(desk, "digests", digest_id, said="back")


def _cancel(desk: Desk, visit: Visit, seat: Seat) -> Response:
    digest_id = number(visit.parts, "digest")
    desk.app.database.write(_cancel_unsent, digest_id, seat, desk)
    return frame.go(desk, "digests", said="cancelled")


def _cancel_unsent(session: Session, digest_id: int, seat: Seat, desk: Desk) -> None:
    if life.get(session, digest_id).state not in EDITABLE:
        raise Refused(ON_ITS_WAY)
    life.cancel(session, digest_id, now=desk.now(), by=seat.by)
