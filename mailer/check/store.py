"""What the database tells: whether it is whole and ours, and whether work goes on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, text
from sqlmodel import Session

from mailer import backups, continuity, delivery, facts, ledger, lists, watch
from mailer.app import App
from mailer.check.finding import Finding, Part, State
from mailer.db import SCHEMA
from mailer.db.schema import DigestState
from mailer.digests import life
from mailer.errors import DatabaseError, SchemaNewer
from mailer.lists import Card

LATE = timedelta(minutes=10)
"""After its hour, a digest that has not begun to go is late."""

OLDEST_BACKUP = timedelta(hours=49)
"""Two nights and an hour: one missed backup may have been a reboot."""


@dataclass(slots=True)
class Visit:
    """What was found; `usable` says that rows can be read, `now` is the server's own clock."""

    findings: list[Finding] = field(default_factory=list)
    usable: bool = False
    now: datetime | None = None


def look(app: App) -> Visit:
    """Judge the database itself, without changing anything in it."""
    subject = str(app.database).removeprefix("the database ")
    path = app.database.path
    if path is not None and not path.exists():
        says = "There is no database yet; the first command makes it."
        return Visit([Finding(Part.DATABASE, subject, State.WARN, says, "mailer status")])
    try:
        revision = app.database.revision()
        if revision == SCHEMA:
            return app.database.read(_whole, subject)
        if revision is not None and revision > SCHEMA:
            app.database.check()
    except SchemaNewer as error:
        return Visit([Finding(Part.DATABASE, subject, State.FAIL, f"{error}.")])
    except DatabaseError as error:
        todo = "Is it there, does it run, and do name and password fit? See database.url."
        return Visit([Finding(Part.DATABASE, subject, State.FAIL, f"{error}.", todo)])
    says = f"It is at revision {revision or 'none'}; the next start brings it to {SCHEMA}."
    return Visit([Finding(Part.DATABASE, subject, State.WARN, says, "mailer status")])


def _whole(session: Session, subject: str) -> Visit:
    visit = Visit(usable=True)
    if session.get_bind().dialect.name == "sqlite":
        said = str(session.execute(text("PRAGMA quick_check(1)")).scalar())
        if said != "ok":
            says = f"The file is damaged: {said[:200]}."
            todo = "Stop everything and restore a backup: mailer restore."
            visit.findings.append(Finding(Part.DATABASE, subject, State.FAIL, says, todo))
            return visit
    else:
        found = session.execute(select(func.clock_timestamp())).scalar_one()
        visit.now = found.astimezone(UTC)
    says = f"It answers, and its schema is this program’s ({SCHEMA})."
    visit.findings.append(Finding(Part.DATABASE, subject, State.OK, says))
    return visit


def cards(app: App) -> list[Card]:
    """Give the lists with their senders."""
    return app.database.read(lists.cards)


def work(session: Session, app: App, *, now: datetime) -> Iterator[Finding]:
    """Judge whether work goes on: workers, routes, digests, troubles, the last backup."""
    yield _workers(session, now)
    for one in delivery.routes(session, list(app.settings.all_routes())):
        if one.paused_at:
            says = f"It is paused since {one.paused_at:%Y-%m-%d %H:%M} UTC: {one.reason}"
            todo = f"When it is mended: mailer route resume {one.name}"
            yield Finding(Part.WORK, f"route {one.name}", State.FAIL, says, todo)
        elif one.rests(now):
            until = f"{one.rests_until:%H:%M} UTC"
            says = f"It rests by itself until {until}: {one.rest_reason}"
            todo = "Nothing; to let it go on at once: mailer route resume " + one.name
            yield Finding(Part.WORK, f"route {one.name}", State.WARN, says, todo)
    if count := continuity.count_held(session):
        says = f"{count} messages are held since the database was put back."
        todo = "To see them: mailer held. To let them go: mailer release"
        yield Finding(Part.WORK, "held", State.WARN, says, todo)
    if to := app.settings.delivery.redirect_all_to:
        says = f"All mail is redirected to {to}; no reader gets any."
        todo = "When you are ready, take out delivery.redirect_all_to."
        yield Finding(Part.WORK, "readers", State.WARN, says, todo)
    for digest in life.in_state(session, DigestState.SCHEDULED):
        if digest.due_at is not None and now - digest.due_at > LATE:
            says = f"It was due at {digest.due_at:%Y-%m-%d %H:%M} UTC and has not begun to go."
            todo = "Run mailer serve or mailer worker."
            yield Finding(Part.WORK, f"digest {digest.id}", State.FAIL, says, todo)
    for fact in facts.named(session, watch.TROUBLE):
        says = f"{fact.value.get('headline', fact.name)} (since {fact.at:%Y-%m-%d %H:%M} UTC)."
        yield Finding(Part.WORK, "trouble", State.WARN, says, "See the letter to the owner.")
    if app.settings.backup.nightly:
        yield from _backup(session, now)


def _workers(session: Session, now: datetime) -> Finding:
    count = ledger.working(session, now=now)
    if count:
        says = "A worker is at work." if count == 1 else f"{count} workers are at work."
        return Finding(Part.WORK, "workers", State.OK, says)
    says = "No worker is at work, so nothing is sent."
    return Finding(Part.WORK, "workers", State.WARN, says, "Run mailer serve or mailer worker.")


def _backup(session: Session, now: datetime) -> Iterator[Finding]:
    made, begun = facts.get(session, backups.MADE), facts.get(session, backups.BEGUN)
    todo = "Make one: mailer backup. Nightly ones are made while a worker runs."
    if made is None and (begun is None or now - begun.at < OLDEST_BACKUP):
        return  # a new installation, whose first night is still to come
    if made is None:
        yield Finding(Part.WORK, "backup", State.WARN, "None was ever made.", todo)
    elif now - made.at > OLDEST_BACKUP:
        says = f"The last one is of {made.at:%Y-%m-%d}."
        yield Finding(Part.WORK, "backup", State.WARN, says, todo)
    else:
        says = f"The last one was made on {made.at:%Y-%m-%d at %H:%M} UTC."
        yield Finding(Part.WORK, "backup", State.OK, says)
