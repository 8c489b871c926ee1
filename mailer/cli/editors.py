"""`mailer editor`: who works in the editors' rooms, and the way in for whoever is locked out."""

from typing import Annotated, Any

import typer
from sqlmodel import Session

from mailer import delivery, lists
from mailer.accounts import codes, editors
from mailer.accounts.editors import Newcomer
from mailer.accounts.seats import EVERYWHERE
from mailer.address import Address, parse
from mailer.app import App
from mailer.cli import printing, reading
from mailer.cli.options import AnAddress, AsJson, OfList
from mailer.cli.printing import out, talk
from mailer.db.schema import Editor, Role
from mailer.errors import NotFound
from mailer.history import SYSTEM

app = typer.Typer()

COLUMNS = ("address", "name", "roles", "code", "password")

AnyRole = Annotated[
    Role, typer.Option("--role", help="What they may do; each may do what those before it may.")
]


@app.command()
def invite(
    ctx: typer.Context,
    address: AnAddress,
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Their name.")],
    role: AnyRole = Role.EDITOR,
    slug: OfList = None,
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="CODE", help="Language of the rooms and the letter."),
    ] = None,
) -> None:
    """Make somebody an editor, mail them the link to set a password, and print it."""
    to = reading.address_of(address, "ADDRESS")
    spoken = reading.given(reading.language_of, language, "--language")
    with ctx.obj.open() as opened:
        url = opened.database.write(_invite, opened, to, name, role, slug, spoken)
    talk(f"{to.mailbox} is {role}; the letter is posted, and this link sets a password once:")
    out(url)


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the editors, their roles, and whether signing in takes a code."""
    with ctx.obj.open() as opened:
        found = opened.database.read(_records)
    if as_json:
        printing.as_json(found)
    else:
        shown = [
            {**one, "roles": ", ".join(f"{of}: {role}" for of, role in one["roles"].items())}
            for one in found
        ]
        printing.table(shown, *COLUMNS)


@app.command("role")
def set_role(
    ctx: typer.Context,
    address: AnAddress,
    *,
    role: Annotated[
        Role | None, typer.Option("--role", help="What they may do; without it, the role is taken.")
    ] = None,
    slug: OfList = None,
) -> None:
    """Give an editor a role on every list or on one, in the place of the one they had there."""
    to = reading.address_of(address, "ADDRESS")
    with ctx.obj.open() as opened:
        opened.database.write(_grant, opened, to, role, slug)
    where = f"on “{slug}”" if slug else "on every list"
    talk(f"{to.mailbox} is {role} {where}" if role else f"{to.mailbox} has no role {where} now")


@app.command()
def link(
    ctx: typer.Context,
    address: AnAddress,
    *,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Let the password be enough: the phone is lost.")
    ] = False,
) -> None:
    """Print a link that sets a new password, once and within two hours."""
    to = reading.address_of(address, "ADDRESS")
    with ctx.obj.open() as opened:
        url = opened.database.write(_link, opened, to, no_code=no_code)
    out(url)


@app.command()
def retire(ctx: typer.Context, address: AnAddress) -> None:
    """Let somebody be an editor no longer; what they did stays in history under their name."""
    to = reading.address_of(address, "ADDRESS")
    with ctx.obj.open() as opened:
        opened.database.write(_retire, opened, to)
    talk(f"{to.mailbox} is no editor now, and signed out everywhere")


def _invite(  # noqa: PLR0917  (a command's options, one after the other)
    session: Session,
    opened: App,
    to: Address,
    name: str,
    role: Role,
    slug: str | None,
    language: str | None,
) -> str:
    now = opened.clock.now()
    new = Newcomer(to, name, role, _list_id(session, slug), language)
    editor = editors.invite(session, new, now=now)
    lasting = delivery.PasswordLink(
        to=to,
        editor_id=editors.id_of(editor),
        number=editor.password_number,
        lasts=editors.INVITED_FOR,
        language=language,
    )
    delivery.post_invitation(session, opened.press, lasting, now=now)
    ids = (lasting.editor_id, lasting.number)
    return opened.links.set_password(*ids, expires_at=now + lasting.lasts)


def _link(session: Session, opened: App, to: Address, *, no_code: bool) -> str:
    editor, now = _found(session, to), opened.clock.now()
    if no_code:
        codes.drop(session, editors.id_of(editor))
    ids = (editors.id_of(editor), editor.password_number)
    return opened.links.set_password(*ids, expires_at=now + editors.FORGOTTEN_FOR)


def _grant(session: Session, opened: App, to: Address, role: Role | None, slug: str | None) -> None:
    editor_id, list_id = editors.id_of(_found(session, to)), _list_id(session, slug)
    editors.grant(session, editor_id, list_id, role, now=opened.clock.now(), by=SYSTEM)


def _retire(session: Session, opened: App, to: Address) -> None:
    editor_id = editors.id_of(_found(session, to))
    editors.retire(session, editor_id, now=opened.clock.now(), by=SYSTEM)


def _found(session: Session, to: Address) -> Editor:
    editor = editors.by_key(session, to.key)
    if editor is None:
        raise NotFound("editor", to.mailbox, "“mailer editor list” shows them all")
    return editor


def _list_id(session: Session, slug: str | None) -> int:
    return EVERYWHERE if slug is None else lists.get(session, slug).id or EVERYWHERE


def _records(session: Session) -> list[dict[str, Any]]:
    """Give the editors as JSON has them; its keys are in docs/commands.md."""
    roles = editors.all_grants(session)
    slugs = {one.id: one.list.slug for one in lists.cards(session)}
    return [
        {
            "id": one.id,
            "address": parse(one.address).mailbox,
            "name": one.name,
            "language": one.language,
            "roles": {
                slugs.get(list_id, "every list" if list_id == EVERYWHERE else str(list_id)): role
                for list_id, role in roles.get(editors.id_of(one), {}).items()
            },
            "code": one.second is not None,
            "password": bool(one.password),
            "created_at": one.created_at,
        }
        for one in editors.every(session)
    ]
