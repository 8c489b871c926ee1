"""`mailer suppression`: addresses that must not be mailed, everywhere or on one list."""

from typing import Annotated, Any

import typer
from sqlmodel import Session

from mailer import lists, subscribers
from mailer.cli import printing, reading
from mailer.cli.options import AnAddress, AsJson, OfList
from mailer.cli.printing import talk
from mailer.db.schema import Suppression, SuppressionReason
from mailer.errors import NotFound

app = typer.Typer()

COLUMNS = ("address", "list", "reason", "since", "note")


@app.command("list")
def list_(ctx: typer.Context, only: OfList = None, as_json: AsJson = False) -> None:
    """Show the addresses that must not be mailed, newest first."""
    with ctx.obj.open() as opened, opened.database.reading() as session:
        wanted = None if only is None else _scope(session, only)
        rows = [row for row in subscribers.suppressions(session) if wanted in {None, row.list_id}]
        found = [_record(session, row) for row in rows]
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, *COLUMNS)


@app.command()
def add(
    ctx: typer.Context,
    address: AnAddress,
    only: OfList = None,
    reason: Annotated[
        SuppressionReason, typer.Option("--reason", help="Why it must not be mailed.")
    ] = SuppressionReason.EDITOR,
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="What the next editor should know.")
    ] = "",
) -> None:
    """Let nothing go to an address any more, on one list or at all."""
    asked = reading.address_of(address, "ADDRESS")
    remark = reading.line_of(note, "--note")
    with ctx.obj.open() as opened, opened.database.writing() as session:
        fresh = subscribers.suppress(
            session,
            asked.key,
            reason,
            now=opened.clock.now(),
            list_id=_scope(session, only),
            ground=subscribers.Ground(note=remark),
        )
    talk(f"{asked.key} {'is' if fresh else 'was already'} suppressed")


@app.command()
def remove(ctx: typer.Context, address: AnAddress, only: OfList = None) -> None:
    """Let an address be mailed again: on one list, or without --list in every respect."""
    asked = reading.address_of(address, "ADDRESS")
    with ctx.obj.open() as opened, opened.database.writing() as session:
        if only is None:
            count = subscribers.lift(session, asked.key)
        else:
            count = subscribers.lift_one(session, asked.key, _scope(session, only))
        if not count:
            raise NotFound("suppression of", asked.key, "“mailer suppression list” shows them all")
    talk(f"{asked.key} may be mailed again")


def _scope(session: Session, slug: str | None) -> int:
    if slug is None:
        return subscribers.EVERYWHERE
    list_id = lists.get(session, slug).id
    assert list_id is not None
    return list_id


def _record(session: Session, row: Suppression) -> dict[str, Any]:
    """Give a suppression as JSON has it; its keys are in docs/commands.md."""
    on_one = row.list_id != subscribers.EVERYWHERE
    return {
        "address": row.key,
        "list": lists.card(session, row.list_id).list.slug if on_one else None,
        "reason": row.reason.value,
        "since": row.created_at,
        "note": row.note,
        "delivery": row.delivery_id,
    }
