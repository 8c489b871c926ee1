"""A second person reads a digest before it goes: in the rooms, or by a link from a letter.

Whoever has the link needs no account. It shows the digest in the very form that it was asked about,
and no other; looking changes nothing, an answer is a form that is sent.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session
from starlette.responses import Response

from mailer import delivery, lists
from mailer.accounts import Seat, editors
from mailer.address import parse
from mailer.db.schema import Actor, Answer, Approval, Digest, DigestState, Role
from mailer.delivery import ApprovalLetter
from mailer.digests import approvals, life
from mailer.digests.approvals import Question
from mailer.errors import MailerError, NotAllowed, NotFound, Refused, TokenError, UsageError
from mailer.history import READER, By
from mailer.language import Language, translatable
from mailer.lists import Card
from mailer.tokens import Purpose
from mailer.web import faults
from mailer.web.desk import Desk
from mailer.web.rooms import frame, lock, proof
from mailer.web.rooms.draft import EDITABLE, head, language_in, languages_of
from mailer.web.rooms.room import number
from mailer.web.visit import Visit

SAID = {
    "asked": translatable("The letter is on its way."),
    "answered": translatable("Your answer is noted."),
}
NO_ANSWER = translatable("Choose one of the two: approve, or decline.")
SAY_WHAT = translatable("Say what has to be changed.")
ANSWERS = {"approve": Answer.APPROVED, "decline": Answer.DECLINED}


# ------------------------------------------------------------------------- in the rooms


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show who was asked about a digest, and what they answered."""
    return _page(desk, visit, seat, told=SAID.get(visit.query.get("said", ""), ""))


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Ask somebody, or answer as whoever is signed in."""
    deed = visit.form.get("deed", "")
    if deed == "ask":
        return _ask(desk, visit, seat)
    return _answer_here(desk, visit, seat) if deed in ANSWERS else show(desk, visit, seat)


def _ask(desk: Desk, visit: Visit, seat: Seat) -> Response:
    digest_id, form = number(visit.parts, "digest"), visit.form
    with desk.app.database.reading() as session:
        digest = life.get(session, digest_id)
        if not seat.may(Role.EDITOR, digest.list_id):
            raise NotAllowed(lock.NOT_YOURS)
        fingerprint = delivery.fingerprint_of(session, desk.app.press, digest_id)
    try:
        question = Question(
            digest_id=digest_id,
            fingerprint=fingerprint,
            to=parse(form.get("address", "").strip()[:320]),
            message=form.get("message", "").replace("\r\n", "\n").strip(),
            asked_by=seat.editor_id,
        )
        desk.app.database.write(_post, desk, seat, question, now=desk.now())
    except UsageError as error:
        is_message = str(error) in {approvals.TOO_LONG, approvals.UNSEEN}
        return _page(desk, visit, seat, errors={"message" if is_message else "address": error})
    except Refused as error:
        return _page(desk, visit, seat, errors={"address": error})
    return frame.go(desk, "digests", digest_id, "approval", said="asked")


def _post(session: Session, desk: Desk, seat: Seat, question: Question, *, now: datetime) -> None:
    """Note the question, and post its letter, in the language of whoever is asked."""
    approval = approvals.ask(session, question, now=now, by=seat.by)
    assert approval.id is not None
    digest = life.get(session, question.digest_id)
    listed = lists.by_id(session, digest.list_id)
    asked = editors.by_key(session, question.to.key)
    spoken = desk.app.languages.choose((asked.language if asked else None) or listed.language)
    card = lists.card(session, digest.list_id, spoken.code)
    texts = life.texts(session, question.digest_id)
    subject = texts[lists.nearest(spoken.code, list(texts), listed.language)].subject
    letter = ApprovalLetter(
        to=question.to,
        approval_id=approval.id,
        headline=spoken.gettext("May it go? %(subject)s", subject=subject),
        paragraphs=tuple(filter(None, _paragraphs(spoken, seat, digest, card, question))),
        button=spoken.gettext("Read and answer"),
        language=spoken,
        expires_at=now + approvals.LASTS,
    )
    delivery.post_approval_letter(session, desk.app.press, letter, now=now)


def _paragraphs(
    spoken: Language, seat: Seat, digest: Digest, card: Card, question: Question
) -> tuple[str, ...]:
    return (
        spoken.gettext(
            "%(name)s asks you to read number %(number)s of %(list)s before it goes out.",
            name=seat.name,
            number=digest.number,
            list=card.words.name,
        ),
        question.message,
        spoken.gettext(
            "The link shows the digest as readers will get it, and takes your answer. It needs no "
            "account; do not send it on."
        ),
    )


def _answer_here(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Answer as whoever is signed in, asked or not."""
    digest_id, said = number(visit.parts, "digest"), ANSWERS[visit.form["deed"]]
    remark = _remark(visit)
    if said is Answer.DECLINED and not remark:
        return _page(desk, visit, seat, errors={"remark": SAY_WHAT})
    with desk.app.database.reading() as session:
        fingerprint = delivery.fingerprint_of(session, desk.app.press, digest_id)
    if visit.form.get("fingerprint", "") != fingerprint:
        return _page(desk, visit, seat, errors={"remark": approvals.CHANGED})
    question = Question(digest_id, fingerprint, parse(seat.address), name=seat.name)
    try:
        desk.app.database.write(_answer_own, question, said, remark, seat, desk)
    except (UsageError, Refused) as error:
        return _page(desk, visit, seat, errors={"remark": error})
    return frame.go(desk, "digests", digest_id, "approval", said="answered")


def _answer_own(
    session: Session, question: Question, said: Answer, remark: str, seat: Seat, desk: Desk
) -> None:
    now, fingerprint = desk.now(), question.fingerprint
    asked = next(
        (
            one
            for one in approvals.of(session, question.digest_id)
            if one.fingerprint == fingerprint
            and one.answer is None
            and one.address == question.to.mailbox
        ),
        None,
    ) or approvals.ask(session, question, now=now, by=seat.by)
    assert asked.id is not None
    approvals.answer(session, asked.id, said, remark, fingerprint=fingerprint, now=now, by=seat.by)


def _remark(visit: Visit) -> str:
    return visit.form.get("remark", "").replace("\r\n", "\n").strip()


def _page(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    *,
    told: str = "",
    errors: dict[str, object] | None = None,
) -> Response:
    spoken, fingerprint, broken = frame.language_of(desk, visit, seat), "", ""
    with desk.app.database.reading() as session:
        digest, card = head(session, visit, spoken)
        assert digest.id is not None
        asked = approvals.of(session, digest.id)
        try:
            fingerprint = delivery.fingerprint_of(session, desk.app.press, digest.id)
        except MailerError as error:
            broken = frame.explained(spoken, error)
    return frame.page(
        desk,
        visit,
        seat,
        "digest_approval.html",
        status=400 if errors else 200,
        told=told,
        digest=digest,
        card=card,
        asked=asked,
        fingerprint=fingerprint,
        broken=broken,
        is_draft=digest.state is DigestState.DRAFT,
        may_ask=seat.may(Role.EDITOR, digest.list_id),
        may_answer=seat.may(Role.APPROVER, digest.list_id) and digest.state in EDITABLE,
        has_answered=any(_is_mine(one, seat, fingerprint) for one in asked),
        needs_approval=card.list.needs_approval,
        longest=approvals.LONGEST_MESSAGE,
        form=visit.form,
        errors={name: frame.explained(spoken, why) for name, why in (errors or {}).items()},
    )


def _is_mine(one: Approval, seat: Seat, fingerprint: str) -> bool:
    mine = one.address == seat.address and one.fingerprint == fingerprint
    return mine and one.answer is not None


# ------------------------------------------------------------------------- by the link


@dataclass(frozen=True, slots=True)
class Laid:
    """A digest that was laid before somebody, and whether it is still in that form."""

    approval: Approval
    digest: Digest
    card: Card
    is_current: bool
    asked_by: str


def show_by_link(desk: Desk, visit: Visit) -> Response:
    """Show a digest to whoever was asked about it."""
    try:
        laid = _laid(desk, visit)
    except (TokenError, NotFound):
        return frame.page(desk, visit, None, "stale.html", status=410)
    return _door(desk, visit, laid, answered=visit.query.get("said") == "answered")


def press_by_link(desk: Desk, visit: Visit) -> Response:
    """Take somebody's answer."""
    try:
        laid = _laid(desk, visit)
    except (TokenError, NotFound):
        return frame.page(desk, visit, None, "stale.html", status=410)
    if lock.is_foreign(visit):
        return _door(desk, visit, laid, error=lock.FOREIGN)
    said, remark = ANSWERS.get(visit.form.get("deed", "")), _remark(visit)
    if said is None:
        return _door(desk, visit, laid, error=NO_ANSWER)
    if said is Answer.DECLINED and not remark:
        return _door(desk, visit, laid, error=SAY_WHAT)
    if not laid.is_current:
        return _door(desk, visit, laid, status=409)
    try:
        desk.app.database.write(_note, laid, said, remark, desk)
    except UsageError as error:
        return _door(desk, visit, laid, error=error)
    except Refused as error:
        return _door(desk, visit, laid, error=error, status=409)
    return frame.go(desk, "approval", visit.parts["token"], said="answered")


def frame_by_link(desk: Desk, visit: Visit) -> Response:
    """Give the digest itself, for the frame: in the form that was asked about, and no other."""
    try:
        laid = _laid(desk, visit)
    except (TokenError, NotFound):
        return frame.page(desk, visit, None, "stale.html", status=410)
    spoken = frame.language_of(desk, visit)
    if not laid.is_current:
        return proof.said(desk, spoken.gettext(approvals.CHANGED))
    try:
        looks = proof.looks_of(visit, language_in(visit, laid.card))
        with desk.app.database.reading() as session:
            seen = delivery.preview(
                session,
                desk.app.press,
                laid.approval.digest_id,
                None,
                now=desk.now(),
                language=looks.language,
            )
    except MailerError as error:
        if faults.status_of(error) >= 500:
            raise
        return proof.said(desk, frame.explained(spoken, error))
    return proof.framed(desk, seen, looks)


def _laid(desk: Desk, visit: Visit) -> Laid:
    """Give what a link is about; an error for one that is too old, or not ours."""
    token = visit.parts["token"]
    (approval_id,) = desk.app.keys.verify(token, Purpose.APPROVAL, now=desk.now())
    spoken = frame.language_of(desk, visit).code
    with desk.app.database.reading() as session:
        approval = approvals.get(session, approval_id)
        digest = life.get(session, approval.digest_id)
        card = lists.card(session, digest.list_id, spoken)
        names = editors.names(session)
        try:
            current = delivery.fingerprint_of(session, desk.app.press, approval.digest_id)
        except MailerError:
            current = ""  # it cannot be rendered now: it is in another form, then
    asked_by = names.get(approval.asked_by or 0, "")
    return Laid(approval, digest, card, current == approval.fingerprint, asked_by)


def _note(session: Session, laid: Laid, said: Answer, remark: str, desk: Desk) -> None:
    assert laid.approval.id is not None
    # What is rendered here was rendered a moment ago, unless somebody has edited it since.
    current = delivery.fingerprint_of(session, desk.app.press, laid.approval.digest_id)
    editor = editors.by_key(session, parse(laid.approval.address).key)
    by: By = By(Actor.EDITOR, str(editor.id)) if editor else READER
    approvals.answer(
        session, laid.approval.id, said, remark, fingerprint=current, now=desk.now(), by=by
    )


def _door(
    desk: Desk,
    visit: Visit,
    laid: Laid,
    *,
    answered: bool = False,
    error: object = "",
    status: int = 200,
) -> Response:
    spoken = frame.language_of(desk, visit)
    language = language_in(visit, laid.card) if _is_offered(visit, laid.card) else ""
    return frame.page(
        desk,
        visit,
        None,
        "approval.html",
        status=status if status != 200 else 400 if error else 200,
        laid=laid,
        token=visit.parts["token"],
        language_of_it=language or laid.card.list.language,
        tongues_of=[desk.app.languages.of(code) for code in languages_of(laid.card)],
        answered=answered,
        is_open=laid.digest.state in EDITABLE,
        longest=approvals.LONGEST_MESSAGE,
        form=visit.form,
        error=frame.explained(spoken, error) if error else "",
    )


def _is_offered(visit: Visit, card: Card) -> bool:
    asked = visit.form.get("language") or visit.query.get("language")
    return asked in languages_of(card)
