"""Commands without a noun: make an installation, run it, see how it is.

They import what they need when they are called, for this module is read for every command.
"""

from pathlib import Path
from typing import Annotated

import typer

from mailer.cli.options import AsJson, OfList

app = typer.Typer()


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new installation.")],
) -> None:
    """Make an installation: config.toml with fresh secrets, and the database."""
    from mailer.cli import founding

    founding.found(folder)


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help="Network address to listen on.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port; 0 takes a free one."),
    ] = None,
) -> None:
    """Run all of it: pages, clock and delivery."""
    from mailer import serve as served

    flags = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    listening, goes_on = served.Listening(), True
    while goes_on:
        with ctx.obj.open({"web": flags}) as opened:
            goes_on = served.run(opened, listening)


@app.command()
def worker(
    ctx: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Do what is due, send what is due, and end.")
    ] = False,
    processes: Annotated[
        int | None,
        typer.Option("--processes", metavar="N", min=1, max=64, help="How many work at once."),
    ] = None,
    tied: Annotated[bool, typer.Option("--tied", hidden=True)] = False,
) -> None:
    """Run clock and delivery without pages; several may work on one PostgreSQL database."""
    from mailer import worker as working

    with ctx.obj.open() as opened:
        count = processes or opened.settings.delivery.processes
        working.run(opened, once=once, processes=1 if tied else count, tied=tied)


@app.command()
def check(
    ctx: typer.Context,
    *,
    only: Annotated[
        str,
        typer.Option(
            "--only", metavar="PARTS", help="Only these parts, by commas: dns,relay,pages, …"
        ),
    ] = "",
    slug: OfList = None,
    resolver: Annotated[
        str,
        typer.Option(
            "--resolver", metavar="IP:PORT", help="Name server to ask, not this machine's."
        ),
    ] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="Show only what is not well.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 for a warning too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at everything that mail needs, change nothing, and say what to do."""
    from mailer.cli import checking

    wish = checking.wish(only, slug or "", resolver)
    found = checking.look(ctx.obj, wish, quiet=quiet or as_json)
    checking.show(found, quiet=quiet, as_json=as_json)
    raise typer.Exit(checking.code(found, strict=strict))


@app.command()
def demo(
    port: Annotated[
        int,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port; 0 takes a free one."),
    ] = 8080,
) -> None:
    """Try everything in a throw-away office, with an inbox page that keeps its mail here."""
    from mailer import demo as shown

    shown.run(port)


@app.command()
def status(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the installation at a glance: database, workers, lists, digests, routes."""
    from mailer.cli import overview, printing

    with ctx.obj.open() as opened:
        found = overview.gather(opened)
    if as_json:
        printing.as_json(found)
    else:
        overview.show(found)
