"""The press: from rows to editions, and from an edition and a claimed row to a message.

A digest's editions are frozen when it is queued, a letter's when it is first claimed. With
what stands in the headers frozen too, a retry is the same message to the byte, whatever was
changed in between.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from mailer import lists
from mailer.config import Settings
from mailer.db.schema import (
    Delivery,
    DeliveryKind,
    Digest,
    DigestEdition,
    DigestText,
    EditionItem,
    ItemVersion,
    Visibility,
)
from mailer.db.schema import Edition as EditionRow
from mailer.digests import items, life
from mailer.errors import NotFound, Refused
from mailer.language import Language
from mailer.ledger import Claimed
from mailer.links import Links
from mailer.lists import Card
from mailer.rendering import content as c
from mailer.rendering.editions import Edition, render_digest, render_letter
from mailer.rendering.environment import Templates
from mailer.rendering.filling import Filled, Prepared, Values
from mailer.rendering.holes import split
from mailer.rendering.message import Identity, compose
from mailer.tokens import KeyRing, Purpose

KEPT = 200
"""Prepared editions kept in memory, some 100 KB each at most."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed row with what it takes to send it; `compose` gives the whole message."""

    claimed: Claimed
    return_path: str
    compose: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Head:
    """What stands in the headers of every message of an edition."""

    sender: c.SenderCard
    mailing_list: c.ListCard | None = None
    archived_at: str = ""
    campaign: str = ""

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Head":
        """Give a head back from what was stored of it."""
        listed = stored.get("mailing_list")
        return cls(
            sender=c.SenderCard(**stored["sender"]),
            mailing_list=c.ListCard(**listed) if listed else None,
            archived_at=stored["archived_at"],
            campaign=stored["campaign"],
        )


@dataclass(frozen=True, slots=True)
class _Plate:
    """An edition ready to be filled."""

    prepared: Prepared
    head: Head


class Press:
    """Renders and composes for one installation."""

    def __init__(
        self, settings: Settings, keys: KeyRing, links: Links, templates: Templates
    ) -> None:
        self.settings = settings
        self.keys = keys
        self.links = links
        self.templates = templates
        self._plates: dict[int, _Plate] = {}

    # ------------------------------------------------------------------ digests

    def freeze(self, session: Session, digest_id: int, *, now: datetime) -> tuple[str, ...]:
        """Render a digest in every language of its list, and keep that; give warnings."""
        digest = life.get(session, digest_id)
        card = lists.card(session, digest.list_id)
        warnings: list[str] = []
        for language in card.list.languages or [card.list.language]:
            edition, head, versions = self._digest(session, digest, language, c.Kind.DIGEST)
            edition_id = self._keep(session, edition, head, card.id, now)
            _hold_items(session, edition_id, versions)
            session.merge(
                DigestEdition(digest_id=digest_id, language=language, edition_id=edition_id)
            )
            warnings += [f"{language}: {warning}" for warning in edition.warnings]
        session.flush()
        return tuple(warnings)

    def proof(
        self, session: Session, digest_id: int, language: str, kind: c.Kind
    ) -> tuple[Edition, Head]:
        """Render a digest as it stands, without keeping it: for previews and tests."""
        edition, head, _ = self._digest(session, life.get(session, digest_id), language, kind)
        return edition, head

    def keep_test(self, session: Session, digest_id: int, language: str, *, now: datetime) -> int:
        """Render a digest as a test letter and keep it; give the edition's id."""
        edition, head = self.proof(session, digest_id, language, c.Kind.TEST)
        return self._keep(session, edition, head, life.get(session, digest_id).list_id, now)

    # ------------------------------------------------------------------ messages

    def edition_of(self, session: Session, claimed: Claimed, *, now: datetime) -> int:
        """Give the edition of a claimed row; a letter gets its own now, and keeps it."""
        edition_id = claimed.edition_id
        if edition_id is None:
            edition_id = self._letter(session, claimed, now)
            session.execute(
                update(Delivery)
                .where(col(Delivery.id) == claimed.id)
                .values(edition_id=edition_id)
                .execution_options(synchronize_session=False)
            )
        if edition_id not in self._plates:
            self._load(session, edition_id)
        return edition_id

    def parcel_of(self, claimed: Claimed, edition_id: int) -> Parcel:
        """Give a claimed row as a parcel; its edition was loaded by `edition_of`."""
        plate = self._plates[edition_id]
        identity = self._identity(claimed, plate.head)
        return Parcel(
            claimed=claimed,
            return_path=self._return_path(claimed, plate.head),
            compose=partial(self._compose, claimed, plate, identity),
        )

    def message(self, edition: Edition, head: Head, claimed: Claimed) -> tuple[bytes, Filled]:
        """Compose a message of an edition that is not kept, for a preview; also give its texts."""
        prepared = Prepared.of(edition, self._language(edition.language))
        values = self._values(claimed, head)
        raw = compose(prepared, values, self._identity(claimed, head))
        return raw, prepared.fill(values)

    def announced(self, card: Card, kind: c.Kind, language: str) -> str:
        """Give the subject that a letter will have, for a page that says what to look for."""
        edition = render_letter(self.templates, self._about(card, kind, language))
        return "…".join(split(edition.subject, edition.nonce)[::2])

    def another_route(self, name: str) -> str:
        """Give a route other than this one, if there is any, for letters to the owner."""
        names = list(self.settings.all_routes())
        return next((other for other in names if other != name), names[0])

    # ------------------------------------------------------------------ inside

    def _compose(self, claimed: Claimed, plate: _Plate, identity: Identity) -> bytes:
        return compose(plate.prepared, self._values(claimed, plate.head), identity)

    def _identity(self, claimed: Claimed, head: Head) -> Identity:
        token = self.keys.sign_short(Purpose.MESSAGE, claimed.id, key_id=claimed.signing_key)
        is_for_one = claimed.subscriber_id is not None
        return Identity(
            message_id=f"{token}@{head.sender.address.rpartition('@')[2]}",
            date=claimed.dated_at,
            seed=token,
            sender=head.sender,
            mailing_list=head.mailing_list,
            one_click=self.settings.web.one_click and is_for_one,
            archived_at=head.archived_at,
            campaign=head.campaign,
        )

    def _return_path(self, claimed: Claimed, head: Head) -> str:
        route = self.settings.all_routes().get(claimed.route, self.settings.smtp)
        if route.return_path:
            return route.return_path
        if not route.return_path_domain:
            return head.sender.address
        token = self.keys.sign_short(Purpose.BOUNCE, claimed.id, key_id=claimed.signing_key)
        return f"b+{token}@{route.return_path_domain}"

    def _values(self, claimed: Claimed, head: Head) -> Values:
        listed, key = head.mailing_list, claimed.signing_key
        if claimed.subscriber_id is None or claimed.list_id is None:
            # A test or a notice: nobody's subscription, so nothing to leave.
            home = listed.page_url if listed else ""
            return Values(claimed.address, name=claimed.name, leave_url=home)
        ids = (claimed.subscriber_id, claimed.list_id)
        confirm_url = ""
        if claimed.kind is DeliveryKind.CONFIRMATION:
            confirm_url = self.links.confirm(
                *ids,
                claimed.context["ask"],
                expires_at=datetime.fromisoformat(claimed.context["expires_at"]),
                key_id=key,
            )
        return Values(
            address=claimed.address,
            name=claimed.name,
            leave_url=self.links.leave(*ids, key_id=key),
            confirm_url=confirm_url,
            refuse_url=self.links.refuse(*ids, key_id=key),
        )

    def _digest(
        self, session: Session, digest: Digest, language: str, kind: c.Kind
    ) -> tuple[Edition, Head, list[ItemVersion]]:
        card = lists.card(session, digest.list_id, language)
        assert digest.id is not None
        text = _words(life.texts(session, digest.id), language, card)
        chosen = _in_language(session, digest.id, language)
        is_open = card.list.visibility is not Visibility.PRIVATE
        view_url = self.links.digest(card.list.slug, digest.number) if is_open else ""
        whole = c.DigestContent(
            mailing_list=self._list_card(card),
            sender=self._sender_card(card),
            house=self._house(),
            number=digest.number,
            dated_on=digest.dated_on,
            subject=text.subject,
            language=language,
            introduction=text.introduction,
            sections=_sections(chosen),
            coming_up=_coming_up([one for _, one in chosen], digest.dated_on),
            view_url=view_url,
            layout=digest.layout,
        )
        if not whole.items and not whole.introduction.strip():
            raise Refused(f"digest {digest.id} is empty: give it items or an introduction")
        head = Head(
            sender=whole.sender,
            mailing_list=whole.mailing_list,
            archived_at=view_url,
            campaign=f"{card.list.slug}-{digest.number}",
        )
        edition = render_digest(self.templates, whole, kind=kind)
        return edition, head, [one.version for _, one in chosen]

    def _letter(self, session: Session, claimed: Claimed, now: datetime) -> int:
        kind = c.Kind(claimed.kind.value)
        if claimed.list_id is None:
            letter = self._notice(claimed)
        else:
            card = lists.card(session, claimed.list_id, claimed.language)
            letter = self._about(card, kind, claimed.language)
        edition = render_letter(self.templates, letter)
        head = Head(letter.sender, letter.mailing_list)
        return self._keep(session, edition, head, claimed.list_id, now)

    def _about(self, card: Card, kind: c.Kind, language: str) -> c.LetterContent:
        return c.LetterContent(
            kind=kind,
            sender=self._sender_card(card),
            house=self._house(),
            language=language,
            mailing_list=self._list_card(card),
            valid_days=self.settings.subscribe.confirm_days,
            note=card.words.welcome if kind is c.Kind.WELCOME else "",
        )

    def _notice(self, claimed: Claimed) -> c.LetterContent:
        owner = self.settings.organisation.owner
        name = self.settings.organisation.name or "Communiqué"
        context = claimed.context
        return c.LetterContent(
            kind=c.Kind.NOTICE,
            sender=c.SenderCard(name=name, address=owner),
            house=self._house(),
            language=claimed.language,
            notice=c.Notice(context["headline"], tuple(context["paragraphs"])),
        )

    def _keep(
        self, session: Session, edition: Edition, head: Head, list_id: int | None, now: datetime
    ) -> int:
        """Store an edition unless the same is stored already; give its id."""
        on_sqlite = session.get_bind().dialect.name == "sqlite"
        insert = sqlite.insert if on_sqlite else postgresql.insert
        statement = insert(EditionRow).values(
            **edition.stored(),
            list_id=list_id,
            head=asdict(head),
            created_at=now,
        )
        session.execute(statement.on_conflict_do_nothing(index_elements=["hash"]))
        found = session.execute(
            select(col(EditionRow.id)).where(col(EditionRow.hash) == edition.hash)
        )
        return int(found.scalar_one())

    def _load(self, session: Session, edition_id: int) -> None:
        row = session.get(EditionRow, edition_id)
        if row is None:
            raise NotFound("edition", edition_id)
        edition = stored(row)
        while len(self._plates) >= KEPT:
            del self._plates[next(iter(self._plates))]
        self._plates[edition_id] = _Plate(
            Prepared.of(edition, self._language(row.language)), Head.load(row.head)
        )

    def _language(self, code: str) -> Language:
        return self.templates.languages.of(code)

    def _list_card(self, card: Card) -> c.ListCard:
        slug = card.list.slug
        is_open = card.list.visibility is not Visibility.PRIVATE
        return c.ListCard(
            slug=slug,
            name=card.words.name,
            identifier=card.list.identifier,
            language=card.words.language,
            page_url=self.links.list_page(slug) if is_open else self.links.home(),
            description=card.words.description,
            archive_url=self.links.archive(slug) if is_open else "",
        )

    def _sender_card(self, card: Card) -> c.SenderCard:
        sender = card.sender
        return c.SenderCard(
            name=sender.name,
            address=sender.address,
            reply_to=sender.reply_to or "",
            postal_address=sender.postal_address or self.settings.organisation.postal_address,
        )

    def _house(self) -> c.House:
        organisation = self.settings.organisation
        return c.House(
            organisation=organisation.name,
            contact=organisation.contact,
            partners=tuple(c.Partner(one.name, one.url) for one in organisation.partners),
        )


def frozen(session: Session, digest_id: int) -> dict[str, Edition]:
    """Give the editions that a digest goes out as, by language."""
    statement = (
        select(col(DigestEdition.language), EditionRow)
        .join(EditionRow, col(EditionRow.id) == col(DigestEdition.edition_id))
        .where(col(DigestEdition.digest_id) == digest_id)
    )
    return {language: stored(row) for language, row in session.execute(statement)}


def stored(row: EditionRow) -> Edition:
    """Give an edition back from its row."""
    return Edition.load(row.model_dump())


_Chosen = tuple[str, items.Written]


def _words(texts: Mapping[str, DigestText], language: str, card: Card) -> DigestText:
    return texts[lists.nearest(language, list(texts), card.list.language)]


def _in_language(session: Session, digest_id: int, language: str) -> list[_Chosen]:
    """Give a digest's items with their sections, in a language where they have it."""
    chosen = []
    for row, written in life.contents(session, digest_id):
        other = written
        if written.item.language != language:
            other = items.translation(session, written.item.group_id, language) or written
        is_topic = row.section == written.version.topic
        chosen.append((other.version.topic if is_topic else row.section, other))
    return chosen


def _sections(chosen: list[_Chosen]) -> tuple[c.Section, ...]:
    topics = list(dict.fromkeys(section for section, _ in chosen))
    return tuple(
        c.Section(topic, tuple(_item_card(one) for section, one in chosen if section == topic))
        for topic in topics
    )


def _coming_up(written: list[items.Written], dated_on: date) -> tuple[c.ItemCard, ...]:
    """Give the items whose meeting lies ahead of the digest's date, the nearest first."""
    ahead = []
    for one in written:
        starts, _ = items.span(one.version)
        day = starts.date() if isinstance(starts, datetime) else starts
        if day is not None and day >= dated_on:
            ahead.append((day, one.id, _item_card(one)))
    return tuple(card for _, _, card in sorted(ahead, key=lambda row: row[:2]))


def _item_card(one: items.Written) -> c.ItemCard:
    version = one.version
    starts, ends = items.span(version)
    return c.ItemCard(
        title=version.title,
        body=version.body,
        starts=starts,
        ends=ends,
        timezone=version.timezone or "UTC",
        place=version.place,
        topic=version.topic,
        organiser=version.organiser,
        language=one.item.language,
        link=version.link,
    )


def _hold_items(session: Session, edition_id: int, versions: list[ItemVersion]) -> None:
    for position, version in enumerate(versions):
        assert version.id is not None
        session.merge(
            EditionItem(edition_id=edition_id, item_version_id=version.id, position=position)
        )
