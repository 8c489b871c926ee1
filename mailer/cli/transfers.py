"""`mailer subscriber import` and `export`: many people at once, from and to a file."""

import csv
import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from mailer import lists, sheets, subscribers
from mailer.cli import printing, reading
from mailer.cli.endings import FAILED, OK
from mailer.cli.options import AsJson, Slug
from mailer.cli.printing import talk
from mailer.cli.subscribers import Basis, Confirmed, basis_of
from mailer.cli.writing import new_file
from mailer.errors import TooLarge, UsageError
from mailer.subscribers import Import, Left, Reading, Report, Watch

app = typer.Typer()

BLOCK = 1024 * 1024
MOST_SAID = 100
"""Rows that stayed out which are named on the screen; `--errors` has them all."""

STDIN_NAME = "standard input"
PASTED_NAME = "what was pasted"
BYTE_ORDER_MARK = "\ufeff"


@app.command("import")
def take(
    ctx: typer.Context,
    slug: Slug,
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="CSV, .xlsx, a zip of CSV; “-” is standard input."),
    ] = None,
    *,
    paste: Annotated[
        str | None,
        typer.Option("--paste", metavar="TEXT", help="Instead of a file: “Ana <ana@…>; …”."),
    ] = None,
    confirmed: Confirmed = False,
    basis: Basis = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report all of it, and change nothing.")
    ] = False,
    errors: Annotated[
        Path | None,
        typer.Option("--errors", metavar="FILE.csv", help="Write the rows that stay out there."),
    ] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="FIELD=COLUMN", help="Which column is what: address=“Work mail”."
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="PROGRAM", help="listmonk, mailman3, phplist or mailchimp wrote it."
        ),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="If the guess is wrong.")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="Which sheet of a workbook.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Put the people of a file on a list; each row that stays out says why.

    Ends with 1 when no row was any good, else with 0.
    """
    stated = basis_of(basis, confirmed=confirmed)
    with ctx.obj.open() as opened:
        listed = opened.database.read(lists.get, slug)
        wanted = Import(listed.id, listed.language, basis=stated, dry_run=dry_run)
        known = sheets.Wanted(encoding=encoding, sheet=sheet)
        said = _maps(maps or [])
        with _source(path, paste, known) as (name, found, mark):
            people = subscribers.understand(
                name, found, said=said, origin=subscribers.origin(origin), mark=mark
            )
            _tell_how(people)
            with (
                printing.progress("importing", quiet=as_json) as moved,
                _told(people, errors) as stayed_out,
            ):
                report = subscribers.take(
                    opened.database,
                    people,
                    wanted,
                    opened.rules,
                    now=opened.clock.now,
                    watch=Watch(moved, stayed_out),
                )
    if as_json:
        printing.as_json(_record(people, report))
    else:
        _show(report, dry_run=dry_run)
    if dry_run:
        talk("a dry run: nothing was changed")
    elif report.batch is not None:
        talk(f"“mailer subscriber undo {report.batch}” takes this back")
    return FAILED if report.rows and report.bad == report.rows else OK


@app.command()
def export(
    ctx: typer.Context,
    slug: Slug,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write there, not to stdout.")
    ] = None,
    with_mark: Annotated[
        bool,
        typer.Option("--bom", help="Begin with a byte-order mark, as Excel wants for UTF-8."),
    ] = False,
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
            if with_mark:
                file.write(BYTE_ORDER_MARK)
            table = csv.writer(file, lineterminator="\n")
            table.writerows(subscribers.export_rows(session, listed.id))


# ------------------------------------------------------------------------- where people come from


@contextmanager
def _source(
    path: Path | None, paste: str | None, wanted: sheets.Wanted
) -> Iterator[tuple[str, list[sheets.Sheet], str]]:
    """Give the tables to read, what a batch of them is called, and a mark that tells them apart."""
    if (path is None) == (paste is None):
        raise UsageError("name one FILE, or “-” for standard input, or give --paste TEXT")
    if paste is not None:
        pasted = sheets.pasted(paste, wanted, name=PASTED_NAME)
        yield PASTED_NAME, [pasted], hashlib.sha256(paste.encode()).hexdigest()
    elif str(path) == reading.STDIN:
        with tempfile.NamedTemporaryFile(prefix="mailer-import-") as spooled:
            _spool(spooled.write, wanted.limits.file_bytes)
            spooled.flush()
            there = Path(spooled.name)
            yield STDIN_NAME, sheets.opened(there, wanted, name=STDIN_NAME), _mark(there)
    elif path is not None:
        yield path.name, sheets.opened(path, wanted), _mark(path)


def _spool(write: Callable[[bytes], Any], most: int) -> None:
    """Keep what comes in, for it is read twice."""
    total = 0
    while block := sys.stdin.buffer.read(BLOCK):
        total += len(block)
        if total > most:
            raise TooLarge(f"{STDIN_NAME}: larger than {most:,} bytes; part it")
        write(block)


def _mark(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _maps(texts: list[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        field, equals, column = text.partition("=")
        field = "address" if field.strip() == "email" else field.strip()
        if not equals or field not in subscribers.FIELDS:
            raise UsageError(
                f"--map: “{text[:60]}” is not FIELD=COLUMN; "
                f"fields are {', '.join(subscribers.FIELDS)}"
            )
        found[field] = column.strip()
    return found


# ------------------------------------------------------------------------- what is said of it


@contextmanager
def _told(people: Reading, errors: Path | None) -> Iterator[Callable[[Left], None]]:
    """Give what tells of a row that stays out: on the screen, and in the file if any."""
    said = 0
    with new_file(errors) if errors else nullcontext() as file:
        write = subscribers.writer_of_stayed_out(file, people) if file else None

        def tell(left: Left) -> None:
            nonlocal said
            said += 1
            if said <= MOST_SAID:
                who = f" {left.email}:" if left.email else ""
                talk(f"{left.source}:{left.line}:{who} {left.why}")
            if write:
                write(left)

        try:
            yield tell
        finally:
            if errors and not said:
                errors.unlink()  # nobody stayed out: no file that says so of nobody
    if said > MOST_SAID:
        more = f"and {said - MOST_SAID:,} rows more that stay out"
        talk(more if errors else f"{more}; “--errors FILE.csv” takes all of them")
    if errors and said:
        talk(f"the rows that stay out are in {errors}: mend them there and import that file")


def _tell_how(people: Reading) -> None:
    for sheet, columns in zip(people.sheets, people.columns, strict=True):
        fields = ", ".join(f"{field} from “{name}”" for field, name in columns.understood.items())
        talk(f"{sheet.name}: {sheet.taken_for}; {fields}")
        if columns.left_aside and not columns.bare:
            aside = ", ".join(columns.left_aside)
            talk(f"{sheet.name}: these columns were left aside: {aside}")
    if people.origin:
        talk(f"taken for an export of {people.origin}: who left or bounced there stays out here")


def _show(report: Report, *, dry_run: bool) -> None:
    if dry_run and report.first:
        printing.table(_first(report), "line", "address", "name", "organisation", "country")
        printing.out("")
    printing.card(report.counts)


def _first(report: Report) -> list[dict[str, Any]]:
    return [
        {
            "line": row.line,
            "address": row.to.mailbox,
            "name": row.name,
            "language": row.language,
            "organisation": row.organisation,
            "country": row.country,
        }
        for row in report.first
    ]


def _record(people: Reading, report: Report) -> dict[str, Any]:
    """Give an import as JSON has it; its keys are in docs/commands.md."""
    return {
        **report.counts,
        "batch": report.batch,
        "origin": people.origin,
        "columns": [one.understood for one in people.columns],
        "ignored_columns": list(people.left_aside),
        "first": _first(report),
        "stayed_out": [
            {"file": one.source, "line": one.line, "email": one.email, "why": one.why}
            for one in report.stayed_out
        ],
    }
