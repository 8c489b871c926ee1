"""The links of a change of address: *yes, send it here*, and *bring my mail back*."""

from starlette.responses import Response

from mailer import subscribers
from mailer.address import mask
from mailer.errors import TokenExpired
from mailer.language import Language, translatable
from mailer.subscribers import Change
from mailer.tokens import Purpose
from mailer.web import preferences, wording
from mailer.web.desk import Desk
from mailer.web.faults import Fault
from mailer.web.visit import Visit

OVER = Fault(
    translatable("This link no longer works"),
    translatable("The change was made or taken back in another way, or too long ago. Write to us."),
)


def show(desk: Desk, visit: Visit) -> Response:
    """Show the button that says yes, or that it was pressed."""
    change, language, _, expired = _change(desk, visit, Purpose.MOVE)
    if change.is_done and not change.is_undone:
        return _page(desk, visit, "moved.html", change, language)
    if expired or change.is_undone:
        return _over(desk, visit, language)
    return _page(desk, visit, "move.html", change, language)


def press(desk: Desk, visit: Visit) -> Response:
    """Let the mail come to the new address."""
    change, language, list_id, expired = _change(desk, visit, Purpose.MOVE)
    if expired and not change.is_done:
        return _over(desk, visit, language)
    evidence = wording.by_link(visit, desk.app.links.base)
    done = desk.app.database.write(
        subscribers.move, change.id, list_id, evidence, desk.app.rules, now=desk.now()
    )
    if not done:
        return _over(desk, visit, language)
    return _page(desk, visit, "moved.html", change, language)


def show_undo(desk: Desk, visit: Visit) -> Response:
    """Show the button that brings the mail back, or that it was pressed."""
    change, language, _, expired = _change(desk, visit, Purpose.UNDO_MOVE)
    if change.is_undone:
        return _page(desk, visit, "stayed.html", change, language)
    if expired:
        return _over(desk, visit, language)
    return _page(desk, visit, "stay.html", change, language)


def undo(desk: Desk, visit: Visit) -> Response:
    """Bring the mail back to the old address."""
    change, language, _, expired = _change(desk, visit, Purpose.UNDO_MOVE)
    evidence = wording.by_link(visit, desk.app.links.base)
    write = desk.app.database.write
    if expired or not write(subscribers.undo_move, change.id, evidence, now=desk.now()):
        return _over(desk, visit, language)
    return _page(desk, visit, "stayed.html", change, language)


def _change(desk: Desk, visit: Visit, purpose: Purpose) -> tuple[Change, Language, int, bool]:
    """Give the change that a link names, the page's language, the list, and whether it ended."""
    try:
        ids, expired = desk.app.keys.verify(visit.parts["token"], purpose, now=desk.now()), False
    except TokenExpired as error:
        ids, expired = error.ids, True
    change_id, list_id = ids
    change = desk.app.database.read(subscribers.change, change_id)
    one = desk.app.database.read(subscribers.reader, change.subscriber_id)
    return change, preferences.language_of(desk, visit, one), list_id, expired


def _page(desk: Desk, visit: Visit, name: str, change: Change, language: Language) -> Response:
    old, new = mask(change.old_address), mask(change.address)
    return desk.page(visit, name, language, old=old, new=new)


def _over(desk: Desk, visit: Visit, language: Language) -> Response:
    return desk.page(visit, "problem.html", language, status=410, fault=OVER)
