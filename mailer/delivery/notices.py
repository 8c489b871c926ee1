"""Letters to the owner: what went wrong and what to do, posted like all mail.

They speak the language of the office. What a relay or a program answered stays as it was said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlmodel import Session

from mailer import address, ledger
from mailer.db.schema import DeliveryKind
from mailer.delivery import routes
from mailer.delivery.accounting import Pause
from mailer.delivery.pacing import Stop
from mailer.delivery.press import Press
from mailer.language import Language

LIFE = timedelta(days=3)
"""How long a notice is tried: over a weekend."""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of ours: the text of the catalogue, and what fills it."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """Give it in English, as commands and logs speak."""
        return self.text % self.values if self.values else self.text

    def translated(self, language: Language) -> str:
        """Give it in a language."""
        return language.gettext(self.text, **self.values)


def say(text: str, /, **values: object) -> Said:
    """Give a sentence, marked for the catalogue where it stands."""
    return Said(text, values)


@dataclass(frozen=True, slots=True)
class Notice:
    """What to tell the owner; the same `once` is told once. Plain strings are not ours."""

    headline: Said
    paragraphs: tuple[Said | str, ...]
    once: str


def route_paused(session: Session, press: Press, pause: Pause, *, now: datetime) -> None:
    """Tell the owner that a route is paused."""
    kept = say(
        "Nothing leaves by this route until you resume it. Nobody was suppressed for this, "
        "and what was on its way waits."
    )
    command = f"mailer route resume {pause.route}"
    notice = Notice(
        headline=say("The route “%(route)s” is paused", route=pause.route),
        paragraphs=(
            pause.reason,
            kept,
            say("When the relay is in order again: %(command)s", command=command),
        ),
        once=f"route-paused:{pause.route}:{now:%Y-%m-%dT%H:%M}",
    )
    post(session, press, notice, now=now)


def group_stopped(session: Session, press: Press, stop: Stop, *, now: datetime) -> None:
    """Tell the owner that a group of destinations refuses us."""
    kept = say(
        "Digests to its readers are held, letters still go, and everybody else gets their mail. "
        "Nobody was suppressed for this. What was refused can be sent again when it is settled: "
        "%(command)s",
        command="mailer digest retry NUMBER --failed",
    )
    command = f"mailer route resume {stop.route} --group {stop.group}"
    notice = Notice(
        headline=say("“%(group)s” refuses our mail", group=stop.group),
        paragraphs=(
            stop.reason,
            kept,
            say("When it is settled: %(command)s", command=command),
        ),
        once=f"group-stopped:{stop.route}:{stop.group}:{now:%Y-%m-%dT%H:%M}",
    )
    post(session, press, notice, now=now)


def digest_missed(session: Session, press: Press, digest_id: int, *, now: datetime) -> None:
    """Tell the owner that a digest could not go in time and now waits."""
    notice = Notice(
        headline=say("Digest %(id)s did not go out in time", id=digest_id),
        paragraphs=(
            say("No worker was running at its hour, nor until its last moment. It waits for you."),
            say("To send it now: %(command)s", command=f"mailer digest resume {digest_id}"),
            say("To drop it: %(command)s", command=f"mailer digest cancel {digest_id}"),
        ),
        once=f"digest-missed:{digest_id}:{now:%Y-%m-%d}",
    )
    post(session, press, notice, now=now)


def digest_drafted(
    session: Session, press: Press, digest_id: int, slug: str, why: str, *, now: datetime
) -> None:
    """Tell the owner that a list's cadence drafted a digest, and that it waits for an editor."""
    notice = Notice(
        headline=say("Digest %(id)s of “%(list)s” waits for an editor", id=digest_id, list=slug),
        paragraphs=(
            say("It was drafted on the list’s day."),
            Said(why),
            say("To look at it: %(command)s", command=f"mailer digest preview {digest_id}"),
            say("To send it: %(command)s", command=f"mailer digest queue {digest_id}"),
        ),
        once=f"digest-drafted:{digest_id}",
    )
    post(session, press, notice, now=now)


def digest_unmade(
    session: Session, press: Press, slug: str, day: date, why: str, *, now: datetime
) -> None:
    """Tell the owner that a list's cadence cannot even draft its digest, or decide upon it."""
    command = f"mailer digest draft {slug} --new-items --subject …"
    notice = Notice(
        headline=say(
            "The digest of “%(list)s” for %(date)s cannot be made",
            list=slug,
            date=press.office_language.format_date(day),
        ),
        paragraphs=(
            why,
            say("It is tried again until it can be; no news is lost. The log has more."),
            say("To make it by hand: %(command)s", command=command),
        ),
        once=f"digest-unmade:{slug}:{day}:{now:%Y-%m-%d}",
    )
    post(session, press, notice, now=now)


def database_put_back(
    session: Session, press: Press, source: str, held: int, *, now: datetime
) -> None:
    """Tell the owner that the database is an earlier one, and what waits for that reason."""
    what = say(
        "It does not know what went out since. Messages that were not settled in it are held "
        "(%(held)s), and digests on their way are paused; nobody gets anything twice by guess.",
        held=held,
    )
    notice = Notice(
        headline=say("The database was put back to an earlier state"),
        paragraphs=(
            say("Why: %(why)s.", why=source),
            what,
            say("To see what waits: %(command)s", command="mailer held"),
            say("To let it go: %(command)s", command="mailer release"),
        ),
        once=f"put-back:{now:%Y-%m-%dT%H:%M:%S}",
    )
    post(session, press, notice, now=now)


def backup_failed(session: Session, press: Press, why: str, *, now: datetime) -> None:
    """Tell the owner that the backup of this night was not made."""
    notice = Notice(
        headline=say("The backup of this night was not made"),
        paragraphs=(
            why,
            say(
                "Those of the nights before are still there. To make one: %(command)s",
                command="mailer backup",
            ),
        ),
        once=f"backup-failed:{now:%Y-%m-%d}",
    )
    post(session, press, notice, now=now)


def cannot_render(
    session: Session, press: Press, kind: DeliveryKind, why: str, *, now: datetime
) -> None:
    """Tell the owner that letters of a kind wait for their template; once a day."""
    notice = Notice(
        headline=say("Letters of the kind “%(kind)s” cannot be made", kind=kind.value),
        paragraphs=(
            why,
            say("They wait, each until its last moment, and go when this has been put right."),
        ),
        once=f"cannot-render:{kind}:{now:%Y-%m-%d}",
    )
    post(session, press, notice, now=now)


def post(session: Session, press: Press, notice: Notice, *, now: datetime) -> None:
    """Post a notice to the owner, if the settings name one, by a route that is in use."""
    owner = press.settings.organisation.owner
    if not owner:
        return
    language = press.office_language
    said = [one.translated(language) if isinstance(one, Said) else one for one in notice.paragraphs]
    letter = ledger.Letter(
        kind=DeliveryKind.NOTICE,
        to=address.parse(owner),
        language=language.code,
        due_at=now,
        not_after=now + LIFE,
        route=routes.in_use(session, press.settings.all_routes(), now=now),
        signing_key=press.keys.signing_id,
        idempotency_key=notice.once,
        context={"headline": notice.headline.translated(language), "paragraphs": said},
    )
    ledger.post(session, letter, now=now)
