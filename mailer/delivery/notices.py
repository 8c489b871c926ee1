"""Letters to the owner: what went wrong and what to do, posted like all mail."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from mailer import address, ledger
from mailer.db.schema import DeliveryKind
from mailer.delivery import routes
from mailer.delivery.accounting import Pause
from mailer.delivery.pacing import Stop
from mailer.delivery.press import Press

LIFE = timedelta(days=3)
"""How long a notice is tried: over a weekend."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What to tell the owner; the same `once` is told once."""

    headline: str
    paragraphs: tuple[str, ...]
    once: str


def route_paused(session: Session, press: Press, pause: Pause, *, now: datetime) -> None:
    """Tell the owner that a route is paused."""
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
    )
    post(session, press, notice, now=now)


def group_stopped(session: Session, press: Press, stop: Stop, *, now: datetime) -> None:
    """Tell the owner that a group of destinations refuses us."""
    kept = (
        "Digests to its readers are held, letters still go, and everybody else gets their mail. "
        "Nobody was suppressed for this. What was refused can be sent again when it is settled: "
        "mailer digest retry"
    )
    notice = Notice(
        headline=f"“{stop.group}” refuses our mail",
        paragraphs=(
            stop.reason,
            kept,
            f"When it is settled: mailer route resume {stop.route} --group {stop.group}",
        ),
        once=f"group-stopped:{stop.route}:{stop.group}:{now:%Y-%m-%dT%H:%M}",
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
    )
    post(session, press, notice, now=now)


def digest_drafted(
    session: Session, press: Press, digest_id: int, slug: str, why: str, *, now: datetime
) -> None:
    """Tell the owner that a list's cadence drafted a digest, and that it waits for an editor."""
    notice = Notice(
        headline=f"Digest {digest_id} of “{slug}” waits for an editor",
        paragraphs=(
            f"It was drafted on the list’s day. {why}",
            f"To look at it: mailer digest preview {digest_id}",
            f"To send it: mailer digest queue {digest_id}",
        ),
        once=f"digest-drafted:{digest_id}",
    )
    post(session, press, notice, now=now)


def digest_unmade(
    session: Session, press: Press, slug: str, day: date, why: str, *, now: datetime
) -> None:
    """Tell the owner that a list's cadence cannot even draft its digest, or decide upon it."""
    notice = Notice(
        headline=f"The digest of “{slug}” for {day:%d %B %Y} cannot be made",
        paragraphs=(
            why,
            "It is tried again until it can be; no news is lost. The log has more.",
            f"To make it by hand: mailer digest draft {slug} --new-items --subject …",
        ),
        once=f"digest-unmade:{slug}:{day}:{now:%Y-%m-%d}",
    )
    post(session, press, notice, now=now)


def database_put_back(
    session: Session, press: Press, source: str, held: int, *, now: datetime
) -> None:
    """Tell the owner that the database is an earlier one, and what waits for that reason."""
    what = (
        f"It does not know what went out since. {held} messages that were not settled in it "
        "are held, and digests on their way are paused; nobody gets anything twice by guess."
    )
    notice = Notice(
        headline="The database was put back to an earlier state",
        paragraphs=(
            f"Why: {source}.",
            what,
            "To see what waits: mailer held",
            "To let it go: mailer release",
        ),
        once=f"put-back:{now:%Y-%m-%dT%H:%M:%S}",
    )
    post(session, press, notice, now=now)


def backup_failed(session: Session, press: Press, why: str, *, now: datetime) -> None:
    """Tell the owner that the backup of this night was not made."""
    notice = Notice(
        headline="The backup of this night was not made",
        paragraphs=(why, "Those of the nights before are still there. To make one: mailer backup"),
        once=f"backup-failed:{now:%Y-%m-%d}",
    )
    post(session, press, notice, now=now)


def cannot_render(
    session: Session, press: Press, kind: DeliveryKind, why: str, *, now: datetime
) -> None:
    """Tell the owner that letters of a kind wait for their template; once a day."""
    notice = Notice(
        headline=f"Letters of the kind “{kind}” cannot be made",
        paragraphs=(
            why,
            "They wait, each until its last moment, and go when this has been put right.",
        ),
        once=f"cannot-render:{kind}:{now:%Y-%m-%d}",
    )
    post(session, press, notice, now=now)


def post(session: Session, press: Press, notice: Notice, *, now: datetime) -> None:
    """Post a notice to the owner, if the settings name one, by a route that is in use."""
    owner = press.settings.organisation.owner
    if not owner:
        return
    names = list(press.settings.all_routes())
    out = routes.out_of_use(session, now=now)
    letter = ledger.Letter(
        kind=DeliveryKind.NOTICE,
        to=address.parse(owner),
        language="en",
        due_at=now,
        not_after=now + LIFE,
        route=next((name for name in names if name not in out), names[0]),
        signing_key=press.keys.signing_id,
        idempotency_key=notice.once,
        context={"headline": notice.headline, "paragraphs": list(notice.paragraphs)},
    )
    ledger.post(session, letter, now=now)
