"""From rows to what rendering takes: a digest, a letter about a list, a notice to the owner.

Which words and items a language gets is decided here; how they look is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from mailer import lists, media
from mailer.config import Settings
from mailer.db.schema import Digest, DigestText, ItemVersion, Visibility
from mailer.digests import items, life, moments
from mailer.digests.documents import StoredDocument
from mailer.digests.pictures import StoredPicture
from mailer.errors import NotFound, Refused
from mailer.links import Links
from mailer.lists import Card
from mailer.rendering import (
    DigestContent,
    DocumentCard,
    Happening,
    House,
    ItemCard,
    Kind,
    LetterContent,
    ListCard,
    Notice,
    Partner,
    PictureCard,
    Section,
    SenderCard,
)

NO_NAME = "Communiqué"
"""Who notices are from, while the settings name no organisation."""


_Chosen = tuple[str, items.Written]
"""An item, after the heading that it stands under."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Makes what is rendered, for one installation."""

    settings: Settings
    links: Links

    def digest(
        self, session: Session, digest: Digest, language: str
    ) -> tuple[DigestContent, list[ItemVersion]]:
        """Give a number of a list in one language, and the item versions that are in it.

        Raises Refused for one that says nothing.
        """
        assert digest.id is not None
        card = lists.card(session, digest.list_id, language)
        text = _words(life.texts(session, digest.id), language, card)
        chosen = _in_language(session, digest.id, language)
        if not chosen and not text.introduction.strip():
            raise Refused(f"digest {digest.id} is empty: give it items or an introduction")
        content = DigestContent(
            mailing_list=self._list_card(card),
            sender=self._sender_card(card),
            house=self._house(),
            number=digest.number,
            dated_on=digest.dated_on,
            subject=text.subject,
            language=language,
            introduction=text.introduction,
            sections=self._sections(chosen, digest),
            coming_up=self._coming_up(chosen, digest),
            view_url=self.links.digest(card.list.slug, digest.number) if _is_open(card) else "",
            layout=digest.layout,
            words_in=text.language,
            preheader=text.preheader,
        )
        return content, [one.version for _, one in chosen]

    def event(self, session: Session, list_id: int, item_id: int) -> tuple[ItemCard, Happening]:
        """Give a meeting with its newest words, as a list makes it known to calendars.

        Raises NotFound for an item without a date.
        """
        one = items.get(session, item_id)
        if not one.version.starts:
            raise NotFound("date of item", item_id)
        identity = items.identity(session, one)
        happening = Happening(
            uid=identity.uid,
            sequence=identity.changes,
            created_at=identity.created_at,
            changed_at=one.version.created_at,
            publisher=self._sender_card(lists.card(session, list_id, one.item.language)),
        )
        return self._item_card(one), happening

    def letter(
        self, card: Card, kind: Kind, language: str, *, offered: bool = False
    ) -> LetterContent:
        """Give a letter about a list."""
        subscribe = self.settings.subscribe
        return LetterContent(
            kind=kind,
            sender=self._sender_card(card),
            house=self._house(),
            language=language,
            mailing_list=self._list_card(card),
            valid_days=subscribe.undo_days if kind is Kind.MOVED else subscribe.confirm_days,
            valid_hours=subscribe.access_hours,
            offered=offered,
            note=card.words.welcome if kind is Kind.WELCOME else "",
        )

    def to_office(
        self, session: Session, kind: Kind, context: Mapping[str, Any], language: str
    ) -> LetterContent:
        """Give a letter to owner or editor, from what was posted with it.

        On an installation that has no address of its own yet, it is from whom the letter says.
        """
        organisation = self.settings.organisation
        ours = organisation.owner or organisation.contact or lists.any_sender(session)
        address = ours or context.get("sender", "")
        said = Notice(context["headline"], tuple(context["paragraphs"]), context.get("button", ""))
        return LetterContent(
            kind=kind,
            sender=SenderCard(name=organisation.name or NO_NAME, address=address),
            house=self._house(),
            language=language,
            notice=said,
        )

    def _sections(self, chosen: list[_Chosen], digest: Digest) -> tuple[Section, ...]:
        topics = list(dict.fromkeys(section for section, _ in chosen))
        return tuple(
            Section(
                topic,
                tuple(self._item_in(one, digest) for section, one in chosen if section == topic),
            )
            for topic in topics
        )

    def _coming_up(self, chosen: list[_Chosen], digest: Digest) -> tuple[ItemCard, ...]:
        """Give the items whose meeting lies ahead of the digest's date, the nearest first."""
        days = ((_first_day(one.version), one) for _, one in chosen)
        ahead = [(day, one.id, one) for day, one in days if day and day >= digest.dated_on]
        return tuple(
            self._item_in(one, digest) for _, _, one in sorted(ahead, key=lambda row: row[:2])
        )

    def _item_in(self, one: items.Written, digest: Digest) -> ItemCard:
        """Give an item as this number has it: what lies ahead of it can be put into calendars."""
        day = _first_day(one.version)
        is_ahead = day is not None and day >= digest.dated_on
        url = self.links.event(digest.list_id, one.id) if is_ahead else ""
        return self._item_card(one, calendar_url=url)

    def _item_card(self, one: items.Written, *, calendar_url: str = "") -> ItemCard:
        version = one.version
        starts, ends = items.span(version)
        return ItemCard(
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
            picture=self._picture_card(version),
            documents=tuple(map(self._document_card, version.documents)),
            calendar_url=calendar_url,
        )

    def _picture_card(self, version: ItemVersion) -> PictureCard | None:
        if version.picture is None:
            return None
        stored = StoredPicture.load(version.picture)
        url, large_url = (
            self.links.medium(one.hash, media.extension(one.media_type))
            for one in (stored.small, stored.large)
        )
        return PictureCard(
            url=url,
            width=stored.small.width,
            height=stored.small.height,
            size=stored.small.size,
            large_url=large_url,
            alt=stored.alt,
            caption=stored.caption,
            credit=stored.credit,
        )

    def _document_card(self, column: Mapping[str, Any]) -> DocumentCard:
        stored = StoredDocument.load(column)
        url = stored.link or self.links.medium(stored.hash, stored.extension, stored.name)
        return DocumentCard(stored.title, url, stored.kind, stored.size)

    def _list_card(self, card: Card) -> ListCard:
        slug = card.list.slug
        return ListCard(
            slug=slug,
            name=card.words.name,
            identifier=card.list.identifier,
            language=card.words.language,
            page_url=self.links.list_page(slug) if _is_open(card) else self.links.home(),
            description=card.words.description,
            archive_url=self.links.archive(slug) if _is_open(card) else "",
            accent=card.list.accent or "",
        )

    def _sender_card(self, card: Card) -> SenderCard:
        sender = card.sender
        return SenderCard(
            name=sender.name,
            address=sender.address,
            reply_to=sender.reply_to or "",
            postal_address=sender.postal_address or self.settings.organisation.postal_address,
        )

    def _house(self) -> House:
        organisation = self.settings.organisation
        return House(
            organisation=organisation.name,
            contact=organisation.contact,
            partners=tuple(Partner(one.name, one.url) for one in organisation.partners),
        )


def _is_open(card: Card) -> bool:
    return card.list.visibility is not Visibility.PRIVATE


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


def _first_day(version: ItemVersion) -> date | None:
    """Give the day a meeting begins, by the calendar of its place."""
    starts, _ = items.span(version)
    if isinstance(starts, datetime):
        return starts.astimezone(moments.zone(version.timezone or "UTC")).date()
    return starts
