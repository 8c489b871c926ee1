"""Letters to the owner: what went wrong and what to do, posted like all mail."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from mailer import address, ledger
from mailer.db.schema import DeliveryKind
from mailer.delivery.accounting import Pause
from mailer.delivery.press import Press

LIFE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Notice:
    """What to tell the owner; the same `once` is told once."""

    headline: str
    paragraphs: tuple[str, ...]
    once: str
    route: str


def route_paused(session: Session, press: Press, pause: Pause, *, now: datetime) -> None:
    """Tell the owner that a route is paused. By another route if there is one."""
    kept = (
        "Nothing leaves by this route until you resume it. Nobody was suppressed for this, "
        "and what was on its way waits."
    )
    notice = Notice(
        headline=f"The route “{pause.route}” is paused",
        paragraphs=(
            pause.reason,
            kept,
            f"When the relay is in order again: mailer route resume {pause.route}",
        ),
        once=f"route-paused:{pause.route}:{now:%Y-%m-%dT%H:%M}",
        route=press.another_route(pause.route),
    )
    post(session, press, notice, now=now)


def digest_missed(session: Session, press: Press, digest_id: int, *, now: datetime) -> None:
    """Tell the owner that a digest could not go in time and now waits."""
    notice = Notice(
        headline=f"Digest {digest_id} did not go out in time",
        paragraphs=(
            "No worker was running at its hour, nor until its last moment. It waits for you.",
            f"To send it now: mailer digest resume {digest_id}",
            f"To drop it: mailer digest cancel {digest_id}",
        ),
        once=f"digest-missed:{digest_id}:{now:%Y-%m-%d}",
        route=press.another_route(""),
    )
    post(session, press, notice, now=now)


def post(session: Session, press: Press, notice: Notice, *, now: datetime) -> None:
    """Post a notice to the owner, if the settings name one."""
    owner = press.settings.organisation.owner
    if not owner:
        return
    letter = ledger.Letter(
        kind=DeliveryKind.NOTICE,
        to=address.parse(owner),
        language="en",
        due_at=now,
        not_after=now + LIFE,
        route=notice.route,
        signing_key=press.keys.signing_id,
        idempotency_key=notice.once,
        context={"headline": notice.headline, "paragraphs": list(notice.paragraphs)},
    )
    ledger.post(session, letter, now=now)
