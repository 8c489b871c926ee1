"""`mailer route`: the ways out, and which of them stand still."""

from datetime import datetime
from typing import Annotated, Any

import typer

from mailer import delivery
from mailer.app import App
from mailer.cli import printing
from mailer.cli.options import AsJson
from mailer.cli.printing import talk
from mailer.delivery import RouteStanding

app = typer.Typer()

COLUMNS = ("name", "host", "port", "security", "state", "rests_until", "reason")


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show every route, and why one is paused or rests."""
    with ctx.obj.open() as opened:
        found = records(opened)
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, *COLUMNS)


@app.command()
def resume(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The route, as in the settings.")],
) -> None:
    """Let a route be used again that is paused, when its cause was put right, or that rests."""
    with ctx.obj.open() as opened:
        known = opened.settings.all_routes()
        opened.database.write(delivery.resume_route, name, known, now=opened.clock.now())
    talk(f"route “{name}” is in use again")


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


def _state(one: RouteStanding, now: datetime) -> str:
    if one.paused_at is not None:
        return "paused"
    return "rests" if one.rests(now) else "in use"
