"""What an editor asks of delivery: queue a digest, look at it, send a test of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from mailer import ledger, lists, subscribers
from mailer.address import Address, parse
from mailer.db.schema import DeliveryKind, Digest, DigestState
from mailer.delivery import plates
from mailer.delivery.inspecting import fingerprint
from mailer.delivery.press import Press
from mailer.digests import approvals, life, moments
from mailer.errors import NotFound, Refused
from mailer.history import EDITOR, About, By, record
from mailer.language import translatable
from mailer.ledger import Claimed
from mailer.rendering import Edition, Head

TEST_LIFE = timedelta(hours=4)
"""How long a test letter is tried; who waits for it has given up by then."""

MAY_HAVE_GONE = (
    "some of its news is from before the database was put back, and may have been mailed since "
    "that copy was made"
)
"""What an editor is told of a digest after a restore."""

NOBODY = parse("reader@example.org")
"""Whom a preview is for when no subscriber is named."""


UNDO = timedelta(minutes=1)
"""How long a digest that is queued “now” waits in the rooms: a slip is seen right after it."""

CHANGED = translatable("The digest was changed since you looked at it. Look at it once more.")


@dataclass(frozen=True, slots=True)
class Intent:
    """Who queues, and what they have seen: `address` is theirs, `fingerprint` the digest's.

    Nobody's (a command of the owner's, a cadence) has neither; then any approval counts.
    """

    by: By = EDITOR
    address: str = ""
    fingerprint: str = ""
    wait: timedelta = timedelta(0)
    accepted: tuple[str, ...] = ()
    reason: str = ""


NOBODYS = Intent()


@dataclass(frozen=True, slots=True)
class Preview:
    """A digest as one recipient would get it; `raw` is the whole message."""

    subject: str
    html: str
    text: str
    raw: bytes
    warnings: tuple[str, ...]


def queue_digest(  # noqa: PLR0913  (what goes when, on which terms, and who says so)
    session: Session,
    press: Press,
    digest_id: int,
    when: moments.LocalTime | None,
    *,
    late: timedelta,
    now: datetime,
    intent: Intent = NOBODYS,
) -> tuple[str, ...]:
    """Freeze a draft and let it go at a local time, or (None) at once; give warnings.

    It takes little time once `press.render_ahead` has rendered the digest as it stands. Raises
    Refused unless it is a draft, is as whoever queues it has seen it, and is approved where its
    list asks for that; NotFound when its list's route is in no settings, and what rendering
    raises; nothing is changed then.
    """
    digest = life.locked(session, digest_id)
    if digest.state is not DigestState.DRAFT:
        raise Refused(f"digest {digest_id} is {digest.state}; only a draft can be queued")
    card = lists.card(session, digest.list_id)
    require_route(press, card.sender.route)
    warnings = press.freeze(session, digest_id, now=now)
    if intent.fingerprint or card.list.needs_approval:
        editions = plates.frozen(session, digest_id)
        hashes = {language: one.hash for language, one in editions.items()}
        known = fingerprint(hashes, digest.segment_id)
        if intent.fingerprint not in {"", known}:
            raise Refused(CHANGED)
        if card.list.needs_approval:
            approvals.require(session, digest_id, known, intent.address)
    if intent.accepted:
        details = {"warnings": list(intent.accepted), "reason": intent.reason}
        about = About(list_id=digest.list_id, digest_id=digest_id)
        record(session, "digest.accepted", intent.by, about, at=now, details=details)
    life.schedule(session, digest_id, when, late=late, now=now, by=intent.by, wait=intent.wait)
    return (*warnings, *_old_news(session, digest_id))


def preview(
    session: Session,
    press: Press,
    digest_id: int,
    address: str | None,
    *,
    now: datetime,
    language: str | None = None,
) -> Preview:
    """Show a digest as a subscriber would get it, or (None) as somebody without a name.

    Without a language it is the subscriber's, or the list's first. What is frozen is shown as it
    was. Raises NotFound when nobody has the address.
    """
    digest = life.get(session, digest_id)
    listed = lists.card(session, digest.list_id)
    claimed = nobodys(digest.list_id, listed.sender.route, listed.list.language, now)
    if address is not None:
        claimed = _as_subscriber(session, parse(address), claimed)
    offered = listed.list.languages or [listed.list.language]
    language = lists.nearest(language or claimed.language, offered, listed.list.language)
    edition, head = _kept(session, digest, language) or press.proof(session, digest_id, language)
    raw, filled = press.preview(edition, head, claimed)
    warnings = (*edition.warnings, *_old_news(session, digest_id))
    return Preview(filled.subject, filled.html, filled.text, raw, warnings)


def post_test(
    session: Session,
    press: Press,
    digest_id: int,
    to: Address,
    *,
    now: datetime,
    language: str | None = None,
) -> int:
    """Post a digest as a test letter to an address; give the delivery's id.

    Raises Refused for an address that must not be mailed, NotFound when the list's route is in
    no settings.
    """
    digest = life.get(session, digest_id)
    listed = lists.card(session, digest.list_id)
    require_route(press, listed.sender.route)
    reasons = subscribers.reasons(session, to.key, digest.list_id)
    if reasons:
        raise Refused(f"this address must not be mailed ({', '.join(sorted(reasons))})")
    spoken = language or listed.list.language
    letter = ledger.Letter(
        kind=DeliveryKind.TEST,
        to=to,
        language=spoken,
        due_at=now,
        not_after=now + TEST_LIFE,
        list_id=digest.list_id,
        edition_id=press.keep_test(session, digest_id, spoken, now=now),
        route=listed.sender.route,
        signing_key=press.keys.signing_id,
        context={"digest": digest_id},
    )
    posted = ledger.post(session, letter, now=now)
    assert posted is not None  # it has no idempotency key
    return posted


def _kept(session: Session, digest: Digest, language: str) -> tuple[Edition, Head] | None:
    if digest.state is DigestState.DRAFT or digest.id is None:
        return None
    return plates.of_digest(session, digest.id, language)


def _old_news(session: Session, digest_id: int) -> Iterator[str]:
    if life.may_have_gone(session, digest_id):
        yield MAY_HAVE_GONE


def require_route(press: Press, name: str) -> None:
    """Raise NotFound for a route that is in no settings."""
    known = press.settings.all_routes()
    if name not in known:
        raise NotFound("route", name, f"there are: {', '.join(sorted(known))}")


def nobodys(list_id: int, route: str, language: str, now: datetime) -> Claimed:
    """Make a row that is in no ledger, for a reader who does not exist."""
    return Claimed(
        id=0,
        kind=DeliveryKind.DIGEST,
        digest_id=None,
        edition_id=None,
        list_id=list_id,
        subscriber_id=None,
        address=NOBODY.mailbox,
        key=NOBODY.key,
        domain=NOBODY.domain,
        name="",
        language=language,
        context={},
        route=route,
        signing_key=None,
        not_after=now,
        dated_at=now,
        tries=0,
    )


def _as_subscriber(session: Session, address: Address, row: Claimed) -> Claimed:
    found, subscriptions = subscribers.by_address(session, address.key)
    mine = next((one for one in subscriptions if one.list_id == row.list_id), None)
    return row._replace(
        subscriber_id=found.id,
        address=found.address or "",
        key=address.key,
        domain=address.domain,
        name=found.name,
        language=(mine.language if mine else None) or found.language or row.language,
    )
