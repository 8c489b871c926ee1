"""`mailer digest`, up to its queueing: draft, words, list, show, preview, test."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from mailer import delivery, history, lists
from mailer.cli import printing, reading
from mailer.cli.options import AnAddress, AsJson, DigestId, OfList, Slug
from mailer.cli.printing import out, talk
from mailer.db.schema import Digest
from mailer.digests import life
from mailer.digests.items import Written
from mailer.lists import Card

app = typer.Typer()

COLUMNS = ("id", "list", "number", "date", "state", "subject", "due_at")

Subject = Annotated[str, typer.Option("--subject", metavar="TEXT", help="Subject of the mail.")]
Introduction = Annotated[
    str | None,
    typer.Option(
        "--introduction", metavar="FILE", help="Markdown above the items; “-” is standard input."
    ),
]


@app.command()
def draft(
    ctx: typer.Context,
    slug: Slug,
    *,
    subject: Subject,
    item_ids: Annotated[
        list[int] | None,
        typer.Option("--item", metavar="ID", help="An item, in this order; repeat for more."),
    ] = None,
    new_items: Annotated[
        bool,
        typer.Option("--new-items", help="All items that were in no digest of this list yet."),
    ] = False,
    introduction: Introduction = None,
    layout: Annotated[
        str | None,
        typer.Option("--layout", "--template", metavar="NAME", help="Looks, if not the list's."),
    ] = None,
    date: Annotated[
        str | None, typer.Option("--date", metavar="DATE", help="Its date, if not today.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a draft with the next number of its list, and print its id.

    Without items it is a plain announcement: its introduction alone.
    """
    wish = life.Wish(
        slug=slug,
        subject=reading.line_of(subject, "--subject"),
        introduction="" if introduction is None else reading.text_of(introduction),
        item_ids=tuple(item_ids or ()),
        new_items=new_items,
        layout=layout,
        dated_on=reading.given(reading.day_of, date, "--date"),
    )
    with ctx.obj.open() as opened:
        reading.check_layout(opened, layout)
        digest_id = opened.database.write(life.draft, wish, now=opened.clock.now())
        digest = opened.database.read(life.get, digest_id)
    if as_json:
        printing.as_json({"id": digest_id, "list": slug, "number": digest.number})
    else:
        out(str(digest_id))


@app.command()
def text(
    ctx: typer.Context,
    digest_id: DigestId,
    language: Annotated[
        str, typer.Option("--language", metavar="CODE", help="Language of these words.")
    ],
    subject: Subject,
    introduction: Introduction = None,
) -> None:
    """Set a draft's subject and introduction in one language; a scheduled one is a draft again.

    Without --introduction the one it has in this language stays.
    """
    spoken = reading.language_of(language, "--language")
    title = reading.line_of(subject, "--subject")
    words = None if introduction is None else reading.text_of(introduction)
    with ctx.obj.open() as opened, opened.database.writing() as session:
        before = life.texts(session, digest_id).get(spoken)
        if words is None:
            words = before.introduction if before else ""
        life.write(session, digest_id, spoken, title, words)
        listed = lists.card(session, life.get(session, digest_id).list_id).list
    talk(f"digest {digest_id} has its words in {spoken}")
    if spoken not in listed.languages:
        more = f"“mailer list edit {listed.slug} --languages …” adds it"
        talk(f"warning: the list is not in {spoken}, so nobody gets them; {more}")


@app.command("list")
def list_(ctx: typer.Context, only: OfList = None, as_json: AsJson = False) -> None:
    """Show all digests, newest first."""
    with ctx.obj.open() as opened:
        found = opened.database.read(_records, only)
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, *COLUMNS)


@app.command()
def show(ctx: typer.Context, digest_id: DigestId, as_json: AsJson = False) -> None:
    """Show a digest: its words, its items in order, and what happened to it."""
    with ctx.obj.open() as opened:
        found = opened.database.read(_whole, digest_id)
    if as_json:
        printing.as_json(found)
        return
    texts, chosen, past = found.pop("texts"), found.pop("items"), found.pop("history")
    printing.card(found)
    for language, words in texts.items():
        printing.text(f"[{language}] {words['subject']}\n{words['introduction']}")
    printing.text("items" if chosen else "no items: an announcement")
    if chosen:
        printing.table(chosen, "position", "id", "section", "title", "language")
    printing.text("history")
    printing.table(past, "at", "kind", "by")


@app.command()
def preview(
    ctx: typer.Context,
    digest_id: DigestId,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files.")],
    as_: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="ADDRESS", help="The subscriber who would get it; without, nobody."
        ),
    ] = None,
) -> None:
    """Write a digest as one subscriber would get it, and print the names of the files.

    The files are subject.txt, body.html, body.txt and message.eml.
    """
    who = reading.given(reading.address_of, as_, "--as")
    with ctx.obj.open() as opened, opened.database.reading() as session:
        address = who.mailbox if who else None
        seen = delivery.preview(session, opened.press, digest_id, address, now=opened.clock.now())
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "subject.txt": f"{seen.subject}\n".encode(),
        "body.html": seen.html.encode(),
        "body.txt": seen.text.encode(),
        "message.eml": seen.raw,
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
        out(str(folder / name))
    warn(seen.warnings)


@app.command("test")
def post_test(
    ctx: typer.Context,
    digest_id: DigestId,
    address: AnAddress,
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="CODE", help="Language, if not the list's first."),
    ] = None,
) -> None:
    """Post a digest as a test letter to one address, who need not be a subscriber."""
    to = reading.address_of(address, "ADDRESS")
    spoken = reading.given(reading.language_of, language, "--language")
    with ctx.obj.open() as opened:
        press, now = opened.press, opened.clock.now()
        opened.database.read(press.render_test_ahead, digest_id, spoken)
        opened.database.write(delivery.post_test, press, digest_id, to, now=now, language=spoken)
    talk(f"a test letter to {to.mailbox} is posted; “mailer serve” or a worker sends it")


def warn(warnings: tuple[str, ...]) -> None:
    """Say what an editor should know before a digest goes."""
    for warning in warnings:
        talk(f"warning: {warning}")


def record(session: Session, digest: Digest, card: Card) -> dict[str, Any]:
    """Give a digest as JSON has it; its keys are in docs/commands.md."""
    assert digest.id is not None
    words = life.texts(session, digest.id)
    first = words.get(card.list.language) or next(iter(words.values()), None)
    return {
        "id": digest.id,
        "list": card.list.slug,
        "number": digest.number,
        "date": digest.dated_on,
        "state": digest.state.value,
        "subject": first.subject if first else "",
        "template": digest.layout,
        "reason": digest.reason,
        "local_time": digest.local_time,
        "timezone": digest.timezone,
        "due_at": digest.due_at,
        "created_at": digest.created_at,
        "queued_at": digest.queued_at,
        "sent_at": digest.sent_at,
    }


def _records(session: Session, only: str | None) -> list[dict[str, Any]]:
    wanted = None if only is None else lists.get(session, only).id
    digests = [one for one in life.every(session) if wanted in {None, one.list_id}]
    cards = {list_id: lists.card(session, list_id) for list_id in {d.list_id for d in digests}}
    return [record(session, one, cards[one.list_id]) for one in digests]


def _whole(session: Session, digest_id: int) -> dict[str, Any]:
    digest = life.get(session, digest_id)
    words = life.texts(session, digest_id)
    chosen = life.contents(session, digest_id)
    return {
        **record(session, digest, lists.card(session, digest.list_id)),
        "texts": {
            one.language: {"subject": one.subject, "introduction": one.introduction}
            for one in words.values()
        },
        "items": [_item(row.position, row.section, written) for row, written in chosen],
        "history": [
            {"at": event.at, "kind": event.kind, "by": event.actor.value, "details": event.details}
            for event in history.of_digest(session, digest_id)
        ],
    }


def _item(position: int, section: str, written: Written) -> dict[str, Any]:
    return {
        "position": position + 1,
        "id": written.id,
        "section": section,
        "title": written.version.title,
        "language": written.item.language,
    }
