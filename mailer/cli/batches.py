"""`mailer subscriber batches` and `undo`: what imports brought, and how it is taken back."""

from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlmodel import Session

from mailer import lists, subscribers
from mailer.cli import printing
from mailer.cli.options import AsJson
from mailer.cli.printing import talk
from mailer.db.schema import ImportBatch

app = typer.Typer()

COLUMNS = ("id", "list", "name", "kind", "state", "confirmed", "asked", "started_at")


@app.command()
def batches(
    ctx: typer.Context,
    slug: Annotated[
        str | None, typer.Argument(metavar="[LIST]", help="Only of this list, by its slug.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the imports there were, newest first."""
    with ctx.obj.open() as opened:
        found = opened.database.read(_records, slug)
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, *COLUMNS)


@app.command()
def undo(
    ctx: typer.Context,
    batch: Annotated[int, typer.Argument(metavar="BATCH", help="The import, by its id.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report all of it, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take an import back: what it brought and nobody has touched since, and nothing else."""
    with ctx.obj.open() as opened, printing.progress("undoing", quiet=as_json) as moved:
        undone = subscribers.undo(
            opened.database, batch, now=opened.clock.now(), dry_run=dry_run, progress=moved
        )
    if as_json:
        printing.as_json(asdict(undone))
    else:
        printing.card(asdict(undone))
    if dry_run:
        talk("a dry run: nothing was changed")
    elif undone.kept:
        talk(f"{undone.kept} stay: they have confirmed, chosen or left by themselves since")


def _records(session: Session, slug: str | None) -> list[dict[str, Any]]:
    only = None if slug is None else lists.get(session, slug).id
    found = subscribers.every_batch(session, only)
    slugs = {one: lists.card(session, one).list.slug for one in {row.list_id for row in found}}
    return [_record(one, slugs[one.list_id]) for one in found]


def _record(batch: ImportBatch, slug: str) -> dict[str, Any]:
    """Give a batch as JSON has it; its keys are in docs/commands.md."""
    counts = {name: count for name, count in batch.counts.items() if name != "mark"}
    return {
        "id": batch.id,
        "list": slug,
        "name": batch.name,
        "kind": batch.kind,
        "basis": batch.basis,
        "state": _state(batch),
        "started_at": batch.started_at,
        "ended_at": batch.ended_at,
        "undone_at": batch.undone_at,
        "confirmed": 0,
        "asked": 0,
        **counts,
    }


def _state(batch: ImportBatch) -> str:
    if batch.undone_at is not None:
        return "undone"
    return "unfinished" if batch.ended_at is None else "done"
