"""A digest looked at before it goes: rendered in each language, checked, and named as it is."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session

from mailer import lists, subscribers
from mailer.db.schema import Digest, DigestState
from mailer.delivery import checking, plates
from mailer.delivery.checking import Known, Proof, Remark, Unrendered
from mailer.delivery.press import Press
from mailer.digests import life, moments
from mailer.errors import MailerError, NotFound, Refused


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found; `fingerprint` names the digest in all its languages, as it is now.

    It is empty while the digest cannot be rendered.
    """

    proofs: tuple[Proof, ...]
    remarks: tuple[Remark, ...]
    fingerprint: str
    recipients: int

    @property
    def errors(self) -> list[Remark]:
        """Give what is in the way."""
        return [one for one in self.remarks if one.is_error]

    @property
    def warnings(self) -> list[Remark]:
        """Give what somebody may accept."""
        return [one for one in self.remarks if not one.is_error]


def inspect(session: Session, press: Press, digest_id: int, *, goes_at: datetime) -> Inspection:
    """Look at a digest as it stands, as if it went at a moment; nothing is kept."""
    digest = life.get(session, digest_id)
    card = lists.card(session, digest.list_id)
    proofs, unrendered = [], []
    for language in card.list.languages or [card.list.language]:
        try:
            content, edition = press.proof_of(session, digest_id, language)
            proofs.append(Proof(language, content, edition))
        except MailerError as error:
            unrendered.append(Unrendered(language, str(error)))
    only, segment = _only(session, digest)
    recipients = 0 if segment else subscribers.size(session, digest.list_id, only)
    known = Known(
        goes_on=goes_at.astimezone(moments.zone(card.list.timezone)).date(),
        recipients=recipients,
        nameless=subscribers.nameless(session, digest.list_id, only),
        segment=segment,
        may_have_gone=life.may_have_gone(session, digest_id),
        retired=tuple(
            one.version.title
            for _, one in life.contents(session, digest_id)
            if one.item.retired_at is not None
        ),
    )
    remarks = checking.check(proofs, unrendered, known)
    name = (
        ""
        if unrendered
        else fingerprint({one.language: one.edition.hash for one in proofs}, digest.segment_id)
    )
    return Inspection(tuple(proofs), remarks, name, recipients)


def fingerprint_of(session: Session, press: Press, digest_id: int) -> str:
    """Give what names a digest in all its languages, as it is now, or as it was frozen.

    Raises what rendering raises.
    """
    digest = life.get(session, digest_id)
    frozen = {} if digest.state is DigestState.DRAFT else plates.frozen(session, digest_id)
    if frozen:
        hashes = {language: one.hash for language, one in frozen.items()}
        return fingerprint(hashes, digest.segment_id)
    card = lists.card(session, digest.list_id)
    languages = card.list.languages or [card.list.language]
    hashes = {one: press.proof_of(session, digest_id, one)[1].hash for one in languages}
    return fingerprint(hashes, digest.segment_id)


def fingerprint(hashes: Mapping[str, str], segment_id: int | None) -> str:
    """Give one name for editions, by language, that go to a segment or (None) to a whole list."""
    whole = [f"{language}:{known}" for language, known in sorted(hashes.items())]
    return hashlib.sha256("\n".join([*whole, f"to:{segment_id or 0}"]).encode()).hexdigest()


def _only(session: Session, digest: Digest) -> tuple[list[ColumnElement[bool]], str]:
    """Give the conditions of a digest's segment; or why the segment cannot be used."""
    try:
        return subscribers.narrowing(session, digest.segment_id, digest.list_id), ""
    except (NotFound, Refused) as error:
        return [], str(error)
