"""`mailer archive`: back numbers, which went out before we did it, among what went out since."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from mailer import lists
from mailer.cli import printing, reading
from mailer.cli.options import AsJson, OfList, Slug
from mailer.cli.printing import out, talk
from mailer.db.schema import Visibility
from mailer.digests import back_numbers, papers
from mailer.digests.back_numbers import Heading, Shelved
from mailer.links import Links

app = typer.Typer()

COLUMNS = ("id", "list", "number", "date", "title", "kind", "language", "file")

BackNumberId = Annotated[int, typer.Argument(metavar="ID", help="The back number, by its id.")]


@app.command()
def add(
    ctx: typer.Context,
    slug: Slug,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A PDF or an HTML file.")],
    *,
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Its title.")],
    dated_on: Annotated[
        str, typer.Option("--dated-on", metavar="DATE", help="The day that it bears.")
    ],
    number: Annotated[
        str, typer.Option("--number", metavar="TEXT", help="What it was called: 12, 2019/3.")
    ] = "",
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="CODE", help="Its language, if not the list's first."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a file into the archive of a list, and print its id.

    Its words are read to be found by; a PDF whose words cannot be read is put in all the same.
    """
    said = reading.line_of(title, "--title")
    day = reading.day_of(dated_on, "--dated-on")
    name = reading.line_of(number, "--number")
    spoken = reading.given(reading.language_of, language, "--language")
    paper = papers.read(file)
    with ctx.obj.open() as opened, opened.database.writing() as session:
        found = lists.get(session, slug)
        heading = Heading(said, day, spoken or found.language, name)
        made = back_numbers.add(session, found, heading, paper, now=opened.clock.now())
    if paper.trouble:
        talk(f"its words cannot be found: {paper.trouble}; it is found by its title")
    if found.visibility is Visibility.PRIVATE:
        talk(f"“{found.slug}” is private: nobody sees its archive")
    if as_json:
        printing.as_json({"id": made, "words_read": not paper.trouble, "trouble": paper.trouble})
    else:
        out(str(made))


@app.command("list")
def list_(ctx: typer.Context, only: OfList = None, as_json: AsJson = False) -> None:
    """Show all back numbers, newest first."""
    with ctx.obj.open() as opened:
        found = opened.database.read(_records, opened.links, only)
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, *COLUMNS)


@app.command()
def show(ctx: typer.Context, back_number_id: BackNumberId, as_json: AsJson = False) -> None:
    """Show a back number, and where readers find it."""
    with ctx.obj.open() as opened, opened.database.reading() as session:
        found = _record(session, opened.links, back_numbers.get(session, back_number_id))
    if as_json:
        printing.as_json(found)
    else:
        printing.card(found)


@app.command()
def remove(ctx: typer.Context, back_number_id: BackNumberId) -> None:
    """Take a back number out of the archive."""
    with ctx.obj.open() as opened:
        opened.database.write(back_numbers.remove, back_number_id, now=opened.clock.now())
    talk(f"back number {back_number_id} is no longer in the archive")


def _records(session: Session, links: Links, only: str | None) -> list[dict[str, Any]]:
    wanted = None if only is None else lists.get(session, only).id
    return [_record(session, links, one) for one in back_numbers.every(session, wanted)]


def _record(session: Session, links: Links, one: Shelved) -> dict[str, Any]:
    found = lists.by_id(session, one.list_id)
    is_open = found.visibility is not Visibility.PRIVATE
    return {
        "id": one.id,
        "list": found.slug,
        "number": one.number,
        "date": one.dated_on,
        "title": one.title,
        "language": one.language,
        "kind": one.kind,
        "size": one.size,
        "file": one.file_name,
        "hash": one.hash,
        "page": links.back_number(found.slug, one.id) if is_open else "",
        "created_at": one.created_at,
    }
