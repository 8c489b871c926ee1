"""`mailer organisation`: where subscribers work, by hand and by rules on domains."""

from typing import Annotated, Any

import typer

from mailer import subscribers
from mailer.cli import printing, reading
from mailer.cli.options import AsJson
from mailer.cli.printing import out, talk
from mailer.errors import UsageError
from mailer.subscribers import Entry

app = typer.Typer()

COLUMNS = ("id", "name", "country", "people", "domains")

Name = Annotated[str, typer.Argument(metavar="ORG", help="The organisation, by name or id.")]
Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="Such as customs.example.org.")]
Country = Annotated[str, typer.Option("--country", metavar="NAME", help="Its country.")]


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    country: Country = "",
    as_json: AsJson = False,
) -> None:
    """Add an organisation, and print its id."""
    called, land = reading.line_of(name, "NAME"), reading.line_of(country, "--country")
    with ctx.obj.open() as opened, opened.database.writing() as session:
        made = subscribers.add_organisation(session, called, land, now=opened.clock.now())
    printing.as_json({"id": made}) if as_json else out(str(made))


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show all organisations, with their domains and how many subscribers they have."""
    with ctx.obj.open() as opened:
        found = [_record(one) for one in opened.database.read(subscribers.organisations_known)]
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, *COLUMNS)


@app.command()
def show(ctx: typer.Context, org: Name, as_json: AsJson = False) -> None:
    """Show one organisation."""
    with ctx.obj.open() as opened, opened.database.reading() as session:
        place = subscribers.organisation(session, org)
        known = subscribers.organisations_known(session)
    found = next(_record(one) for one in known if one.place == place)
    if as_json:
        printing.as_json(found)
    else:
        printing.card(found)


@app.command()
def rename(
    ctx: typer.Context,
    org: Name,
    *,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Its new name.")
    ] = None,
    country: Annotated[
        str | None, typer.Option("--country", metavar="NAME", help="Its new country.")
    ] = None,
) -> None:
    """Give an organisation another name or country; its people and domains stay."""
    if name is None and country is None:
        raise UsageError("say what changes: --name or --country")
    called = reading.given(reading.line_of, name, "--name")
    land = reading.given(reading.line_of, country, "--country")
    with ctx.obj.open() as opened, opened.database.writing() as session:
        place = subscribers.organisation(session, org)
        new = place.name if called is None else called, place.country if land is None else land
        subscribers.rename_organisation(session, place, *new)
    talk(f"“{place.name}” is “{new[0]}”" + (f" ({new[1]})" if new[1] else ""))


@app.command()
def merge(
    ctx: typer.Context,
    org: Name,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The one that stays.")],
) -> None:
    """Make one organisation of two: people and domains of the first go to the second."""
    with ctx.obj.open() as opened, opened.database.writing() as session:
        gone = subscribers.organisation(session, org)
        kept = subscribers.organisation(session, into)
        moved = subscribers.merge_organisations(session, gone, kept)
    talk(f"{printing.counted(moved, 'person', 'people')} moved from “{gone.name}” to “{kept.name}”")


@app.command()
def domain(ctx: typer.Context, domain: Domain, org: Name) -> None:
    """Have whoever has an address in a domain, or below it, work at an organisation.

    It holds for who is here and who comes, but for those of whom something else was said.
    """
    with ctx.obj.open() as opened, opened.database.writing() as session:
        place = subscribers.organisation(session, org)
        plain = subscribers.rule(session, domain, place)
    talk(f"whoever has an address at {plain} works at “{place.name}”")


@app.command("no-domain")
def no_domain(ctx: typer.Context, domain: Domain) -> None:
    """Take a domain's rule away."""
    with ctx.obj.open() as opened, opened.database.writing() as session:
        plain = subscribers.no_rule(session, domain)
    talk(f"an address at {plain} tells nothing of an organisation any more")


def _record(one: Entry) -> dict[str, Any]:
    """Give an organisation as JSON has it; its keys are in docs/commands.md."""
    return {
        "id": one.place.id,
        "name": one.place.name,
        "country": one.place.country,
        "people": one.people,
        "domains": list(one.domains),
    }
