"""A digest looked at before it goes: rendered in each language, checked, and named as it is."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mailer import lists, subscribers
from mailer.db.schema import DigestState
from mailer.delivery import checking, plates
from mailer.delivery.checking import Known, Proof, Remark, Unrendered
from mailer.delivery.press import Press
from mailer.digests import life, moments
from mailer.errors import MailerError


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
    recipients = subscribers.size(session, digest.list_id)
    known = Known(
        goes_on=goes_at.astimezone(moments.zone(card.list.timezone)).date(),
        recipients=recipients,
        nameless=subscribers.nameless(session, digest.list_id),
        may_have_gone=life.may_have_gone(session, digest_id),
        retired=tuple(
            one.version.title
            for _, one in life.contents(session, digest_id)
            if one.item.retired_at is not None
        ),
    )
    remarks = checking.check(proofs, unrendered, known)
    name = "" if unrendered else fingerprint({one.language: one.edition.hash for one in proofs})
    return Inspection(tuple(proofs), remarks, name, recipients)


def fingerprint_of(session: Session, press: Press, digest_id: int) -> str:
    """Give what names a digest in all its languages, as it is now, or as it was frozen.

    Raises what rendering raises.
    """
    digest = life.get(session, digest_id)
    frozen = {} if digest.state is DigestState.DRAFT else plates.frozen(session, digest_id)
    if frozen:
        return fingerprint({language: one.hash for language, one in frozen.items()})
    card = lists.card(session, digest.list_id)
    languages = card.list.languages or [card.list.language]
    return fingerprint({one: press.proof_of(session, digest_id, one)[1].hash for one in languages})


def fingerprint(hashes: Mapping[str, str]) -> str:
    """Give one name for editions, by language."""
    whole = "\n".join(f"{language}:{known}" for language, known in sorted(hashes.items()))
    return hashlib.sha256(whole.encode()).hexdigest()
