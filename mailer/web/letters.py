"""The page that says which letter will come: from whom, with which subject, and what if not."""

from starlette.responses import HTMLResponse, Response

from mailer.db.schema import AskAction
from mailer.language import Language
from mailer.lists import Card
from mailer.rendering import Kind
from mailer.web import listing
from mailer.web.desk import CLOSED, Desk
from mailer.web.visit import Visit

LETTER = {
    AskAction.SUBSCRIBE: Kind.CONFIRMATION,
    AskAction.UNSUBSCRIBE: Kind.LEAVE,
    AskAction.ACCESS: Kind.ACCESS,
}


def announce(
    desk: Desk, visit: Visit, card: Card, language: Language, action: AskAction
) -> Response:
    """Answer a press of a button: the same words for every address, which is not repeated.

    So the page is rendered once, until the list or a template is changed.
    """
    known = (repr(card), language.code, action, desk.lasting(visit, language))
    html = desk.app.press.remembered(known, lambda: _page(desk, visit, card, language, action))
    return HTMLResponse(html, headers=dict(CLOSED))


def _page(desk: Desk, visit: Visit, card: Card, language: Language, action: AskAction) -> str:
    page = desk.page(
        visit,
        "asked.html",
        language,
        listing=listing.of(desk, card, language),
        action=action.value,
        subject=desk.app.press.announced(card, LETTER[action], language.code),
        confirm_days=desk.app.settings.subscribe.confirm_days,
        access_hours=desk.app.settings.subscribe.access_hours,
        letters_a_day=desk.app.settings.subscribe.letters_per_address,
    )
    return bytes(page.body).decode()
