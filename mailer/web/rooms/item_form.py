"""The form in which an item is written: what was typed in it is lost by nothing that goes wrong.

It carries the version that it began with. When somebody else has saved in between, both are shown
side by side, and nothing is overwritten until the editor has chosen.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

from sqlmodel import Session
from starlette.responses import Response

from mailer import lists, media
from mailer.accounts import Seat, editors, unsaved
from mailer.db.schema import MailingList, Role, Unsaved
from mailer.digests import comparing, documents, items, pictures, stock, typed
from mailer.digests.documents import StoredDocument
from mailer.digests.items import Written
from mailer.digests.typed import Typed
from mailer.errors import Overtaken, TooLarge, UsageError
from mailer.language import is_code
from mailer.rendering.from_html import to_markdown
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.rooms import items as room
from mailer.web.rooms.room import number
from mailer.web.visit import Upload, Visit

NEW = "new"
MOST_PAPERS = documents.MOST + 20
"""Documents of a form that are read: one too many is told, a thousand are not."""

HEADING = 3
"""The level of the largest heading in the rich text: it stands below the title of the form."""

PAPER = ("title", "kind", "link", "hash")
"""What a form says of each document."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A form as it is shown: of a new item, or of one in the version that it began with."""

    form: Typed
    one: Written | None = None
    began: int = 0

    @property
    def base(self) -> int:
        """Give the version that the editor began with; 0 for a new item."""
        return self.began or (self.one.version.number if self.one else 0)


def show_new(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the form for a new item, which may be the translation of another."""
    kept = _kept(desk, seat, NEW)
    if kept and "typed" not in visit.query:
        return _offer(desk, visit, seat, kept)
    if kept:
        return show(desk, visit, seat, Sheet(Typed.load(kept.fields)))
    return show(desk, visit, seat, Sheet(desk.app.database.read(_fresh, desk, visit, seat)))


def press_new(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Keep a new item, or show its form again."""
    if visit.form.get("deed") == "drop-typed":
        desk.app.database.write(unsaved.drop, seat.editor_id, place(NEW))
        return frame.go(desk, "items", said="dropped")
    form, errors = _filled(desk, visit)
    if errors or not _is_saving(visit):
        return show(desk, visit, seat, Sheet(form), errors)
    draft, errors = desk.app.database.read(typed.check, form)
    if errors:
        return show(desk, visit, seat, Sheet(form), errors)
    translates = _digits(form["translates"])

    def add(session: Session) -> int:
        made = items.add(session, draft, now=desk.now(), translates=translates, by=seat.by)
        unsaved.drop(session, seat.editor_id, place(NEW))
        return made

    try:
        made = desk.app.database.write(add)
    except UsageError as error:
        return show(desk, visit, seat, Sheet(form), {"language": str(error)})
    return frame.go(desk, "items", made, said="added")


def show_edit(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the form of an item, or what was typed in it and never saved."""
    item_id = number(visit.parts, "item")
    one = desk.app.database.read(items.get, item_id)
    now_said = typed.of(one.version, one.item.language)
    kept = _kept(desk, seat, item_id)
    if kept and comparing.differing(Typed.load(kept.fields), now_said):
        if "typed" not in visit.query:
            return _offer(desk, visit, seat, kept, one)
        return show(desk, visit, seat, Sheet(Typed.load(kept.fields), one, kept.base))
    return show(desk, visit, seat, Sheet(now_said, one))


def press_edit(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Keep a new version of an item, or show its form again, or what two editors wrote."""
    item_id = number(visit.parts, "item")
    if visit.form.get("deed") == "drop-typed":
        desk.app.database.write(unsaved.drop, seat.editor_id, place(item_id))
        return frame.go(desk, "items", item_id, "edit")
    one = desk.app.database.read(items.get, item_id)
    form, errors = _filled(desk, visit)
    form = form.with_(language=one.item.language)
    base = _digits(visit.form.get("base", "")) or one.version.number
    if visit.form.get("deed") == "choose":
        form = comparing.chosen(form, typed.of(one.version, one.item.language), _choices(visit))
    if errors or not _is_saving(visit):
        return show(desk, visit, seat, Sheet(form, one, base), errors)
    if base == one.version.number and _says_the_same(form, one):
        desk.app.database.write(unsaved.drop, seat.editor_id, place(item_id))
        return frame.go(desk, "items", item_id, said="same")
    draft, errors = desk.app.database.read(typed.check, form)
    if errors:
        return show(desk, visit, seat, Sheet(form, one, base), errors)

    def edit(session: Session) -> None:
        items.edit(session, item_id, draft, now=desk.now(), base=base, by=seat.by)
        unsaved.drop(session, seat.editor_id, place(item_id))

    try:
        desk.app.database.write(edit)
    except Overtaken:
        return _both(desk, visit, seat, form, item_id, base)
    return frame.go(desk, "items", item_id, said="saved")


def place(item: int | str) -> str:
    """Give the name under which a form is kept that is not saved yet."""
    return f"item/{item}"


def keep(
    session: Session, seat: Seat, item: int | str, form: Typed, base: int, *, now: datetime
) -> None:
    """Keep a form that is not saved yet."""
    unsaved.keep(session, seat.editor_id, place(item), form.kept(), base=base, now=now)


def read(visit: Visit) -> Typed:
    """Give what a form holds, without its files."""
    fields = {name: visit.form.get(name, "") for name in (*typed.FIELDS, "translates")}
    if visit.form.get("rich") == "yes":
        fields["body"] = to_markdown(visit.form.get("body_html", ""), heading=HEADING)
    columns = [visit.many.get(f"paper_{name}", ()) for name in PAPER]
    rows = list(zip_longest(*columns, fillvalue=""))[:MOST_PAPERS]
    return Typed(
        fields, tuple(StoredDocument(title, kind, link, known) for title, kind, link, known in rows)
    )


def _fresh(session: Session, desk: Desk, visit: Visit, seat: Seat) -> Typed:
    """Give an empty form, or that of a translation, which has all but the words already."""
    original = _digits(visit.query.get("translates", ""))
    spoken = _spoken(session, desk, seat)
    if original is None:
        return Typed({"language": spoken[0]})
    one = items.get(session, original)
    there = {other.item.language for other in items.translations(session, one.item.group_id)}
    other = next((code for code in spoken if code not in there), "")
    form = typed.of(one.version, one.item.language)
    return form.with_(language=other, translates=str(original))


def _filled(desk: Desk, visit: Visit) -> tuple[Typed, dict[str, str]]:
    """Give what a form holds with what was uploaded and pressed, and what is wrong with files."""
    form, errors = read(visit), {}
    for upload in [*visit.files.get("photo", ()), *visit.files.get("camera", ())][-1:]:
        try:
            form = form.with_(picture=host_picture(desk, upload.content))
        except UsageError as error:
            errors["photo"] = f"“{upload.name[:100]}” {error}"
    for upload in visit.files.get("paper", ()):
        try:
            form = replace(form, papers=(*form.papers, _host_paper(desk, upload)))
        except UsageError as error:
            errors["paper"] = f"“{upload.name[:100]}” {error}"
    return _arranged(form, visit.form.get("deed", "")), errors


def host_picture(desk: Desk, content: bytes) -> str:
    """Give the hashes of a picture's two sizes, made and hosted; UsageError says why not."""
    small, large = pictures.develop(content)
    made = pictures.Picture(small, large, "")
    kept = desk.app.database.write(pictures.keep, made, now=desk.now())
    return f"{kept['small']['hash']} {kept['large']['hash']}"


def _host_paper(desk: Desk, upload: Upload) -> StoredDocument:
    title = upload.name.rpartition(".")[0].replace("_", " ").strip()[:100]
    made = documents.of(upload.name, upload.content, title)
    return StoredDocument(**desk.app.database.write(documents.keep, made, now=desk.now()))


def _arranged(form: Typed, deed: str) -> Typed:
    """Give the form as the button of a picture or a document leaves it."""
    if deed == "drop-picture":
        gone = dict.fromkeys(("picture", "picture_alt", "picture_caption", "picture_credit"), "")
        return form.with_(**gone)
    verb, _, at_text = deed.partition("-")
    at, papers = _digits(at_text), list(form.papers)
    if at is None or at >= len(papers):
        return form
    if verb == "drop":
        papers.pop(at)
    elif verb in {"up", "down"}:
        to = max(0, min(len(papers) - 1, at + (1 if verb == "down" else -1)))
        papers.insert(to, papers.pop(at))
    return replace(form, papers=tuple(papers))


def _is_saving(visit: Visit) -> bool:
    return visit.form.get("deed", "save") in {"save", "choose"}


def _says_the_same(form: Typed, one: Written) -> bool:
    return not comparing.differing(form, typed.of(one.version, one.item.language))


def show(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    sheet: Sheet,
    errors: Mapping[str, str] | None = None,
    *,
    told: Mapping[str, str] | None = None,
) -> Response:
    """Show the form; `told` says from which page it was filled, and what that page lacks."""
    form, one = sheet.form, sheet.one
    if not visit.shows:
        _keep_safe(desk, seat, sheet)
    language = frame.language_of(desk, visit, seat)
    with desk.app.database.reading() as session:
        draft, _ = typed.check(session, form)
        topics, spoken = stock.topics(session), _spoken(session, desk, seat)
        zones = _zones(session, seat)
        original = _digits(form["translates"])
        translated = items.get(session, original) if original is not None else None
    if form["language"] and form["language"] not in spoken:
        spoken.append(form["language"][:40])
    return frame.page(
        desk,
        visit,
        seat,
        "item_form.html",
        status=400 if errors else 200,
        one=one,
        translated=translated,
        base=sheet.base,
        form=form,
        errors={name: frame.explained(language, why) for name, why in (errors or {}).items()},
        topics=topics,
        spoken=[(code, _name(desk, code)) for code in spoken],
        zones=zones,
        filled=told or {},
        tongue=desk.app.languages.of,
        card=room.card(draft),
    )


def _keep_safe(desk: Desk, seat: Seat, sheet: Sheet) -> None:
    """Keep a form that could not be saved; one that is too large for it is only shown."""
    item = sheet.one.id if sheet.one else NEW
    with suppress(TooLarge):
        desk.app.database.write(keep, seat, item, sheet.form, sheet.base, now=desk.now())


def _name(desk: Desk, code: str) -> str:
    return desk.app.languages.of(code).native_name if is_code(code) else code


def _both(desk: Desk, visit: Visit, seat: Seat, mine: Typed, item_id: int, base: int) -> Response:
    """Show what two editors made of one item: field by field, what differs."""
    with desk.app.database.reading() as session:
        one = items.get(session, item_id)
        began = items.version(session, item_id, base)
        names = editors.names(session)
        language = one.item.language
        theirs = typed.of(one.version, language)
        fields = comparing.both(mine, theirs, typed.of(began, language))
        known = [
            known for field in fields for known in field.pictures if media.HASH.fullmatch(known)
        ]
        found = media.facts(session, known)
    return frame.page(
        desk,
        visit,
        seat,
        "item_both.html",
        status=409,
        one=one,
        form=mine,
        fields=fields,
        shown={known: media.extension(one.media_type) for known, one in found.items()},
        writer=names.get(one.version.written_by or 0, ""),
    )


def _offer(
    desk: Desk, visit: Visit, seat: Seat, kept: Unsaved, one: Written | None = None
) -> Response:
    """Offer what was typed and not saved: to go on with it, or to drop it."""
    form = Typed.load(kept.fields)
    now_said = typed.of(one.version, one.item.language) if one else Typed()
    return frame.page(
        desk,
        visit,
        seat,
        "item_unsaved.html",
        one=one,
        kept=kept,
        form=form,
        fields=comparing.differing(form, now_said),
        is_overtaken=bool(one and one.version.number > kept.base),
    )


def _kept(desk: Desk, seat: Seat, item: int | str) -> Unsaved | None:
    return desk.app.database.read(unsaved.of, seat.editor_id, place(item))


def _choices(visit: Visit) -> frozenset[str]:
    """Give the fields of which the editor takes what the other one wrote."""
    taken = (name.removeprefix("take_") for name, value in visit.form.items() if value == "theirs")
    return frozenset(taken)


def first_language(session: Session, desk: Desk, seat: Seat) -> str:
    """Give the language that an item is in most likely."""
    return _spoken(session, desk, seat)[0]


def _spoken(session: Session, desk: Desk, seat: Seat) -> list[str]:
    """Give the languages that an item is likely to be in: the lists', then those of our texts."""
    codes = [code for one in _lists(session, seat) for code in (one.language, *one.languages)]
    return list(dict.fromkeys([*codes, *desk.app.languages, *stock.languages(session)]))


def _zones(session: Session, seat: Seat) -> list[str]:
    """Give the time zones that are likely: the lists', and those of items."""
    return sorted({*(one.timezone for one in _lists(session, seat)), *stock.zones(session), "UTC"})


def _lists(session: Session, seat: Seat) -> list[MailingList]:
    seen = seat.lists_with(Role.VIEWER)
    return [card.list for card in lists.cards(session) if seen is None or card.id in seen]


def _digits(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
