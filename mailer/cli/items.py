"""`mailer item`: pieces of meeting news, each from a Markdown file with front matter."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlmodel import Session

from mailer import media
from mailer.cli import printing, reading
from mailer.cli.options import AsJson, ItemId
from mailer.cli.printing import out, talk
from mailer.digests import documents, front_matter, items, pictures
from mailer.digests.documents import StoredDocument
from mailer.digests.front_matter import Draft
from mailer.digests.items import Written
from mailer.digests.pictures import StoredPicture
from mailer.links import Links

if TYPE_CHECKING:
    from mailer.app import App

app = typer.Typer()

COLUMNS = ("id", "title", "starts", "place", "topic", "language", "version")

Default = Annotated[
    str | None,
    typer.Option("--language", metavar="CODE", help="Language of files that name none."),
]


@app.command()
def add(
    ctx: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Markdown files, one item each.")
    ],
    language: Default = None,
    translates: Annotated[
        int | None,
        typer.Option("--translates", metavar="ID", help="The item this is a translation of."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep new items and print their ids, in the order of the files.

    All files are read before any is kept: if one is wrong, none is.
    """
    spoken = reading.language_of(language or "en", "--language")
    drafts = [front_matter.read(path, language=spoken) for path in files]
    with ctx.obj.open() as opened:
        _host(opened, drafts)
        with opened.database.writing() as session:
            now = opened.clock.now()
            ids = [items.add(session, draft, now=now, translates=translates) for draft in drafts]
    if as_json:
        printing.as_json(ids)
    else:
        out("\n".join(map(str, ids)))


@app.command()
def edit(
    ctx: typer.Context,
    item_id: ItemId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The item as it is to read now.")],
) -> None:
    """Give an item new words; digests that went out keep theirs."""
    with ctx.obj.open() as opened:
        spoken = opened.database.read(items.get, item_id).item.language
        # Read before the database is written to: a picture takes its time.
        draft = front_matter.read(file, language=spoken)
        _host(opened, [draft])
        number = opened.database.write(items.edit, item_id, draft, now=opened.clock.now())
    talk(f"item {item_id} is now in version {number}")


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show all items, newest first."""
    with ctx.obj.open() as opened:
        found = [_record(one) for one in opened.database.read(items.every)]
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, *COLUMNS)


@app.command()
def show(ctx: typer.Context, item_id: ItemId, as_json: AsJson = False) -> None:
    """Show one item with its text, its picture and its documents."""
    with ctx.obj.open() as opened:
        found = opened.database.read(_whole, opened.links, item_id)
    if as_json:
        printing.as_json(found)
        return
    body = found.pop("body")
    picture = found.pop("picture") or {}
    found |= {f"picture_{name}": picture[name] for name in ("alt", "caption", "credit") if picture}
    if picture:
        found |= {f"picture_{size}": _line_of(picture[size]) for size in ("small", "large")}
    shown = found.pop("documents")
    printing.card(found)
    if shown:
        printing.text("")
        printing.table(shown, "title", "kind", "size", "url")
    printing.text(body)


def _host(opened: "App", drafts: Iterable[Draft]) -> None:
    """Put in what items bring along one by one: all at once, it would hold up who else writes."""
    now = opened.clock.now()
    for draft in drafts:
        if draft.picture:
            opened.database.write(pictures.keep, draft.picture, now=now)
        for document in draft.documents:
            opened.database.write(documents.keep, document, now=now)


def _whole(session: Session, links: Links, item_id: int) -> dict[str, Any]:
    written = items.get(session, item_id)
    version = written.version
    return {
        **_record(written),
        "picture": _picture(version.picture, links) if version.picture else None,
        "documents": [_document(StoredDocument.load(one), links) for one in version.documents],
        "body": version.body,
    }


def _picture(column: Mapping[str, Any], links: Links) -> dict[str, Any]:
    stored = StoredPicture.load(column)
    sizes = {"small": stored.small, "large": stored.large}
    hosted = {
        name: {
            "url": links.medium(one.hash, media.extension(one.media_type)),
            "width": one.width,
            "height": one.height,
            "size": one.size,
        }
        for name, one in sizes.items()
    }
    words = {"alt": stored.alt, "caption": stored.caption, "credit": stored.credit}
    return {**words, **hosted}


def _document(stored: StoredDocument, links: Links) -> dict[str, Any]:
    url = stored.link or links.medium(stored.hash, stored.extension, stored.name)
    return {"title": stored.title, "kind": stored.kind, "size": stored.size or None, "url": url}


def _line_of(hosted: Mapping[str, Any]) -> str:
    return "{width} × {height} pixels, {size} bytes: {url}".format_map(hosted)


def _record(written: Written) -> dict[str, Any]:
    """Give an item as JSON has it; its keys are in docs/commands.md."""
    item, version = written.item, written.version
    return {
        "id": written.id,
        "title": version.title,
        "starts": version.starts,
        "ends": version.ends,
        "timezone": version.timezone,
        "place": version.place,
        "topic": version.topic,
        "organiser": version.organiser,
        "link": version.link,
        "language": item.language,
        # Translations of one piece of news have the same group.
        "group": item.group_id,
        "version": version.number,
        "created_at": item.created_at,
        "changed_at": version.created_at,
    }
