"""The page behind a digest's *preferences*: lists, language and a pause, for the masked address.

The link is in every digest, and digests are passed on. So the page shows nothing about its
reader but the masked address and which lists come, and does nothing that cannot be taken back:
a list is joined by a letter to the address, and all else is behind the fresh link.
"""

from starlette.responses import Response

from mailer import lists, subscribers
from mailer.db.schema import AskAction
from mailer.language import Language
from mailer.subscribers import Asked, Hand, Reader, Settled
from mailer.tokens import Purpose
from mailer.web import letters, sheet, wording
from mailer.web.desk import Desk
from mailer.web.visit import Visit


def show(desk: Desk, visit: Visit) -> Response:
    """Show the sheet."""
    return _page(desk, visit, _reader(desk, visit))


def save(desk: Desk, visit: Visit) -> Response:
    """Do what was chosen, and show the sheet as it stands now."""
    one, now = _reader(desk, visit), desk.now()
    with desk.app.database.reading() as session:
        shown = sheet.of(session, desk, one, language_of(desk, visit, one))
    hand = Hand(wording.by_link(visit, desk.app.links.base), visit.remote)
    chosen = sheet.choice(visit.form, shown)
    write = desk.app.database.write
    settled = write(subscribers.choose, one.id, chosen, hand, desk.app.rules, now=now)
    return _page(desk, visit, _reader(desk, visit), settled)


def ask_link(desk: Desk, visit: Visit) -> Response:
    """Mail the fresh link to the reader's own address, as the box does and within its limits."""
    one, (_, list_id) = _reader(desk, visit), _ids(desk, visit)
    language = language_of(desk, visit, one)
    return post_link(desk, visit, one.address, list_id, language)


def post_link(desk: Desk, visit: Visit, address: str, list_id: int, language: Language) -> Response:
    """Keep the wish for a fresh link, and say what will come: the same for every address."""
    with desk.app.database.reading() as session:
        card = lists.card(session, list_id, language.code)
    answer = letters.announce(desk, visit, card, language, AskAction.ACCESS)
    asked = Asked(
        action=AskAction.ACCESS,
        list_id=list_id,
        address=address,
        language=language.code,
        remote=visit.remote,
        trapped=False,
        evidence=wording.by_link(visit, desk.app.links.base),
    )
    desk.app.database.write(subscribers.ask, asked, now=desk.now())
    return answer


def language_of(desk: Desk, visit: Visit, one: Reader) -> Language:
    """Give the language in which to speak to a reader."""
    return desk.language(visit, one.language, otherwise=one.language or "en")


def _ids(desk: Desk, visit: Visit) -> tuple[int, int]:
    token = visit.parts["token"]
    subscriber_id, list_id = desk.app.keys.verify(token, Purpose.PREFERENCES, now=desk.now())
    return subscriber_id, list_id


def _reader(desk: Desk, visit: Visit) -> Reader:
    return desk.app.database.read(subscribers.reader, _ids(desk, visit)[0])


def _page(desk: Desk, visit: Visit, one: Reader, settled: Settled | None = None) -> Response:
    language = language_of(desk, visit, one)
    with desk.app.database.reading() as session:
        shown = sheet.of(session, desk, one, language)
        came_from = lists.by_id(session, _ids(desk, visit)[1])
    return desk.page(
        visit,
        "preferences.html",
        language,
        sheet=shown,
        link_path=f"{desk.base_path}{visit.path}/letter",
        told=sheet.told(shown, settled),
        accent=came_from.accent,
    )
