"""What presses of the box lead to, for all who press at about the same moment.

Every address gets the same answer, made by the same work: the form is checked, one row is
written, and a worker acts on it later. What those have in common who press the box of one list
in one language is looked up and made once for all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlmodel import Session
from starlette.responses import Response

from mailer import address, facts, subscribers
from mailer.db.schema import AskAction
from mailer.errors import AddressInvalid, Refused
from mailer.subscribers import Asked
from mailer.web import box, letters, listing, privacy, wording
from mailer.web.box import Filled
from mailer.web.desk import Desk
from mailer.web.forms import Box, Stamp, Timing
from mailer.web.listing import Listing
from mailer.web.privacy import PrivacyNotice
from mailer.web.visit import Visit


def press(desk: Desk, visits: Sequence[Visit]) -> list[Response | Exception]:
    """Keep what was asked, and say what will come; or show the box with what is missing."""
    with desk.app.database.reading() as session:
        found = listing.of_all(session, desk, visits)
    counters: dict[int, _Counter] = {}
    heard = [_heard(counters, desk, visit, one) for visit, one in zip(visits, found, strict=True)]
    pressed = [one for one in heard if isinstance(one, _Pressed)]
    if pressed:
        desk.app.database.write(_keep, desk, pressed)
    return [one.answer if isinstance(one, _Pressed) else one for one in heard]


@dataclass(frozen=True, slots=True)
class _Counter:
    """What all have in common who press the box of one list in one language."""

    desk: Desk
    found: Listing
    stamp: Stamp
    page: str
    notice: PrivacyNotice
    said: dict[str, str]
    answers: dict[tuple[AskAction, str], Response] = field(default_factory=dict)

    @classmethod
    def of(cls, desk: Desk, found: Listing) -> "_Counter":
        """Give what is the same for everybody."""
        notice = privacy.of(desk, found.language)
        said = {**found.wording.evidence(), "language": found.language.code, **notice.evidence()}
        page = desk.app.links.list_page(found.slug)
        return cls(desk, found, box.stamp(desk), page, notice, said)

    def answer(self, visit: Visit, action: AskAction) -> Response:
        """Give the page that says what will come."""
        known = action, self.desk.lasting(visit, self.found.language)
        if known not in self.answers:
            self.answers[known] = letters.announce(
                self.desk, visit, self.found.card, self.found.language, action
            )
        return self.answers[known]


@dataclass(frozen=True, slots=True)
class _Pressed:
    """A press that is to be kept, the notice that stood under the button, and the answer."""

    asked: Asked
    notice: PrivacyNotice
    answer: Response


def _heard(
    counters: dict[int, _Counter], desk: Desk, visit: Visit, found: Listing | Exception
) -> _Pressed | Response | Exception:
    """Give what comes of one press; what goes wrong with it is nobody else's trouble."""
    if isinstance(found, Exception):
        return found
    try:
        # One listing serves all who want the same, so it is known by what it is.
        if id(found) not in counters:
            counters[id(found)] = _Counter.of(desk, found)
        return _pressed(counters[id(found)], visit)
    except Exception as error:  # noqa: BLE001  (its own door says what it was)
        return error


def _pressed(counter: _Counter, visit: Visit) -> _Pressed | Response:
    desk, found = counter.desk, counter.found
    if found.has_ended:
        raise Refused("this list has ended")
    sent = Box.of(visit.form)
    timing = counter.stamp.read(sent.shown, found.card.id, now=desk.now())
    if timing is not Timing.GOOD or sent.action is None:
        return box.page(desk, visit, found, box.again(desk, found, sent, timing))
    try:
        parsed = address.parse(sent.address)
    except AddressInvalid:
        return box.page(desk, visit, found, box.wrong(sent, found.language), status=422)
    meant = subscribers.probably_meant(parsed)
    if meant and not sent.sure:
        filled = Filled(sent.shown, sent.address, sent.action, meant=meant)
        return box.page(desk, visit, found, filled)
    answer = counter.answer(visit, sent.action)
    asked = Asked(
        action=sent.action,
        list_id=found.card.id,
        address=parsed.mailbox,
        language=found.language.code,
        remote=visit.remote,
        trapped=sent.trapped,
        evidence=wording.evidence(visit, "box", counter.page) | counter.said,
    )
    return _Pressed(asked, counter.notice, answer)


def _keep(session: Session, desk: Desk, pressed: Sequence[_Pressed]) -> None:
    """Keep what was asked, and once the words of the notice that stood under the button."""
    now = desk.now()
    subscribers.ask_all(session, [one.asked for one in pressed], now=now)
    notices = {one.notice.fact: one.notice for one in pressed}
    for name, notice in notices.items():
        if not facts.is_noted(session, name):
            facts.note(session, name, notice.said(), now=now)
