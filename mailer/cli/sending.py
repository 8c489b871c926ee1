"""`mailer digest`, from its queueing on: queue, pause, resume, cancel, watch, put right."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from sqlmodel import Session

from mailer import delivery, ledger, lists, subscribers
from mailer.app import App
from mailer.cli import printing
from mailer.cli.digests import record, warn
from mailer.cli.options import AsJson, DigestId
from mailer.cli.printing import counted, talk
from mailer.db.schema import Delivery, DigestState
from mailer.delivery import Outlook
from mailer.digests import life, moments
from mailer.digests.moments import LocalTime
from mailer.errors import Refused, UsageError
from mailer.ledger import Standing

app = typer.Typer()

COLUMNS = ("id", "address", "state", "tries", "settled_at", "reply_code", "reason")


@app.command()
def queue(
    ctx: typer.Context,
    digest_id: DigestId,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="By the list's clock: 2026-12-01T09:00."),
    ] = None,
) -> None:
    """Freeze a draft as it stands, and let it go now or at a local time."""
    with ctx.obj.open() as opened:
        opened.database.read(opened.press.render_ahead, digest_id)
        when, warnings, recipients, ahead = opened.database.write(_queue, digest_id, at, opened)
        hours = opened.settings.delivery.digest_give_up_hours
    warn(warnings)
    audience = counted(recipients, "recipient", "recipients")
    talk(f"digest {digest_id} {_said(when)}; {audience} as things stand")
    if ahead.words:
        talk(ahead.words)
    if ahead.is_long:
        late = "whose turn comes later get it, but are not tried again when put off"
        talk(f"warning: that is more than delivery.digest_give_up_hours ({hours}): those {late}")


@app.command()
def pause(
    ctx: typer.Context,
    digest_id: DigestId,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever looks next.")
    ] = "paused by an editor",
) -> None:
    """Stop a digest where it is; what is on the wire this moment still goes."""
    with ctx.obj.open() as opened:
        opened.database.write(life.pause, digest_id, reason, now=opened.clock.now())
    talk(f"digest {digest_id} is paused; “mailer digest resume {digest_id}” lets it go on")


@app.command()
def resume(ctx: typer.Context, digest_id: DigestId) -> None:
    """Let a paused digest go on; one whose hour has passed goes now."""
    with ctx.obj.open() as opened:
        late = timedelta(hours=opened.settings.delivery.late_hours)
        give_up = timedelta(hours=opened.settings.delivery.digest_give_up_hours)
        now = opened.clock.now()
        opened.database.write(_resume, digest_id, late=late, give_up=give_up, now=now)
        state = opened.database.read(life.get, digest_id).state
    talk(f"digest {digest_id} is {state} again")


@app.command()
def cancel(ctx: typer.Context, digest_id: DigestId) -> None:
    """End a digest for good; who has not got it will not."""
    with ctx.obj.open() as opened:
        opened.database.write(life.cancel, digest_id, now=opened.clock.now())
    talk(f"digest {digest_id} is cancelled; what waits is withdrawn by the next worker")


@app.command()
def status(ctx: typer.Context, digest_id: DigestId, as_json: AsJson = False) -> None:
    """Show how a digest stands; `recipients` is the sum of the lines below it."""
    with ctx.obj.open() as opened:
        found = opened.database.read(standing, digest_id, opened)
    if as_json:
        printing.as_json(found)
    else:
        printing.card(found)


@app.command()
def deliveries(
    ctx: typer.Context,
    digest_id: DigestId,
    state: Annotated[
        Standing | None, typer.Option("--state", help="Only those that stand like this.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show each recipient of a digest, how it went, and why."""
    with ctx.obj.open() as opened, opened.database.reading() as session:
        life.get(session, digest_id)
        found = [_delivery(row) for row in ledger.of_digest(session, digest_id, state)]
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, *COLUMNS)


@app.command()
def retry(
    ctx: typer.Context,
    digest_id: DigestId,
    failed: Annotated[
        bool, typer.Option("--failed", help="Those that failed, and those held for a person.")
    ] = False,
) -> None:
    """Send to those who did not get it, after the cause was put right."""
    if not failed:
        raise UsageError("say which deliveries to try again: --failed")
    with ctx.obj.open() as opened:
        count = opened.database.write(_again, digest_id, ledger.retry_failed, "retry", opened)
    talk(f"to be tried again: {counted(count, 'delivery', 'deliveries')} of digest {digest_id}")


@app.command()
def settle(
    ctx: typer.Context,
    digest_id: DigestId,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send again, with the same bytes and Message-ID.")
    ] = False,
    count_sent: Annotated[bool, typer.Option("--count-sent", help="Take them as sent.")] = False,
) -> None:
    """Decide about uncertain deliveries: the connection broke when nobody could know."""
    if resend == count_sent:
        raise UsageError("say what to do with uncertain deliveries: --resend or --count-sent")
    with ctx.obj.open() as opened:
        if resend:
            resending = ledger.resend_uncertain
            count = opened.database.write(_again, digest_id, resending, "resend", opened)
        else:
            count = opened.database.write(delivery.count_as_sent, digest_id, now=opened.clock.now())
    done = "to be sent again" if resend else "counted as sent"
    talk(f"{done}: {counted(count, 'delivery', 'deliveries')} of digest {digest_id}")


def standing(session: Session, digest_id: int, opened: App) -> dict[str, Any]:
    """Give how a digest stands as JSON has it; its keys are in docs/commands.md."""
    digest = life.get(session, digest_id)
    whole = record(session, digest, lists.card(session, digest.list_id))
    sums = ledger.sums(session, digest_id)
    ahead = _outlook(session, digest_id, opened)
    named = {name: whole[name] for name in ("id", "list", "number", "subject", "state")}
    return {
        **named,
        "recipients": sums.recipients,
        **{one.value: getattr(sums, one.value) for one in Standing},
        "due_at": whole["due_at"],
        "reason": whole["reason"],
        "through_at": ahead.through_at,
        "outlook": ahead.words,
    }


def _queue(
    session: Session, digest_id: int, at: str | None, opened: App
) -> tuple[LocalTime | None, tuple[str, ...], int, Outlook]:
    now = opened.clock.now()
    digest = life.get(session, digest_id)
    zone = lists.card(session, digest.list_id).list.timezone
    when = None if at is None else moments.due(at, zone, now=now)
    late = timedelta(hours=opened.settings.delivery.late_hours)
    warnings = delivery.queue_digest(session, opened.press, digest_id, when, late=late, now=now)
    recipients = subscribers.size(session, digest.list_id)
    return when, warnings, recipients, _outlook(session, digest_id, opened)


def _outlook(session: Session, digest_id: int, opened: App) -> Outlook:
    routes, now = opened.settings.all_routes(), opened.clock.now()
    life_of = timedelta(hours=opened.settings.delivery.digest_give_up_hours)
    return delivery.outlook(session, digest_id, routes, now=now, life_of=life_of)


def _resume(
    session: Session, digest_id: int, *, late: timedelta, give_up: timedelta, now: datetime
) -> None:
    digest = life.get(session, digest_id)
    if digest.state is DigestState.PAUSED and digest.reason == ledger.HELD_BACK:
        release = f"“mailer release --digest {digest_id}” lets it go, or drops it"
        raise Refused(f"digest {digest_id} is held after a restore: it may have gone; {release}")
    life.resume(session, digest_id, late=late, give_up=give_up, now=now)


def _said(when: LocalTime | None) -> str:
    """Give what was understood of a time, so that a slip shows."""
    if when is None:
        return "goes now"
    local = when.text.replace("T", " ")
    first = ", the first of the two times the clock shows that" if when.doubled else ""
    return f"goes at {local} ({when.zone}{first}), which is {when.at:%Y-%m-%d %H:%M} UTC"


def _again(
    session: Session, digest_id: int, queue_some: Callable[..., int], why: str, opened: App
) -> int:
    """Queue some deliveries again, and reopen the digest if there were any."""
    give_up = timedelta(hours=opened.settings.delivery.digest_give_up_hours)
    now = opened.clock.now()
    return delivery.send_again(session, digest_id, queue_some, why, give_up=give_up, now=now)


def _delivery(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.id,
        "address": row.address,
        "name": row.name,
        "language": row.language,
        "state": ledger.standing(row.state, row.tries).value,
        "tries": row.tries,
        "due_at": row.due_at,
        "settled_at": row.settled_at,
        "reply_code": row.reply_code,
        "reply": row.reply_text,
        "reason": row.reason,
        "route": row.route,
    }
