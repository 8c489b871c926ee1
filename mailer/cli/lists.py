"""`mailer list`: lists, their words, and the senders behind them."""

from dataclasses import replace
from typing import Annotated, Any

import typer
from sqlmodel import Session

from mailer import lists, subscribers
from mailer.accent import shades
from mailer.app import App
from mailer.cli import printing, reading
from mailer.cli.options import AsJson, Slug
from mailer.cli.printing import talk
from mailer.db.schema import OptIn, Visibility
from mailer.errors import UsageError
from mailer.lists import Card, Edit, NewList, Words

app = typer.Typer()

COLUMNS = ("slug", "name", "from", "language", "timezone", "visibility", "confirmed")
NO_ACCENT = "none"
"""What gives a list the colour of the house again."""

ReplyTo = Annotated[
    str | None, typer.Option("--reply-to", metavar="ADDRESS", help="Where answers go.")
]
SenderName = Annotated[
    str | None,
    typer.Option("--sender-name", metavar="NAME", help="Name beside the From address."),
]
Postal = Annotated[
    str | None,
    typer.Option("--postal-address", metavar="TEXT", help="Stands in the foot of each mail."),
]
Description = Annotated[
    str | None,
    typer.Option("--description", metavar="TEXT", help="What the list brings, for its page."),
]
Language = Annotated[
    str | None, typer.Option("--language", metavar="CODE", help="First language: en, ja, pt-BR.")
]
Languages = Annotated[
    str | None,
    typer.Option("--languages", metavar="CODES", help="Further languages, as in ja,fr."),
]
Zone = Annotated[
    str | None,
    typer.Option("--timezone", metavar="ZONE", help="Its clock, such as Europe/Brussels."),
]
Route = Annotated[
    str | None, typer.Option("--route", metavar="NAME", help="Way out; [smtp] is “smtp”.")
]
Seen = Annotated[Visibility | None, typer.Option("--visibility", help="Who finds the list.")]
Policy = Annotated[
    OptIn | None, typer.Option("--opt-in", help="Whether readers confirm by a letter first.")
]


@app.command()
def add(
    ctx: typer.Context,
    slug: Annotated[
        str, typer.Argument(metavar="SLUG", help="Its word in web addresses: meeting-news.")
    ],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What readers call it.")],
    sender: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="Address its mail comes from.")
    ],
    reply_to: ReplyTo = None,
    sender_name: SenderName = None,
    postal_address: Postal = None,
    description: Description = None,
    language: Language = None,
    languages: Languages = None,
    timezone: Zone = None,
    route: Route = None,
    visibility: Seen = None,
    opt_in: Policy = None,
) -> None:
    """Make a list, and the sender its mail is from."""
    given: dict[str, Any] = {
        "reply_to": reading.given(reading.address_of, reply_to, "--reply-to"),
        "sender_name": sender_name,
        "postal_address": postal_address,
        "description": description,
        "language": language,
        "languages": _codes(languages),
        "zone": timezone,
        "route": route,
        "visibility": visibility,
        "opt_in": opt_in,
    }
    chosen = {key: value for key, value in given.items() if value is not None}
    new = NewList(slug, name, reading.address_of(sender, "--from"), **chosen)
    with ctx.obj.open() as opened:
        reading.check_route(opened, new.route)
        page = opened.links.list_page(slug)
        opened.database.write(lists.create, new, now=opened.clock.now())
    talk(f"list “{slug}” stands; readers find it at {page}")


@app.command()
def edit(
    ctx: typer.Context,
    slug: Slug,
    *,
    new_slug: Annotated[
        str | None,
        typer.Option("--slug", metavar="SLUG", help="A new word; the old one still leads here."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What readers call it.")
    ] = None,
    description: Description = None,
    welcome: Annotated[
        str | None, typer.Option("--welcome", metavar="TEXT", help="Words of the welcome letter.")
    ] = None,
    words_in: Annotated[
        str | None,
        typer.Option(
            "--in",
            metavar="CODE",
            help="Language of --name, --description and --welcome, if not the first.",
        ),
    ] = None,
    sender: Annotated[
        str | None, typer.Option("--from", metavar="ADDRESS", help="Address its mail comes from.")
    ] = None,
    reply_to: ReplyTo = None,
    sender_name: SenderName = None,
    postal_address: Postal = None,
    language: Language = None,
    languages: Languages = None,
    timezone: Zone = None,
    route: Route = None,
    visibility: Seen = None,
    opt_in: Policy = None,
    layout: Annotated[
        str | None,
        typer.Option(
            "--layout", "--template", metavar="NAME", help="Looks of its next digests: letterhead."
        ),
    ] = None,
    accent: Annotated[
        str | None,
        typer.Option("--accent", metavar="COLOUR", help="Its colour, as in #0b5a63; or “none”."),
    ] = None,
) -> None:
    """Change a list: what is not named stays as it is."""
    words = (name, description, welcome)
    changes = Edit(
        slug=new_slug,
        sender=reading.given(reading.address_of, sender, "--from"),
        reply_to=reading.given(reading.address_of, reply_to, "--reply-to"),
        sender_name=sender_name,
        postal_address=postal_address,
        route=route,
        zone=timezone,
        language=language,
        languages=_codes(languages),
        visibility=visibility,
        opt_in=opt_in,
        layout=layout,
        accent="" if accent == NO_ACCENT else reading.given(reading.colour_of, accent, "--accent"),
    )
    if changes == Edit() and not any(word is not None for word in words):
        raise UsageError("nothing to change was named; “mailer list edit --help” shows what can be")
    with ctx.obj.open() as opened:
        reading.check_route(opened, route)
        reading.check_layout(opened, layout)
        opened.database.write(_edit, slug, changes, words, words_in, opened)
    talk(f"list “{new_slug or slug}” is changed")
    for remark in shades(changes.accent).remarks() if changes.accent else ():
        talk(remark)


@app.command()
def show(
    ctx: typer.Context,
    slug: Annotated[
        str | None, typer.Argument(metavar="LIST", help="One list; without it, all of them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one list as a whole, or all lists in a table."""
    with ctx.obj.open() as opened:
        found = opened.database.read(_shown, slug, opened)
    if as_json:
        printing.as_json(found)
    elif isinstance(found, list):
        printing.table(found, *COLUMNS)
    else:
        printing.card({**found, "texts": list(found["texts"])})


def _edit(
    session: Session,
    slug: str,
    changes: Edit,
    words: tuple[str | None, ...],
    words_in: str | None,
    opened: App,
) -> None:
    found = lists.get(session, slug)
    if any(word is not None for word in words):
        spoken = words_in or changes.language or found.language
        changes = replace(changes, texts=(Words(spoken, *words),))
    lists.edit(session, slug, changes, now=opened.clock.now())


def _shown(session: Session, slug: str | None, opened: App) -> Any:
    if slug is None:
        return [_record(session, card, opened) for card in lists.cards(session)]
    found = lists.get(session, slug)
    assert found.id is not None
    return _record(session, lists.card(session, found.id), opened)


def _record(session: Session, card: Card, opened: App) -> dict[str, Any]:
    """Give a list as JSON has it; its keys are in docs/commands.md."""
    row, sender = card.list, card.sender
    return {
        "slug": row.slug,
        "name": card.words.name,
        "list_id": row.identifier,
        "from": sender.address,
        "reply_to": sender.reply_to,
        "sender_name": sender.name,
        "postal_address": sender.postal_address,
        "route": sender.route,
        "language": row.language,
        "languages": list(row.languages),
        "timezone": row.timezone,
        "visibility": row.visibility.value,
        "opt_in": row.opt_in.value,
        "template": row.layout,
        "accent": row.accent,
        "last_number": row.last_number,
        "confirmed": subscribers.size(session, card.id),
        "page": opened.links.list_page(row.slug),
        "texts": _texts(session, card),
    }


def _texts(session: Session, card: Card) -> dict[str, dict[str, str]]:
    spoken = (lists.words_of(session, card.list, code) for code in card.list.languages)
    return {
        text.language: {
            "name": text.name,
            "description": text.description,
            "welcome": text.welcome,
        }
        for text in spoken
    }


def _codes(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return tuple(code.strip() for code in text.split(",") if code.strip())
