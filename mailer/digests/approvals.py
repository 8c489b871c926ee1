"""Who was asked whether a digest may go, and what they answered.

An answer is bound to the very form that was read, by its fingerprint: what was changed since was
approved by nobody. Nobody's own approval counts for what they queue themselves.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from mailer import unseen
from mailer.address import Address, parse
from mailer.db import changed
from mailer.db.schema import Answer, Approval, DigestState
from mailer.digests import life
from mailer.errors import AddressInvalid, NotFound, Refused, UsageError
from mailer.history import EDITOR, READER, About, By, record
from mailer.language import translatable

LASTS = timedelta(days=30)
"""How long the link works: a digest that waits for longer is written anew."""

MOST_ASKED = 20
"""Who may be asked about one form of a digest; more is a list of its own."""

LONGEST_MESSAGE = 2_000
LONGEST_NAME = 120

NOT_A_DRAFT = translatable("Only of a draft can be asked whether it may go.")
TOO_MANY = translatable("Twenty people were asked about it already.")
TOO_LONG = translatable("A message has 2,000 characters at most.")
UNSEEN = translatable("It holds characters that cannot be seen.")
TOO_LATE = translatable("The digest has gone, or was given up. There is nothing left to answer.")
ANSWERED = translatable("This was answered already. The first answer counts.")
CHANGED = translatable("The digest was changed since it was laid before you. Nothing was noted.")
WANTING = translatable(
    "This list takes a second person: somebody else must approve the digest as it is now."
)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody is asked: whether the digest of this fingerprint may go."""

    digest_id: int
    fingerprint: str
    to: Address
    name: str = ""
    message: str = ""
    asked_by: int | None = None


def ask(session: Session, question: Question, *, now: datetime, by: By = EDITOR) -> Approval:
    """Note that somebody is asked; the letter is for the caller to post."""
    digest = life.get(session, question.digest_id)
    if digest.state is not DigestState.DRAFT:
        raise Refused(NOT_A_DRAFT)
    _check(question.message)
    if unseen.IN_LINE.search(question.name):
        raise UsageError(UNSEEN)
    before = [one for one in of(session, question.digest_id) if _same(one, question.fingerprint)]
    if len(before) >= MOST_ASKED:
        raise Refused(TOO_MANY)
    approval = Approval(
        digest_id=question.digest_id,
        fingerprint=question.fingerprint,
        address=question.to.mailbox,
        name=question.name[:LONGEST_NAME],
        asked_by=question.asked_by,
        message=question.message,
        asked_at=now,
    )
    session.add(approval)
    session.flush()
    details = {"approval": approval.id}
    about = About(list_id=digest.list_id, digest_id=digest.id)
    record(session, "digest.approval_asked", by, about, at=now, details=details)
    return approval


def answer(  # noqa: PLR0913  (who said what about which form)
    session: Session,
    approval_id: int,
    said: Answer,
    remark: str,
    *,
    fingerprint: str,
    now: datetime,
    by: By = READER,
) -> None:
    """Note what somebody answered; `fingerprint` is that of the digest as it is now.

    Raises Refused when it is another than they were asked about, or they have answered.
    """
    found = get(session, approval_id)
    if found.fingerprint != fingerprint:
        raise Refused(CHANGED)
    _check(remark)
    digest = life.get(session, found.digest_id)
    if digest.state not in {DigestState.DRAFT, DigestState.SCHEDULED}:
        raise Refused(TOO_LATE)
    statement = (
        update(Approval)
        .where(col(Approval.id) == approval_id, col(Approval.answer).is_(None))
        .values(answer=said, remark=remark, answered_at=now)
    )
    if changed(session, statement) != 1:
        raise Refused(ANSWERED)
    session.expire(found)
    about = About(list_id=digest.list_id, digest_id=digest.id)
    details = {"approval": approval_id, "answer": said.value}
    record(session, f"digest.{said.value}", by, about, at=now, details=details)


def get(session: Session, approval_id: int) -> Approval:
    """Give what somebody was asked; NotFound when nobody was."""
    fresh = select(Approval).where(col(Approval.id) == approval_id)
    found = session.exec(fresh.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("approval", approval_id)
    return found


def of(session: Session, digest_id: int) -> list[Approval]:
    """Give who was asked about a digest, the newest first."""
    statement = select(Approval).where(col(Approval.digest_id) == digest_id)
    return list(session.exec(statement.order_by(col(Approval.id).desc())))


def require(session: Session, digest_id: int, fingerprint: str, queued_by: str) -> None:
    """Raise Refused unless somebody other than `queued_by` (an address) approved this form."""
    mine = _key(queued_by)
    for one in of(session, digest_id):
        if one.answer is Answer.APPROVED and _same(one, fingerprint) and _key(one.address) != mine:
            return
    raise Refused(WANTING)


def _check(text: str) -> None:
    if len(text) > LONGEST_MESSAGE:
        raise UsageError(TOO_LONG)
    if unseen.IN_BLOCK.search(text):
        raise UsageError(UNSEEN)


def _same(one: Approval, fingerprint: str) -> bool:
    return one.fingerprint == fingerprint


def _key(text: str) -> str:
    try:
        return parse(text).key
    except AddressInvalid:
        return text.casefold()
