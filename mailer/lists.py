"""Lists and the senders behind them: what one subscribes to, and who writes.

A list's List-Id is fixed at birth (RFC 2919, 2); its slug may change, and the old one goes on
leading to it. Its words are kept by language, with the list's own language to fall back on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy
from sqlalchemy import Row, bindparam
from sqlmodel import Session, col, select

from mailer import accent, unseen
from mailer.address import Address
from mailer.db.schema import ListText, MailingList, OldSlug, OptIn, Sender, Visibility
from mailer.errors import HeaderInvalid, MomentInvalid, NotFound, Refused, UsageError
from mailer.history import EDITOR, About, By, record
from mailer.language import is_code

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
LONGEST_NAME = 120
LONGEST_TEXT = 10_000
"""Characters of a description, a welcome or a postal address."""


@dataclass(frozen=True, slots=True)
class NewList:
    """What a new list needs; `zone` is an IANA name."""

    slug: str
    name: str
    sender: Address
    reply_to: Address | None = None
    sender_name: str = ""
    postal_address: str = ""
    language: str = "en"
    languages: tuple[str, ...] = ()
    zone: str = "UTC"
    description: str = ""
    route: str = "smtp"
    visibility: Visibility = Visibility.PUBLIC
    opt_in: OptIn = OptIn.DOUBLE


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes to a list; None leaves a thing as it is. An empty `accent` is that of the house.

    With `drop_reply_to` answers go to the sender's own address again.
    """

    slug: str | None = None
    sender: Address | None = None
    reply_to: Address | None = None
    drop_reply_to: bool = False
    sender_name: str | None = None
    postal_address: str | None = None
    route: str | None = None
    zone: str | None = None
    language: str | None = None
    languages: tuple[str, ...] | None = None
    visibility: Visibility | None = None
    opt_in: OptIn | None = None
    layout: str | None = None
    accent: str | None = None
    needs_approval: bool | None = None
    texts: "tuple[Words, ...]" = field(default=())


@dataclass(frozen=True, slots=True)
class Words:
    """A list's words in one language; None leaves them as they are."""

    language: str
    name: str | None = None
    description: str | None = None
    welcome: str | None = None
    consent: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A list with its sender and its words in one language: what pages and letters show."""

    list: MailingList
    sender: Sender
    words: ListText

    @property
    def id(self) -> int:
        """Give the row's id."""
        assert self.list.id is not None
        return self.list.id


def create(session: Session, new: NewList, *, now: datetime, by: By = EDITOR) -> MailingList:
    """Make a list; UsageError for a name or zone that cannot be, Refused for a slug in use."""
    check_slug(session, new.slug)
    languages = list(dict.fromkeys([new.language, *new.languages]))
    check_languages(languages)
    check_zone(new.zone)
    sender = _sender(session, new, now)
    assert sender.id is not None
    made = MailingList(
        slug=new.slug,
        identifier=_identifier(session, new.slug, new.sender.domain),
        sender_id=sender.id,
        language=new.language,
        languages=languages,
        timezone=new.zone,
        visibility=new.visibility,
        opt_in=new.opt_in,
        created_at=now,
    )
    session.add(made)
    session.flush()
    _write(session, made, Words(new.language, checked_name(new.name), new.description, ""))
    record(session, "list.created", by, About(list_id=made.id), at=now)
    return made


def edit(
    session: Session, slug: str, changes: Edit, *, now: datetime, by: By = EDITOR
) -> MailingList:
    """Change a list; the old slug goes on leading to it."""
    found = get(session, slug)
    assert found.id is not None
    if changes.slug is not None and changes.slug != found.slug:
        check_slug(session, changes.slug, of=found.id)
        session.merge(OldSlug(slug=found.slug, list_id=found.id))
        found.slug = changes.slug
    _set_languages(found, changes)
    if changes.zone is not None:
        check_zone(changes.zone)
        found.timezone = changes.zone
    for name in ("visibility", "opt_in", "layout", "needs_approval"):
        value = getattr(changes, name)
        if value is not None:
            setattr(found, name, value)
    if changes.accent is not None:
        found.accent = accent.parse(changes.accent) if changes.accent else None
    _edit_sender(session, found, changes)
    session.add(found)
    for words in changes.texts:
        check_languages([words.language])
        _write(session, found, words)
    session.flush()
    record(session, "list.changed", by, About(list_id=found.id), at=now)
    return found


def set_cadence(
    session: Session,
    found: MailingList,
    cadence: dict[str, Any] | None,
    *,
    now: datetime,
    by: By = EDITOR,
) -> None:
    """Say when a list's digests are due, as `mailer.digests.cadence` stores it; None for never."""
    found.cadence = cadence
    session.add(found)
    session.flush()
    details = {"cadence": cadence}
    record(session, "list.cadence", by, About(list_id=found.id), at=now, details=details)


def retire(session: Session, found: MailingList, *, now: datetime, by: By = EDITOR) -> None:
    """Let a list end: nobody can join, nothing is drafted; its archive and its people stay."""
    if found.retired_at is None:
        _set_retired(session, found, now)
        record(session, "list.retired", by, About(list_id=found.id), at=now)


def take_back(session: Session, found: MailingList, *, now: datetime, by: By = EDITOR) -> None:
    """Let a list go on that had been retired."""
    if found.retired_at is not None:
        _set_retired(session, found, None)
        record(session, "list.taken_back", by, About(list_id=found.id), at=now)


def _set_retired(session: Session, found: MailingList, at: datetime | None) -> None:
    found.retired_at = at
    session.add(found)
    session.flush()


def get(session: Session, slug: str) -> MailingList:
    """Give a list by its slug, today's or an older one; NotFound when there is none."""
    found = session.exec(select(MailingList).where(col(MailingList.slug) == slug)).first()
    if found is None:
        old = session.get(OldSlug, slug)
        found = session.get(MailingList, old.list_id) if old else None
    if found is None:
        raise NotFound("list", slug, "“mailer list show” names them all")
    return found


def as_kept(session: Session, slug: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """Give all that pages show of a list by today's slug, as it is kept; nothing if there is none.

    Looked at again it tells whether anything has changed, at a fraction of a list's own cost.
    """
    return session.connection().execute(_AS_KEPT, {"slug": slug}).all()


def by_id(session: Session, list_id: int) -> MailingList:
    """Give a list by its row's id; NotFound when there is none."""
    found = session.get(MailingList, list_id)
    if found is None:
        raise NotFound("list", list_id)
    return found


def route_of(session: Session, list_id: int) -> str:
    """Give the route by which a list's mail goes."""
    return session.get_one(Sender, by_id(session, list_id).sender_id).route


def any_sender(session: Session) -> str:
    """Give the address that some list's mail is from, for letters that are about none."""
    found = session.exec(select(Sender.address).order_by(col(Sender.id)).limit(1)).first()
    return found or ""


def card(session: Session, list_id: int, language: str | None = None) -> Card:
    """Give a list with its sender and its words in the nearest language it has."""
    return card_of(session, by_id(session, list_id), language)


def card_of(session: Session, found: MailingList, language: str | None = None) -> Card:
    """Give a list that was found, with its sender and its words in the nearest language."""
    sender = session.get_one(Sender, found.sender_id)
    return Card(found, sender, words_of(session, found, language))


def cards(
    session: Session, language: str | None = None, *, visibility: Visibility | None = None
) -> list[Card]:
    """Give all lists that are not retired, by slug; those of one visibility if asked."""
    statement = select(MailingList).where(col(MailingList.retired_at).is_(None))
    if visibility:
        statement = statement.where(col(MailingList.visibility) == visibility)
    rows = session.exec(statement.order_by(col(MailingList.slug))).all()
    return [card(session, row.id, language) for row in rows if row.id is not None]


def every(session: Session, language: str | None = None) -> list[Card]:
    """Give all lists, those that are retired too, by slug: at one look at each table."""
    texts: dict[int, dict[str, ListText]] = {}
    for text in session.exec(select(ListText)):
        texts.setdefault(text.list_id, {})[text.language] = text
    rows = select(MailingList, Sender).join(Sender, col(Sender.id) == col(MailingList.sender_id))
    return [
        Card(found, sender, _nearest_of(texts[found.id or 0], found, language))
        for found, sender in session.exec(rows.order_by(col(MailingList.slug)))
    ]


def texts_of(session: Session, list_id: int) -> dict[str, ListText]:
    """Give a list's words by language: those that somebody has written."""
    found = session.exec(select(ListText).where(col(ListText.list_id) == list_id))
    return {text.language: text for text in found}


def words_of(session: Session, found: MailingList, language: str | None) -> ListText:
    """Give a list's words: in the language, in its base language, or in the list's own.

    A list whose first language was changed has no words in it until somebody writes them.
    """
    return _nearest_of(texts_of(session, found.id or 0), found, language)


def _nearest_of(texts: dict[str, ListText], found: MailingList, language: str | None) -> ListText:
    own = found.language if found.language in texts else min(texts)
    return texts[nearest(language, list(texts), own)]


def nearest(language: str | None, offered: Sequence[str], fallback: str) -> str:
    """Give the offered language that serves best: the same, the same base, or the fallback."""
    if language and language in offered:
        return language
    base = (language or "").partition("-")[0]
    return next((one for one in offered if one.partition("-")[0] == base), fallback)


def _sender(session: Session, new: NewList, now: datetime) -> Sender:
    sender = Sender(
        name=checked_name(new.sender_name or new.name),
        address=new.sender.mailbox,
        reply_to=new.reply_to.mailbox if new.reply_to else None,
        postal_address=checked_text("a postal address", new.postal_address),
        route=new.route,
        created_at=now,
    )
    session.add(sender)
    session.flush()
    return sender


def _edit_sender(session: Session, found: MailingList, changes: Edit) -> None:
    sender = session.get(Sender, found.sender_id)
    assert sender is not None
    if changes.sender:
        sender.address = changes.sender.mailbox
    if changes.reply_to or changes.drop_reply_to:
        sender.reply_to = changes.reply_to.mailbox if changes.reply_to else None
    if changes.sender_name is not None:
        sender.name = checked_name(changes.sender_name)
    if changes.postal_address is not None:
        sender.postal_address = checked_text("a postal address", changes.postal_address)
    if changes.route:
        sender.route = changes.route
    session.add(sender)


def _set_languages(found: MailingList, changes: Edit) -> None:
    if changes.language is None and changes.languages is None:
        return
    first = found.language if changes.language is None else changes.language
    rest = changes.languages if changes.languages is not None else tuple(found.languages)
    languages = list(dict.fromkeys([first, *rest]))
    check_languages(languages)
    found.language, found.languages = first, languages


def _write(session: Session, found: MailingList, words: Words) -> None:
    assert found.id is not None
    text = session.get(ListText, (found.id, words.language))
    if text is None:
        name = words.name or words_of(session, found, None).name
        text = ListText(list_id=found.id, language=words.language, name=name)
    if words.name is not None:
        text.name = checked_name(words.name)
    if words.description is not None:
        text.description = checked_text("a description", words.description)
    if words.welcome is not None:
        text.welcome = checked_text("a welcome", words.welcome)
    if words.consent is not None:
        text.consent = checked_text("the words of consent", words.consent)
    session.add(text)
    session.flush()


def _identifier(session: Session, slug: str, domain: str) -> str:
    taken = set(session.exec(select(MailingList.identifier)))
    names = [slug, *(f"{slug}-{number}" for number in range(2, 1000))]
    return next(f"{name}.{domain}" for name in names if f"{name}.{domain}" not in taken)


def check_slug(session: Session, slug: str, *, of: int | None = None) -> None:
    """Refuse a slug that cannot be, or that another list has or had."""
    if not SLUG.fullmatch(slug):
        raise UsageError(
            f"“{slug}” cannot name a list: use small letters, digits and hyphens, 63 at most"
        )
    other = session.exec(select(MailingList.id).where(col(MailingList.slug) == slug)).first()
    old = session.get(OldSlug, slug)
    if other is not None or (old is not None and old.list_id != of):
        raise Refused(f"there is already a list “{slug}”, or there was one; choose another name")


def check_languages(languages: Sequence[str]) -> None:
    """Refuse what is no language's code."""
    for language in languages:
        if not is_code(language):
            raise UsageError(f"“{language}” is not a language code such as en, ja or pt-BR")


def check_zone(zone: str) -> None:
    """Refuse what is no time zone."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MomentInvalid(
            f"there is no time zone “{zone}”; use a name such as Europe/Brussels or UTC"
        ) from None


def checked_name(text: str) -> str:
    """Give a list's or a sender's name as it is kept; an error for one that cannot be."""
    # Refused and not mended: a line break in a name is somebody's header, or somebody's mistake.
    if unseen.IN_LINE.search(text):
        raise HeaderInvalid("a name", "holds a line break or another unseen character")
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME:
        raise UsageError(f"a name has 1 to {LONGEST_NAME} characters")
    return name


def checked_text(what: str, text: str) -> str:
    """Give words of several lines as they are kept: they stand in pages and mails, in no header."""
    plain = text.replace("\r\n", "\n")
    if unseen.IN_LINE.search(plain.replace("\n", " ").replace("\t", " ")):
        raise UsageError(f"{what} holds a character that cannot be seen; take it out")
    if len(plain) > LONGEST_TEXT:
        raise UsageError(f"{what} has at most {LONGEST_TEXT} characters")
    return plain


_AS_KEPT = (
    sqlalchemy.select(MailingList.__table__, Sender.__table__, ListText.__table__)  # type: ignore[attr-defined]
    .join(Sender, col(Sender.id) == col(MailingList.sender_id))
    .join(ListText, col(ListText.list_id) == col(MailingList.id))
    .where(col(MailingList.slug) == bindparam("slug"))
    .order_by(col(ListText.language))
)
