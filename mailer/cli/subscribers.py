"""`mailer subscriber`: one person at a time; see `transfers` for many."""

from datetime import datetime
from typing import Annotated, Any

import typer
from sqlmodel import Session

from mailer import lists, subscribers
from mailer.address import mask as address_mask
from mailer.app import App
from mailer.cli import printing, reading
from mailer.cli.options import AnAddress, AsJson, Slug
from mailer.cli.printing import talk
from mailer.db.schema import SubscriptionState, SuppressionReason
from mailer.errors import NotFound, Refused, UsageError
from mailer.history import EDITOR
from mailer.subscribers import Place, Wish

app = typer.Typer()

EVIDENCE = {"via": "command"}
"""What history says about how an editor's command came in."""

COLUMNS = {
    "subscriptions": ("list", "state", "language", "confirmed_at", "left_at", "basis"),
    "suppressions": ("list", "reason", "since", "note"),
    "address_changes": ("old_address", "address", "asked_at", "done_at", "undone_at"),
    "deliveries": ("kind", "list", "number", "state", "posted_at", "reason"),
    "history": ("at", "kind", "list", "by"),
}
"""What is shown of each part of what is held; --json gives all of it."""

Confirmed = Annotated[
    bool,
    typer.Option("--confirmed", help="Without a letter: they agreed already; needs --basis."),
]
Basis = Annotated[
    str | None,
    typer.Option("--basis", metavar="TEXT", help="How they agreed: “signed up at the meeting”."),
]


@app.command()
def add(
    ctx: typer.Context,
    slug: Slug,
    address: AnAddress,
    *,
    confirmed: Confirmed = False,
    basis: Basis = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Their name.")] = "",
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="CODE", help="Their language, if not the list's."),
    ] = None,
) -> None:
    """Put somebody on a list: by a letter that they confirm, or at once on a stated basis."""
    stated = basis_of(basis, confirmed=confirmed)
    to = reading.address_of(address, "ADDRESS")
    called = reading.line_of(name, "--name")
    spoken = reading.given(reading.language_of, language, "--language")
    with ctx.obj.open() as opened, opened.database.writing() as session:
        listed = lists.get(session, slug)
        assert listed.id is not None
        wish = Wish(
            address=to,
            list_id=listed.id,
            language=spoken or listed.language,
            evidence=EVIDENCE,
            name=called,
            by=EDITOR,
        )
        said = _put(session, wish, stated, opened) if stated else _ask(session, wish, opened)
    talk(f"{to.mailbox} {said}")


@app.command()
def show(ctx: typer.Context, address: AnAddress, as_json: AsJson = False) -> None:
    """Show all that is held about a subscriber: lists, suppressions, mail, and what happened."""
    asked = reading.address_of(address, "ADDRESS")
    with ctx.obj.open() as opened:
        found = opened.database.read(_held, asked.key)
    if as_json:
        printing.as_json(found)
        return
    parts = {name: found.pop(name) for name in COLUMNS}
    printing.card(found)
    for name, rows in parts.items():
        if rows:
            printing.text(name.replace("_", " "))
            printing.table(rows, *COLUMNS[name])


@app.command()
def erase(
    ctx: typer.Context,
    address: AnAddress,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="They asked to be forgotten; nothing brings it back.")
    ] = False,
) -> None:
    """Forget a person: blank every trace of who it was, and keep every number as it is."""
    asked = reading.address_of(address, "ADDRESS")
    with ctx.obj.open() as opened, opened.database.writing() as session:
        found, mine = subscribers.by_address(session, asked.key)
        assert found.id is not None
        if not yes:
            raise UsageError(
                f"this forgets {asked.mailbox} on {len(mine)} lists, and nothing brings it back; "
                "say --yes to do it"
            )
        subscribers.erase(session, found.id, now=opened.clock.now(), by=EDITOR)
    talk(f"{address_mask(asked.mailbox)} is forgotten; no import brings it back")


@app.command()
def edit(
    ctx: typer.Context,
    address: AnAddress,
    *,
    organisation: Annotated[
        str,
        typer.Option(
            "--organisation", metavar="ORG", help="Where they work; empty: as the domain tells."
        ),
    ],
    country: Annotated[
        str | None,
        typer.Option("--country", metavar="NAME", help="Of a new organisation, or which of two."),
    ] = None,
) -> None:
    """Say where somebody works; an organisation that is not there is added."""
    asked = reading.address_of(address, "ADDRESS")
    works_at = reading.line_of(organisation, "--organisation")
    land = reading.given(reading.line_of, country, "--country")
    with ctx.obj.open() as opened, opened.database.writing() as session:
        found, _ = subscribers.by_address(session, asked.key)
        assert found.id is not None
        now = opened.clock.now()
        place = _place(session, works_at, land, now) if works_at else None
        subscribers.assign(session, found.id, place, now=now)
    where = f"at “{place.name}”" if place else "where a rule on the domain says, if one does"
    talk(f"{asked.mailbox} works {where}")


@app.command()
def handover(
    ctx: typer.Context,
    address: AnAddress,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Whose it is now; without it, nobody's.")
    ] = "",
) -> None:
    """Tell a role's mailbox that somebody else reads it now: a letter for each of its lists."""
    asked = reading.address_of(address, "ADDRESS")
    called = reading.line_of(name, "--name")
    with ctx.obj.open() as opened:
        told = opened.database.write(
            subscribers.hand_over, asked.key, called, opened.rules, now=opened.clock.now()
        )
    talk(f"{printing.counted(len(told), 'letter', 'letters')} will tell whoever reads it now")


@app.command()
def leave(ctx: typer.Context, slug: Slug, address: AnAddress) -> None:
    """Take somebody off a list, at their word; no letter is sent."""
    asked = reading.address_of(address, "ADDRESS")
    with ctx.obj.open() as opened, opened.database.writing() as session:
        listed = lists.get(session, slug)
        found, mine = subscribers.by_address(session, asked.key)
        before = next((one.state for one in mine if one.list_id == listed.id), None)
        if before is None or listed.id is None or found.id is None:
            raise NotFound("subscriber", asked.mailbox, f"nobody of that address is on “{slug}”")
        now = opened.clock.now()
        subscribers.leave(session, found.id, listed.id, EVIDENCE, now=now, by=EDITOR)
    had_left = before is SubscriptionState.UNSUBSCRIBED
    talk(f"{asked.mailbox} {'had left' if had_left else 'has left'} “{slug}”")


def basis_of(basis: str | None, *, confirmed: bool) -> str | None:
    """Give the stated basis, if any; a confirmation by an editor needs one, and only that."""
    if confirmed and not (basis and basis.strip()):
        raise UsageError("--confirmed needs --basis TEXT: how did they agree?")
    if basis is not None and not confirmed:
        raise UsageError("--basis goes with --confirmed; without it, a letter asks them")
    return reading.given(reading.line_of, basis, "--basis")


def _place(session: Session, name: str, country: str | None, now: datetime) -> Place:
    """Give the organisation of a name, which may be new."""
    try:
        return subscribers.organisation(session, name, country)
    except NotFound:
        subscribers.add_organisation(session, name, country or "", now=now)
        return subscribers.organisation(session, name, country or "")


def _put(session: Session, wish: Wish, basis: str, opened: App) -> str:
    why_not = subscribers.add_confirmed(session, wish, basis, now=opened.clock.now())
    if isinstance(why_not, SuppressionReason):
        raise _suppressed(wish, {why_not})
    if why_not is SubscriptionState.UNSUBSCRIBED:
        raise Refused(
            f"{wish.address.mailbox} left this list: only they can come back, by the box or by "
            "the letter that “mailer subscriber add” without --confirmed sends"
        )
    return "was on the list already" if why_not else "is on the list"


def _ask(session: Session, wish: Wish, opened: App) -> str:
    why_not = subscribers.reasons(session, wish.address.key, wish.list_id)
    if why_not:
        raise _suppressed(wish, why_not)
    if _state(session, wish) is SubscriptionState.CONFIRMED:
        return "was on the list already"
    subscribers.subscribe(session, wish, opened.rules, now=opened.clock.now())
    if _state(session, wish) is SubscriptionState.CONFIRMED:
        return "is on the list; a welcome letter is posted"
    return "is asked by a letter to confirm"


def _state(session: Session, wish: Wish) -> SubscriptionState | None:
    try:
        _, mine = subscribers.by_address(session, wish.address.key)
    except NotFound:
        return None
    return next((one.state for one in mine if one.list_id == wish.list_id), None)


def _suppressed(wish: Wish, reasons: set[SuppressionReason]) -> Refused:
    return Refused(
        f"{wish.address.mailbox} must not be mailed ({', '.join(sorted(reasons))}); "
        "“mailer suppression list” shows since when and why"
    )


def _held(session: Session, key: str) -> dict[str, Any]:
    """Give all that is held about a subscriber; its keys are in docs/commands.md."""
    found, _ = subscribers.by_address(session, key)
    assert found.id is not None
    return subscribers.held(session, found.id)
