"""`mailer subscriber import` and `export`: many people at once, from and to a CSV file."""

import csv
import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mailer import lists, subscribers
from mailer.cli import printing
from mailer.cli.endings import FAILED, OK
from mailer.cli.options import AsJson, Slug
from mailer.cli.printing import talk
from mailer.cli.subscribers import Basis, Confirmed, basis_of
from mailer.cli.writing import new_file
from mailer.subscribers import Import, Left, Report

app = typer.Typer()


@app.command("import")
def take(
    ctx: typer.Context,
    slug: Slug,
    path: Annotated[Path, typer.Argument(metavar="FILE.csv", help="First line: column names.")],
    *,
    confirmed: Confirmed = False,
    basis: Basis = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report all of it, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Put the people of a CSV file on a list; each row that stays out says why.

    Ends with 1 when no row was any good, else with 0.
    """
    stated = basis_of(basis, confirmed=confirmed)
    with ctx.obj.open() as opened:
        listed = opened.database.read(lists.get, slug)
        wanted = Import(listed.id, listed.language, basis=stated, dry_run=dry_run)
        with printing.progress("importing", quiet=as_json) as moved:
            report = subscribers.import_file(
                opened.database, path, wanted, opened.rules, now=opened.clock.now, progress=moved
            )
    _tell(report, path, dry_run=dry_run)
    if as_json:
        printing.as_json(asdict(report))
    else:
        printing.card(_sums(report))
    return FAILED if report.rows and len(report.bad) == report.rows else OK


@app.command()
def export(
    ctx: typer.Context,
    slug: Slug,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write there, not to stdout.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give a list's subscribers as CSV, in the columns that import reads, and more."""
    with ctx.obj.open() as opened, opened.database.reading() as session:
        listed = lists.get(session, slug)
        assert listed.id is not None
        if as_json:
            head, *rows = subscribers.members(session, listed.id)
            printing.as_json([dict(zip(head, row, strict=True)) for row in rows])
            return
        with new_file(out) if out else nullcontext(sys.stdout) as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerows(subscribers.export_rows(session, listed.id))


def _tell(report: Report, path: Path, *, dry_run: bool) -> None:
    if report.ignored_columns:
        talk(f"{path}:1: these columns were left aside: {', '.join(report.ignored_columns)}")
    for row in sorted([*report.bad, *report.skipped], key=lambda row: row.line):
        talk(_said(row, path))
    if dry_run:
        talk("a dry run: nothing was changed")


def _said(row: Left, path: Path) -> str:
    who = f" {row.email}:" if row.email else ""
    return f"{path}:{row.line}:{who} {row.why}"


def _sums(report: Report) -> dict[str, int]:
    return {
        "rows": report.rows,
        "confirmed": report.confirmed,
        "asked": report.asked,
        "already": report.already,
        "skipped": len(report.skipped),
        "bad": len(report.bad),
    }
