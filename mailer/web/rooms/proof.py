"""A digest as its readers will see it, in a frame of its own that can do nothing.

A mail brings its styles along, which no room may: so it has its own address and policy, and stands
in a sandbox. Where a mail asks whether it is dark, the editor's answer is put in its place.
"""

import re
from dataclasses import dataclass
from html import escape

from starlette.responses import HTMLResponse, Response

from mailer import delivery, lists, subscribers
from mailer.accounts import Seat
from mailer.address import parse
from mailer.db.schema import Role
from mailer.delivery import Preview
from mailer.digests import life
from mailer.errors import AddressInvalid, MailerError, NotAllowed, NotFound, Refused, UsageError
from mailer.language import Language, translatable
from mailer.web import faults, foreign, hosted
from mailer.web.desk import Desk
from mailer.web.guard import policy
from mailer.web.rooms import frame, lock
from mailer.web.rooms.draft import EDITABLE, head, language_in, languages_of
from mailer.web.rooms.room import number
from mailer.web.visit import Visit

WIDTHS = ("wide", "phone")
SCHEMES = ("light", "dark")
PARTS = ("html", "text")
LONGEST_ADDRESS = 320

NOT_THERE = translatable("Nobody with this address is on the list.")
TEST_SENT = translatable("The test letter is on its way. It takes some seconds.")
IS_DARK = re.compile(r"prefers-color-scheme:\s*dark")
IS_LIGHT = re.compile(r"prefers-color-scheme:\s*light")
ALWAYS, NEVER = "min-width:0", "max-width:0"
COLOUR_SCHEME = re.compile(r'(<meta name="(?:supported-)?color-schemes?" content=")light dark(")')


@dataclass(frozen=True, slots=True)
class Looks:
    """How a digest is looked at: `as_` is the address of the subscriber who would get it."""

    language: str
    width: str = "wide"
    scheme: str = "light"
    part: str = "html"
    pictures: bool = True
    as_: str = ""

    @property
    def query(self) -> dict[str, str]:
        """Give the looks as an address says them."""
        return {
            "language": self.language,
            "width": self.width,
            "scheme": self.scheme,
            "part": self.part,
            "pictures": "" if self.pictures else "off",
            "as": self.as_,
        }


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the frame, and what can be chosen around it."""
    return _page(desk, visit, seat, told=TEST_SENT if visit.query.get("said") == "test" else "")


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Send a test letter."""
    digest_id, now, app = number(visit.parts, "digest"), desk.now(), desk.app
    with app.database.reading() as session:
        _, card = head(session, visit, frame.language_of(desk, visit, seat))
    language = language_in(visit, card)
    typed = visit.form.get("address", "").strip()[:LONGEST_ADDRESS]
    try:
        to = parse(typed)
        app.database.read(app.press.render_test_ahead, digest_id, language)
        app.database.write(delivery.post_test, app.press, digest_id, to, now=now, language=language)
    except (UsageError, Refused) as error:
        return _page(desk, visit, seat, error=error)
    return frame.go(desk, "digests", digest_id, "preview", language=language, said="test")


def show_frame(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Give the digest itself, for the frame."""
    digest_id = number(visit.parts, "digest")
    try:
        with desk.app.database.reading() as session:
            digest, card = head(session, visit, frame.language_of(desk, visit, seat))
            looks = looks_of(visit, language_in(visit, card))
            if looks.as_:
                require_own(desk, seat, digest.list_id, looks.as_)
            seen = delivery.preview(
                session,
                desk.app.press,
                digest_id,
                looks.as_ or None,
                now=desk.now(),
                language=looks.language,
            )
    except MailerError as error:
        if faults.status_of(error) >= 500:
            raise
        return said(desk, frame.explained(frame.language_of(desk, visit, seat), error))
    return framed(desk, seen, looks)


def looks_of(visit: Visit, language: str) -> Looks:
    """Give how somebody asks to look at a digest."""
    asked = visit.query
    width, scheme, part = (asked.get(name, "") for name in ("width", "scheme", "part"))
    return Looks(
        language=language,
        width=width if width in WIDTHS else WIDTHS[0],
        scheme=scheme if scheme in SCHEMES else SCHEMES[0],
        part=part if part in PARTS else PARTS[0],
        pictures=asked.get("pictures", "") != "off",
        as_=asked.get("as", "").strip()[:LONGEST_ADDRESS],
    )


def require_own(desk: Desk, seat: Seat, list_id: int, typed: str) -> None:
    """See that somebody may look as this subscriber: one of the list, seen by an editor of it."""
    if not seat.may(Role.EDITOR, list_id):
        raise NotAllowed(lock.NOT_YOURS)
    try:
        found = desk.app.database.read(subscribers.by_address, parse(typed).key)
    except (NotFound, AddressInvalid):
        raise Refused(NOT_THERE) from None
    if list_id not in {one.list_id for one in found[1]}:
        raise Refused(NOT_THERE)


def framed(desk: Desk, seen: Preview, looks: Looks) -> Response:
    """Give a mail for the frame, with the looks that were chosen."""
    if looks.part == "text":
        return _answer(_plain(seen.text, looks), pictures=False)
    page = hosted.by_path(seen.html, desk.paths.base)
    page = foreign.without_pictures(page, desk.app.links.base)
    dark, light = (ALWAYS, NEVER) if looks.scheme == "dark" else (NEVER, ALWAYS)
    page = IS_LIGHT.sub(light, IS_DARK.sub(dark, page))
    page = COLOUR_SCHEME.sub(rf"\g<1>{looks.scheme}\g<2>", page)
    return _answer(page, pictures=looks.pictures)


def said(desk: Desk, why: str) -> Response:
    """Give a page for the frame that says why there is nothing to see."""
    del desk
    return _answer(_plain(f"{why}\n", Looks("en", scheme="light")), pictures=False)


def _plain(text: str, looks: Looks) -> str:
    ground, ink = ("#151412", "#ece7df") if looks.scheme == "dark" else ("#ffffff", "#23201c")
    style = (
        f"body {{ margin: 0; padding: 16px; background: {ground}; color: {ink}; }} "
        "pre { margin: 0; font: 14px/1.5 ui-monospace, monospace; white-space: pre-wrap; }"
    )
    return (
        f'<!DOCTYPE html><html lang="{escape(looks.language)}"><head><meta charset="utf-8">'
        f"<title>…</title><style>{style}</style></head>"
        f'<body><pre dir="auto">{escape(text)}</pre></body></html>'
    )


def _answer(page: str, *, pictures: bool) -> Response:
    allowed = policy(
        style_src="'unsafe-inline'",
        img_src="'self'" if pictures else "'none'",
        frame_ancestors="'self'",
        form_action="'none'",
    )
    headers = {**frame.HEADERS, "Content-Security-Policy": f"{allowed}; sandbox"}
    return HTMLResponse(page, headers=headers)


def _page(
    desk: Desk, visit: Visit, seat: Seat, *, told: str = "", error: MailerError | None = None
) -> Response:
    spoken: Language = frame.language_of(desk, visit, seat)
    with desk.app.database.reading() as session:
        digest, card = head(session, visit, spoken)
        texts = life.texts(session, digest.id or 0)
    looks, wrong = looks_of(visit, language_in(visit, card)), ""
    if looks.as_:
        try:
            require_own(desk, seat, digest.list_id, looks.as_)
        except Refused as refused:
            wrong = frame.explained(spoken, refused)
    words = texts[lists.nearest(looks.language, list(texts), card.list.language)]
    return frame.page(
        desk,
        visit,
        seat,
        "digest_preview.html",
        status=400 if error else 200,
        told=told,
        digest=digest,
        card=card,
        looks=looks,
        words=words,
        tongues_of=[desk.app.languages.of(code) for code in languages_of(card)],
        may_edit=seat.may(Role.EDITOR, digest.list_id),
        is_editable=digest.state in EDITABLE,
        form=visit.form,
        errors={
            **({"as": wrong} if wrong else {}),
            **({"address": frame.explained(spoken, error)} if error else {}),
        },
    )
