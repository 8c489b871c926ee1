"""Whether all is well: what the owner is told of, and the heartbeat that stops when it is not.

A trouble is told once, when it begins; it may come again after it was over. Mail that does not
leave cannot say so by mail, which is what the heartbeat is for: whoever watches it from
outside notices that it stopped.
"""

import platform
import shutil
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from mailer import __version__, backups, delivery, facts, ledger
from mailer.app import App
from mailer.db.schema import DigestState
from mailer.delivery import Allowance, Notice, Said, say
from mailer.digests import life

EVERY = timedelta(seconds=60)
"""How often somebody looks."""

HEARTBEAT_SECONDS = 10
"""How long the address of the heartbeat may take to answer."""

MEGABYTE = 1_000_000

TROUBLE, PROGRESS = "trouble:", "progress:"
"""How the names of facts begin."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not well, in words for the owner."""

    name: str
    headline: Said
    paragraphs: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class _Going:
    """How far a digest has come. All that is left of one that `rests` was put off for later."""

    digest_id: int
    moved: dict[str, int]
    rests: bool


def look(app: App) -> None:
    """See whether all is well; tell the owner what is not, and let the heart beat if all is."""
    now = app.clock.now()
    _tell(app, f"disk:{platform.node()}", _disk(app), now)
    if not app.database.write(facts.take_turn, "watch", every=EVERY, now=now):
        return
    _tell(app, "mail", _mail(app, now), now)
    if is_well(app, now=now):
        _beat(app, now)


def is_well(app: App, *, now: datetime) -> bool:
    """Tell whether a worker lives, nothing is paused or stopped, and there is no trouble on."""
    with app.database.reading() as session:
        known = app.settings.all_routes()
        routes = delivery.routes(session, list(known))
        return (
            ledger.working(session, now=now) > 0
            and not any(one.paused_at for one in routes)
            and not any(one.pace.stopped_at for one in delivery.paces(session, list(known)))
            and not facts.named(session, TROUBLE)
            and not backups.is_failing(session)
        )


def standing_still(session: Session, app: App, *, now: datetime) -> dict[str, int]:
    """Count the routes by which nothing leaves now: “paused”, “resting”, “used up”; each once.

    A paused one waits for its owner, a resting one for a relay in trouble, and one that has used
    up what its relay allows for the next hour or day. What counts none is left out.
    """
    routes = app.settings.all_routes()
    found: Counter[str] = Counter()
    for one in delivery.routes(session, list(routes)):
        allowance = Allowance.of(routes[one.name], now)
        if one.paused_at is not None:
            found["paused"] += 1
        elif one.rests(now):
            found["resting"] += 1
        elif allowance and not allowance.left(ledger.used(session, one.name, now=now), now).digests:
            found["used up"] += 1
    return dict(found)


def free_bytes(app: App) -> int:
    """Give the room on the disk where the database or, with a server, the journals are."""
    return shutil.disk_usage((app.database.path or app.config.state).parent).free


def _disk(app: App) -> list[Trouble]:
    free, least = free_bytes(app), app.settings.watch.disk_megabytes
    if free >= least * MEGABYTE:
        return []
    host = platform.node()
    return [
        Trouble(
            "low",
            say("The disk of %(host)s is nearly full", host=host),
            (
                say(
                    "%(free)s MB are free, and %(least)s MB should be. "
                    "When it is full, nothing is sent any more; what waits is kept.",
                    free=free // MEGABYTE,
                    least=least,
                ),
                say("Make room: old backups, logs, or a larger disk."),
            ),
        )
    ]


def _mail(app: App, now: datetime) -> list[Trouble]:
    """Give what stands still although no route does, and note how far each digest has come."""
    patience = timedelta(minutes=app.settings.watch.stalled_minutes)
    # Counting a large digest takes a while: not within a transaction that others wait for.
    with app.database.reading() as session:
        waits_for_relay = bool(standing_still(session, app, now=now))
        going = _going(session, now)
        waits = ledger.longest_waiting_letter(session)
    unmoved = app.database.write(_progress, going, now=now, afresh=waits_for_relay)
    if waits_for_relay:
        return []  # that was said elsewhere, or ends by itself
    stalled = [
        _stalled(digest_id, since) for digest_id, since in unmoved if now - since >= patience
    ]
    if waits is not None and now - waits >= patience:
        stalled.append(_letters(waits))
    return stalled


def _going(session: Session, now: datetime) -> list[_Going]:
    """Give how far each digest that is being sent has come."""
    found = []
    for digest in life.in_state(session, DigestState.SENDING):
        assert digest.id is not None
        sums = ledger.sums(session, digest.id)
        moved = {"waiting": sums.waiting, "deferred": sums.deferred, "sent": sums.sent}
        rests = not ledger.waits_for_us(session, digest.id, now=now)
        found.append(_Going(digest.id, moved, rests))
    return found


def _progress(
    session: Session, going: list[_Going], *, now: datetime, afresh: bool
) -> list[tuple[int, datetime]]:
    """Give since when each digest that is being sent has not moved; `afresh`, count from now."""
    found = []
    known = {fact.name: fact for fact in facts.named(session, PROGRESS)}
    for one in going:
        name = f"{PROGRESS}{one.digest_id}"
        fact = known.pop(name, None)
        if afresh or one.rests or fact is None or fact.value != one.moved:
            facts.note(session, name, one.moved, now=now)
        else:
            found.append((one.digest_id, fact.at))
    for name in known:
        facts.forget(session, name)
    return found


def _stalled(digest_id: int, since: datetime) -> Trouble:
    return Trouble(
        f"digest:{digest_id}",
        say("Digest %(id)s does not move", id=digest_id),
        (
            say(
                "Since %(time)s UTC none of it was sent, put off or refused.",
                time=f"{since:%H:%M}",
            ),
            say(
                "To see how it stands and why: %(command)s, %(other)s",
                command=f"mailer digest status {digest_id}",
                other=f"mailer digest deliveries {digest_id} --state deferred",
            ),
            _to_see_whether_all_runs(),
        ),
    )


def _letters(since: datetime) -> Trouble:
    return Trouble(
        "letters",
        say("Letters do not leave"),
        (
            say(
                "A letter has been due since %(time)s UTC: a confirmation, perhaps, "
                "that a reader waits for.",
                time=f"{since:%Y-%m-%d %H:%M}",
            ),
            _to_see_whether_all_runs(),
        ),
    )


def _to_see_whether_all_runs() -> Said:
    command = "mailer status"
    return say(
        "To see whether a worker runs and the routes are in use: %(command)s", command=command
    )


def _tell(app: App, scope: str, found: list[Trouble], now: datetime) -> None:
    """Note which troubles there are, and post a letter about each that is new."""
    prefix = f"{TROUBLE}{scope}:"
    with app.database.reading() as session:
        known = {fact.name for fact in facts.named(session, prefix)}
    there = {f"{prefix}{one.name}": one for one in found}
    if known == set(there):
        return
    with app.database.writing() as session:
        for name in known - set(there):
            facts.forget(session, name)
        for name in sorted(set(there) - known):
            one = there[name]
            facts.note(session, name, {"headline": str(one.headline)}, now=now)
            notice = Notice(one.headline, one.paragraphs, once=f"{name}:{now:%Y-%m-%dT%H:%M}")
            delivery.post_notice(session, app.press, notice, now=now)
    for name in sorted(set(there) - known):
        log.warning("trouble", what=str(there[name].headline))


def _beat(app: App, now: datetime) -> None:
    """Ask the heartbeat's address, if it is time."""
    url = app.settings.watch.heartbeat_url.get_secret_value()
    every = timedelta(minutes=app.settings.watch.heartbeat_minutes)
    if not url or not app.database.write(facts.take_turn, "heartbeat", every=every, now=now):
        return
    asked = urllib.request.Request(  # noqa: S310 - the settings take http and https only
        url, headers={"User-Agent": f"communique/{__version__}"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=HEARTBEAT_SECONDS):  # noqa: S310 - as above
            pass
    except (urllib.error.URLError, OSError, ValueError) as error:
        # The address itself may be a secret, and so may what an error says of it.
        log.warning("heartbeat.failed", why=type(error).__name__)
