"""Letters to editors, with a link into their rooms: to set a password, to read a digest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from mailer import ledger
from mailer.address import Address
from mailer.db.schema import DeliveryKind
from mailer.delivery import routes
from mailer.delivery.press import Press
from mailer.language import Language


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """A link that sets the password after `number`, for so long, and the editor it is for."""

    to: Address
    editor_id: int
    number: int
    lasts: timedelta
    language: str | None = None


TEST_LIFE = timedelta(hours=1)
"""How long the letter is tried that tests a route: whoever asked for it waits."""


@dataclass(frozen=True, slots=True)
class ApprovalLetter:
    """What somebody is asked who is to read a digest; its texts are in their language."""

    to: Address
    approval_id: int
    headline: str
    paragraphs: tuple[str, ...]
    button: str
    language: Language
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Letter:
    kind: DeliveryKind
    to: Address
    language: Language
    headline: str
    paragraphs: tuple[str, ...]
    button: str
    expires_at: datetime
    link: Mapping[str, Any] = field(default_factory=dict)


def post_invitation(session: Session, press: Press, link: PasswordLink, *, now: datetime) -> None:
    """Post the link by which a new editor sets a password."""
    language = _spoken(press, link)
    house = press.settings.organisation.name
    welcome = (
        language.gettext("You are an editor of %(house)s now.", house=house)
        if house
        else language.gettext("You are an editor now.")
    )
    said = (
        f"{welcome} {language.gettext('Set a password of your own, and begin.')}",
        language.gettext("The link works once, until %(when)s.", when=_until(link, language, now)),
    )
    headline = language.gettext("Your way into the editors’ rooms")
    _post_link(session, press, link, (headline, said, language.gettext("Set a password")), now)


def post_password_link(
    session: Session, press: Press, link: PasswordLink, *, now: datetime
) -> None:
    """Post the link by which an editor who has forgotten the password sets another one."""
    language = _spoken(press, link)
    said = (
        language.gettext(
            "Somebody, probably you, has forgotten the password of the editors’ rooms."
        ),
        language.gettext(
            "The link works once, until %(when)s. Not you? Do nothing: all stays as it is.",
            when=_until(link, language, now),
        ),
    )
    headline = language.gettext("Set a new password")
    _post_link(session, press, link, (headline, said, headline), now)


def post_route_test(
    session: Session, press: Press, to: Address, route: str, *, language: Language, now: datetime
) -> int:
    """Post a letter that shows whether mail leaves by a route and arrives; give its delivery."""
    said = (
        language.gettext("This letter left by the route “%(route)s”.", route=route),
        language.gettext("It was asked for in the editors’ rooms. There is nothing to do."),
    )
    headline = language.gettext("A test of the route “%(route)s”", route=route)
    letter = ledger.Letter(
        kind=DeliveryKind.NOTICE,
        to=to,
        language=language.code,
        due_at=now,
        not_after=now + TEST_LIFE,
        route=route,
        signing_key=press.keys.signing_id,
        context={"headline": headline, "paragraphs": list(said), "sender": to.mailbox},
    )
    posted = ledger.post(session, letter, now=now)
    assert posted is not None  # without a key that it could share with another
    return posted


def post_approval_letter(
    session: Session, press: Press, letter: ApprovalLetter, *, now: datetime
) -> None:
    """Post a digest's link to whoever is asked whether it may go."""
    whole = _Letter(
        kind=DeliveryKind.APPROVAL,
        to=letter.to,
        language=letter.language,
        headline=letter.headline,
        paragraphs=letter.paragraphs,
        button=letter.button,
        expires_at=letter.expires_at,
        link={"approval": letter.approval_id},
    )
    _post(session, press, whole, now)


def _spoken(press: Press, link: PasswordLink) -> Language:
    office = press.settings.organisation.language
    return press.templates.languages.choose(link.language or office, office)


def _until(link: PasswordLink, language: Language, now: datetime) -> str:
    return language.format_moment(now + link.lasts, "UTC")


def _post_link(
    session: Session,
    press: Press,
    link: PasswordLink,
    said: tuple[str, tuple[str, ...], str],
    now: datetime,
) -> None:
    headline, paragraphs, button = said
    letter = _Letter(
        kind=DeliveryKind.PASSWORD,
        to=link.to,
        language=_spoken(press, link),
        headline=headline,
        paragraphs=paragraphs,
        button=button,
        expires_at=now + link.lasts,
        link={"editor": link.editor_id, "number": link.number},
    )
    _post(session, press, letter, now)


def _post(session: Session, press: Press, letter: _Letter, now: datetime) -> None:
    context = {
        "headline": letter.headline,
        "paragraphs": list(letter.paragraphs),
        "button": letter.button,
        "sender": letter.to.mailbox,
        "expires_at": letter.expires_at.isoformat(),
        **letter.link,
    }
    posted = ledger.Letter(
        kind=letter.kind,
        to=letter.to,
        language=letter.language.code,
        due_at=now,
        not_after=letter.expires_at,
        route=routes.in_use(session, press.settings.all_routes(), now=now),
        signing_key=press.keys.signing_id,
        context=context,
    )
    ledger.post(session, posted, now=now)
