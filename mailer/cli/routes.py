"""`mailer route`: the ways out, and which of them stand still."""

from datetime import datetime
from typing import Annotated, Any

import typer

from mailer import delivery, ledger
from mailer.app import App
from mailer.cli import printing
from mailer.cli.options import AsJson
from mailer.cli.printing import talk
from mailer.delivery import RouteStanding
from mailer.errors import NotFound, Refused

app = typer.Typer()

COLUMNS = ("name", "host", "port", "security", "state", "rests_until", "reason")
PACES = ("route", "group", "state", "until", "per_minute", "reason")


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show every route, and why one is paused or rests."""
    with ctx.obj.open() as opened:
        found = records(opened)
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, *COLUMNS)


@app.command("paces")
def paces_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show which providers and domains get mail no faster than they like, by which route."""
    with ctx.obj.open() as opened:
        found = paces(opened)
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, *PACES)


@app.command()
def resume(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The route, as in the settings.")],
    group: Annotated[
        str | None,
        typer.Option("--group", metavar="GROUP", help="This provider or domain by it."),
    ] = None,
) -> None:
    """Let a route be used again that is paused, when its cause was put right, or that rests.

    Or a provider or domain by that route, which had stopped or was held.
    """
    with ctx.obj.open() as opened:
        known = opened.settings.all_routes()
        if group is None:
            opened.database.write(delivery.resume_route, name, known, now=opened.clock.now())
            talk(f"route “{name}” is in use again")
        else:
            count = _resume_group(opened, name, group)
            held = printing.counted(count, "held message goes on", "held messages go on")
            talk(f"“{group}” gets mail by route “{name}” again; {held}")


def records(opened: App) -> list[dict[str, Any]]:
    """Give the routes as JSON has them; the keys are in docs/commands.md."""
    routes = opened.settings.all_routes()
    standings = opened.database.read(delivery.routes, list(routes))
    now = opened.clock.now()
    return [
        {
            "name": one.name,
            "host": routes[one.name].host,
            "port": routes[one.name].port,
            "security": routes[one.name].security.value,
            "state": _state(one, now),
            "paused_at": one.paused_at,
            "rests_until": one.rests_until if one.rests(now) else None,
            "reason": one.reason or (one.rest_reason if one.rests(now) else ""),
            "fallback": list(routes[one.name].fallback),
        }
        for one in standings
    ]


def paces(opened: App) -> list[dict[str, Any]]:
    """Give the paces as JSON has them; the keys are in docs/commands.md."""
    now = opened.clock.now()
    found = opened.database.read(delivery.paces, list(opened.settings.all_routes()))
    return [
        {
            "route": one.route,
            "group": one.group or None,
            "state": one.state(now),
            "until": one.pace.held_until if one.pace.is_held(now) else None,
            "per_minute": one.pace.per_minute or None,
            "reason": one.pace.reason,
        }
        for one in found
    ]


def _resume_group(opened: App, name: str, group: str) -> int:
    """Resume a group, then let go what was held for it; give how much that was."""
    known = opened.settings.all_routes()
    if name not in known:
        raise NotFound("route", name, f"there are: {', '.join(sorted(known))}")
    try:
        opened.database.write(delivery.resume_group, name, group, now=opened.clock.now())
    except Refused:
        # Resumed before, by one who was broken off: then some of it is held still.
        if count := _let_go(opened, name, group):
            return count
        raise
    return _let_go(opened, name, group)


def _let_go(opened: App, name: str, group: str) -> int:
    reason, count = delivery.stopped_reason(name, group), 0
    while some := opened.database.write(ledger.let_held_go, reason, now=opened.clock.now()):
        count += some
    return count


def _state(one: RouteStanding, now: datetime) -> str:
    if one.paused_at is not None:
        return "paused"
    return "rests" if one.rests(now) else "in use"
