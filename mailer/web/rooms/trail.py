"""Who did what: the lines of history that editors caused, newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlmodel import Session
from starlette.responses import Response

from mailer import history, lists
from mailer.accounts import Seat, editors
from mailer.db.schema import Event, Role
from mailer.language import Language, translatable
from mailer.web.desk import Desk
from mailer.web.rooms import deeds, frame
from mailer.web.visit import Visit

PAGE = 50
"""Lines of one page."""

ROLES = {
    Role.VIEWER: translatable("viewer: may look"),
    Role.APPROVER: translatable("approver: also says whether a digest may go"),
    Role.EDITOR: translatable("editor: also writes, queues, and keeps subscribers"),
    Role.OWNER: translatable("owner: everything, settings and editors too"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that somebody did, and what it was about."""

    at: datetime
    who: str
    what: str
    about: str
    list_slug: str = ""
    digest_id: int | None = None


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what editors did: all of them or one, on all days or one."""
    language = frame.language_of(desk, visit, seat)
    names = desk.app.database.read(editors.names)
    who, day = _number(visit.query.get("by", "")), _day(visit.query.get("day", ""))
    before = _number(visit.query.get("before", "")) or None
    found = desk.app.database.read(
        history.of_editors,
        [who] if who in names else sorted(names),
        before=before,
        between=_between(day) if day else None,
        limit=PAGE + 1,
    )
    lines = desk.app.database.read(_lines, found[:PAGE], names, language)
    return frame.page(
        desk,
        visit,
        seat,
        "trail.html",
        lines=lines,
        names=sorted(names.items(), key=lambda one: one[1].casefold()),
        by=who,
        day=day.isoformat() if day else "",
        after=found[PAGE - 1].id if len(found) > PAGE else None,
        is_first=before is None,
    )


def _lines(
    session: Session, found: list[Event], names: Mapping[int, str], language: Language
) -> list[Line]:
    cards = {card.id: card for card in lists.every(session, language.code)}
    said = []
    for one in found:
        card = cards.get(one.list_id or one.details.get("list") or 0)
        about = [card.words.name] if card else []
        if isinstance(editor := one.details.get("editor"), int) and str(editor) != one.actor_id:
            about.append(names.get(editor, ""))
        if one.kind in {"editor.role", "editor.invited"}:
            about.append(_role(language, one.details.get("role")))
        if isinstance(name := one.details.get("name"), str):
            about.append(name)
        said.append(
            Line(
                at=one.at,
                who=names.get(int(one.actor_id), one.actor_id),
                what=deeds.in_words(language, one.kind),
                about=" · ".join(part for part in about if part),
                list_slug=card.list.slug if card else "",
                digest_id=one.digest_id,
            )
        )
    return said


def _role(language: Language, role: object) -> str:
    if role not in set(Role):
        return language.gettext("no role")
    return language.gettext(ROLES[Role(str(role))])


def _between(day: date) -> tuple[datetime, datetime]:
    first = datetime.combine(day, time(), UTC)
    return first, first + timedelta(days=1)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
