"""The press: from contents to editions, and from an edition and a claimed row to a message.

A digest's editions are frozen when it is queued, a letter's when it is first claimed. With
what stands in the headers frozen too, a retry is the same message to the byte, whatever was
changed in between.
"""

import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlmodel import Session

from mailer import lists
from mailer.config import Envelope, Settings
from mailer.db.schema import DeliveryKind, DigestEdition, ItemVersion
from mailer.delivery import plates, redirecting, weighing
from mailer.delivery.contents import Contents
from mailer.delivery.redirecting import bannered
from mailer.delivery.signers import Signers
from mailer.digests import life
from mailer.language import Language
from mailer.ledger import Claimed
from mailer.links import LastingLinks, Links
from mailer.lists import Card
from mailer.rendering import (
    DigestContent,
    Edition,
    Filled,
    Head,
    Identity,
    Kind,
    LetterContent,
    Plate,
    Templates,
    Values,
    render_digest,
    render_letter,
)
from mailer.rendering.holes import split
from mailer.tokens import KeyRing, Purpose, packed

if TYPE_CHECKING:
    from mailer.dkim import Signer

KEPT = 200
"""Plates, and rendered letters, kept in memory; some 100 KB each, plates in base64 thrice that."""

KEPT_DIGESTS = 20
"""Rendered digests kept until they are queued: one in each of its languages."""

LOOK_SECONDS = 1
"""How long letters may miss that a template was changed: looking takes as long as many of them."""

_FileStamp = tuple[Path, int, int]


class _Marks(NamedTuple):
    """What makes the tokens of messages that are signed by one key, from packed ids."""

    message: Callable[[bytes], str]
    bounce: Callable[[bytes], str]
    links: LastingLinks


class Press:
    """Renders and composes for one installation."""

    def __init__(
        self, settings: Settings, keys: KeyRing, links: Links, templates: Templates
    ) -> None:
        self.settings = settings
        self.keys = keys
        self.links = links
        self.templates = templates
        self.redirect_to = settings.delivery.redirect_all_to
        self.contents = Contents(settings, links)
        self.signers = Signers(keys)
        self._routes = settings.all_routes()
        self._one_click = settings.web.one_click
        self._marks_by: dict[int | None, _Marks] = {}
        self._plates: dict[int, Plate] = {}
        self._letters: dict[LetterContent, Edition] = {}
        self._digests: dict[tuple[Kind, DigestContent], Edition] = {}
        self._texts: dict[Hashable, str] = {}
        self._look_at = 0.0
        self._stamp: frozenset[_FileStamp] = frozenset()

    @property
    def office_language(self) -> Language:
        """Give the language in which the owner is written to."""
        return self.templates.languages.choose(self.settings.organisation.language)

    # ------------------------------------------------------------------ digests

    def freeze(self, session: Session, digest_id: int, *, now: datetime) -> tuple[str, ...]:
        """Render a digest in every language of its list, and keep that; give warnings."""
        digest = life.get(session, digest_id)
        card = lists.card(session, digest.list_id)
        warnings: list[str] = []
        for language in card.list.languages or [card.list.language]:
            edition, head, versions = self._digest(session, digest_id, language, Kind.DIGEST)
            edition_id = plates.keep(session, edition, head, card.id, now)
            plates.hold_items(session, edition_id, versions)
            session.merge(
                DigestEdition(digest_id=digest_id, language=language, edition_id=edition_id)
            )
            warnings += [f"{language}: {warning}" for warning in edition.warnings]
        session.flush()
        return tuple(warnings)

    def render_ahead(self, session: Session, digest_id: int) -> None:
        """Render a digest, so that the transaction that freezes it need not.

        What was changed in between is rendered anew there. Raises what rendering raises.
        """
        card = lists.card(session, life.get(session, digest_id).list_id)
        for language in card.list.languages or [card.list.language]:
            self._digest(session, digest_id, language, Kind.DIGEST)

    def render_test_ahead(self, session: Session, digest_id: int, language: str | None) -> None:
        """Render a digest as a test letter, so that the transaction that posts it need not."""
        first = lists.card(session, life.get(session, digest_id).list_id).list.language
        self._digest(session, digest_id, language or first, Kind.TEST)

    def proof(self, session: Session, digest_id: int, language: str) -> tuple[Edition, Head]:
        """Render a digest as it stands, without keeping it."""
        edition, head, _ = self._digest(session, digest_id, language, Kind.DIGEST)
        return edition, head

    def proof_of(
        self, session: Session, digest_id: int, language: str
    ) -> tuple[DigestContent, Edition]:
        """Render a digest as it stands, without keeping it; also give what went into it."""
        content, _ = self.contents.digest(session, life.get(session, digest_id), language)
        return content, self._rendered_digest(content, Kind.DIGEST)

    def plate_of_proof(self, session: Session, digest_id: int, language: str) -> Plate:
        """Give a digest as it stands, compiled, without keeping it."""
        return self._compiled(*self.proof(session, digest_id, language))

    def keep_test(self, session: Session, digest_id: int, language: str, *, now: datetime) -> int:
        """Render a digest as a test letter and keep it; give the edition's id."""
        edition, head, _ = self._digest(session, digest_id, language, Kind.TEST)
        return plates.keep(session, edition, head, life.get(session, digest_id).list_id, now)

    def _digest(
        self, session: Session, digest_id: int, language: str, kind: Kind
    ) -> tuple[Edition, Head, list[ItemVersion]]:
        digest = life.get(session, digest_id)
        content, versions = self.contents.digest(session, digest, language)
        head = Head(
            sender=content.sender,
            mailing_list=content.mailing_list,
            archived_at=content.view_url,
            campaign=f"{content.mailing_list.slug}-{content.number}",
        )
        return self._rendered_digest(content, kind), head, versions

    def _rendered_digest(self, content: DigestContent, kind: Kind) -> Edition:
        """Render a digest, once for as long as it says the same and no template is changed."""
        self._look_at_templates()
        if len(self._digests) >= KEPT_DIGESTS:
            self._digests = {}
        digests = self._digests  # a web thread may put another in its place
        edition = digests.get((kind, content))
        if edition is None:
            edition = render_digest(self.templates, content, kind=kind)
            weighing.check(content, edition, most=self.settings.delivery.digest_kilobytes)
            digests[kind, content] = edition
        return edition

    # ------------------------------------------------------------------ letters

    def letter(self, session: Session, claimed: Claimed) -> tuple[Edition, Head]:
        """Render a letter that has no edition yet. Raises what rendering raises."""
        if claimed.list_id is None:
            kind = Kind(claimed.kind.value)
            content = self.contents.to_office(session, kind, claimed.context, claimed.language)
        else:
            card = lists.card(session, claimed.list_id, claimed.language)
            kind, offered = Kind(claimed.kind.value), _is_offered(claimed)
            content = self.contents.letter(card, kind, claimed.language, offered=offered)
        return self._rendered(content), Head(content.sender, content.mailing_list)

    def keep_letter(self, session: Session, claimed: Claimed, *, now: datetime) -> int:
        """Render a letter and keep it; give the edition's id."""
        edition, head = self.letter(session, claimed)
        return plates.keep(session, edition, head, claimed.list_id, now)

    def announced(self, card: Card, kind: Kind, language: str) -> str:
        """Give the subject that a letter will have, for a page that says what to look for."""
        edition = self._rendered(self.contents.letter(card, kind, language))
        return "…".join(split(edition.subject, edition.nonce)[::2])

    def remembered(self, known: Hashable, make: Callable[[], str]) -> str:
        """Give a text that is made of templates, made anew when one of them is changed."""
        self._glance_at_templates()
        if len(self._texts) >= KEPT:
            self._texts = {}
        texts = self._texts  # a web thread may put another in its place
        found = texts.get(known)
        if found is None:
            found = texts[known] = make()
        return found

    def _rendered(self, content: LetterContent) -> Edition:
        """Render a letter, once for all who get the same, until a template is changed."""
        self._glance_at_templates()
        if len(self._letters) >= KEPT:
            self._letters = {}
        letters = self._letters  # a web thread may put another in its place
        edition = letters.get(content)
        if edition is None:
            edition = letters[content] = render_letter(self.templates, content)
        return edition

    def _glance_at_templates(self) -> None:
        """Look at the templates, unless that was done a moment ago."""
        if time.monotonic() >= self._look_at:
            self._look_at_templates()

    def _look_at_templates(self) -> None:
        """Forget what was rendered by templates that were changed since."""
        self._look_at = time.monotonic() + LOOK_SECONDS
        stamp = _stamp(self.templates)
        if stamp != self._stamp:
            self._letters, self._digests, self._texts, self._stamp = {}, {}, {}, stamp

    # ------------------------------------------------------------------ messages

    def plate(self, session: Session, edition_id: int) -> Plate:
        """Give a kept edition, compiled.

        Raises NotFound when there is none.
        """
        plate = self._plates.get(edition_id)
        if plate is None:
            edition, head = plates.kept(session, edition_id)
            plate = self._compiled(
                bannered(edition, self.office_language) if self.redirect_to else edition, head
            )
            while len(self._plates) >= KEPT:
                del self._plates[next(iter(self._plates))]
            self._plates[edition_id] = plate
        return plate

    def signer(self, plate: Plate) -> "Signer | None":
        """Give what signs a plate's messages; None when they are not signed by us.

        Raises ConfigError when they are to be signed and cannot be.
        """
        return self.signers.of(plate.domain)

    def compose(self, claimed: Claimed, plate: Plate, signer: "Signer | None" = None) -> bytes:
        """Give the whole message in the form of `Plate.compose`: the same bytes at every try.

        Only the signature in front follows the key that signs now, for an earlier one's record
        may be gone from DNS by the time of a retry. May be called from any thread.
        """
        pieces = self._unsigned(claimed, plate)
        if signer is not None:
            pieces = [signer.sign(pieces, at=claimed.dated_at), *pieces]
        return b"".join(pieces)

    def _unsigned(self, claimed: Claimed, plate: Plate) -> list[bytes]:
        if not self.redirect_to:
            return self._composed(claimed, plate)
        listed = plate.head.mailing_list
        harmless = listed.page_url if listed else self.links.home()
        copy = redirecting.values(claimed, self.redirect_to, harmless)
        return plate.pieces(copy, self._identity(claimed, plate, one_click=False))

    def recipient(self, claimed: Claimed) -> str:
        """Give the address in RCPT TO: the reader's, unless all mail is redirected."""
        return self.redirect_to or claimed.address

    def preview(self, edition: Edition, head: Head, claimed: Claimed) -> tuple[bytes, Filled]:
        """Compose a message of an edition that is not kept; also give its texts."""
        plate = self._compiled(edition, head)
        return b"".join(self._composed(claimed, plate)), self.filled(claimed, plate)

    def filled(self, claimed: Claimed, plate: Plate) -> Filled:
        """Give the texts of a message as its reader sees them."""
        return plate.fill(Values(**self._given(claimed, plate)))

    def return_path(self, claimed: Claimed, plate: Plate) -> str:
        """Give the address in MAIL FROM, to which bounces come."""
        return self.envelope_sender(
            claimed.route, plate.head.sender.address, claimed.id, claimed.signing_key
        )

    def envelope_sender(
        self, route_name: str, sender: str, delivery_id: int, signing_key: int | None
    ) -> str:
        """Give the address in MAIL FROM of a delivery that is from a sender, by a route."""
        route = self._routes[route_name]
        if route.envelope is Envelope.FIXED or self.redirect_to:
            return route.return_path or sender
        token = self._marks(signing_key).bounce(packed(delivery_id))
        return f"b+{token}@{route.return_path_domain}"

    def _compiled(self, edition: Edition, head: Head) -> Plate:
        return Plate.of(edition, self.templates.languages.of(edition.language), head)

    def _composed(self, claimed: Claimed, plate: Plate) -> list[bytes]:
        one_click = self._one_click and claimed.subscriber_id is not None
        identity = self._identity(claimed, plate, one_click=one_click)
        return plate.spliced(self._given(claimed, plate), identity)

    def _identity(self, claimed: Claimed, plate: Plate, *, one_click: bool) -> Identity:
        token = self._marks(claimed.signing_key).message(packed(claimed.id))
        return Identity(f"{token}@{plate.message_domain}", claimed.dated_at, one_click)

    def _given(self, claimed: Claimed, plate: Plate) -> dict[str, str]:
        """Give a recipient's values by name."""
        given = {
            "address": claimed.address,
            "name": claimed.name,
            "other_address": claimed.context.get("other_address", ""),
        }
        if claimed.subscriber_id is None or claimed.list_id is None:
            # A test or a notice: nobody's subscription, so nothing to leave.
            listed = plate.head.mailing_list
            home = listed.page_url if listed else ""
            room = self._room_url(claimed)
            return {**given, "leave_url": home, "preferences_url": home, "room_url": room}
        ids = packed(claimed.subscriber_id, claimed.list_id)
        lasting = self._marks(claimed.signing_key).links
        for name in plate.links:
            if name in lasting:
                given[name] = lasting[name](ids)
        if "expires_at" in claimed.context:
            given |= self._dated_urls(claimed, (claimed.subscriber_id, claimed.list_id))
        return given

    def _room_url(self, claimed: Claimed) -> str:
        """Give the link into the rooms that a letter to an editor has."""
        said, key = claimed.context, claimed.signing_key
        if "expires_at" not in said:
            return ""
        expires_at = datetime.fromisoformat(said["expires_at"])
        if claimed.kind is DeliveryKind.PASSWORD:
            ids = (said["editor"], said["number"])
            return self.links.set_password(*ids, expires_at=expires_at, key_id=key)
        return self.links.approval(said["approval"], expires_at=expires_at, key_id=key)

    def _marks(self, key_id: int | None) -> _Marks:
        """Give what a key signs with; made once for each."""
        marks = self._marks_by.get(key_id)
        if marks is None:
            keys = self.keys
            marks = self._marks_by[key_id] = _Marks(
                keys.series(Purpose.MESSAGE, 1, key_id=key_id).short_token,
                keys.series(Purpose.BOUNCE, 1, key_id=key_id).short_token,
                self.links.lasting(key_id=key_id),
            )
        return marks

    def _dated_urls(self, claimed: Claimed, ids: tuple[int, int]) -> dict[str, str]:
        """Give the link that ends on a day of its own; which one, the kind of letter says."""
        said, list_id = claimed.context, ids[1]
        expires_at = datetime.fromisoformat(said["expires_at"])
        links, key = self.links, claimed.signing_key
        match claimed.kind:
            case DeliveryKind.CONFIRMATION | DeliveryKind.REMINDER:
                url = links.confirm(*ids, said["ask"], expires_at=expires_at, key_id=key)
                return {"confirm_url": url}
            case DeliveryKind.ACCESS:
                url = links.access(*ids, said["change"], expires_at=expires_at, key_id=key)
                return {"access_url": url}
            case DeliveryKind.MOVE:
                url = links.move(said["change"], list_id, expires_at=expires_at, key_id=key)
                return {"move_url": url}
            case DeliveryKind.MOVED:
                url = links.undo_move(said["change"], list_id, expires_at=expires_at, key_id=key)
                return {"undo_url": url}
        return {}


def sameness(claimed: Claimed) -> Hashable:
    """Give what letters without an edition have in common that will get the same one."""
    if claimed.list_id is None:
        return claimed.id
    return claimed.kind, claimed.list_id, claimed.language, _is_offered(claimed)


def _is_offered(claimed: Claimed) -> bool:
    return bool(claimed.context.get("offered"))


def _stamp(templates: Templates) -> frozenset[_FileStamp]:
    """Give what changes when a template is changed, added or taken away."""
    found = set()
    for folder in templates.folders:
        for path in (folder, *folder.rglob("*")):
            with suppress(FileNotFoundError):  # an editor puts a new file in an old one's place
                known = path.stat()
                found.add((path, known.st_mtime_ns, known.st_size))
    return frozenset(found)
