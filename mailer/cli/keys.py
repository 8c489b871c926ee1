"""`mailer keys`: the secrets behind every link. They are never printed."""

from typing import Annotated

import typer

from mailer import backups, config, tokens
from mailer.cli import printing
from mailer.cli.options import AsJson
from mailer.cli.printing import talk

app = typer.Typer()

MOST_TRIES = 1000
"""Keys made until one has an id of its own; 256 ids there are, and few keys."""


@app.command(name="list")
def every(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show which keys there are, by their short public ids, and which one signs."""
    with ctx.obj.open() as opened:
        ring = opened.keys
    found = [
        {"id": f"{key.id:02x}", "use": "verifies" if at else "signs and verifies"}
        for at, key in enumerate(ring.keys)
    ]
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, "id", "use")


@app.command()
def rotate(
    ctx: typer.Context,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without this, only say what would be done.")
    ] = False,
) -> None:
    """Make a fresh key that signs from now on; the old ones go on verifying old links.

    Refused while “mailer serve” or a worker runs: its pages would not know the links that others
    sign with the fresh key.
    """
    with ctx.obj.open() as opened:
        ring, path = opened.keys, opened.config.path
        if yes:
            backups.refuse_if_at_work(opened.config, now=opened.clock.now())
    known = {key.id for key in ring.keys}
    fresh = next(
        key
        for key in (tokens.new_key() for _ in range(MOST_TRIES))
        if tokens.id_of(key) not in known
    )
    if not yes:
        talk(
            f"a fresh key would sign, and {printing.counted(len(known), 'key', 'keys')} go on "
            "verifying; stop “mailer serve” and every worker, then give --yes"
        )
        return
    file = config.put_first(path, fresh)
    talk(f"key {tokens.id_of(fresh):02x} signs from now on; it is in {file}")
    talk("with several machines, put it first on each; then start “mailer serve” and every worker")
