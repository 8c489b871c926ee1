"""`mailer digest reach`: at which organisations a digest arrived, and at which it did not."""

from dataclasses import asdict
from typing import Any

import typer
from sqlmodel import Session

from mailer import delivery
from mailer.cli import printing
from mailer.cli.options import AsJson, DigestId
from mailer.delivery import Counts, Reach
from mailer.digests import life

app = typer.Typer()

BAR = 20
COLUMNS = ("organisation", "country", "recipients", "reached", "returned", "refused", "share")


@app.command()
def reach(ctx: typer.Context, digest_id: DigestId, as_json: AsJson = False) -> None:
    """Show whom a digest reached, by organisation; and where nobody is subscribed."""
    with ctx.obj.open() as opened:
        found = opened.database.read(_reach, digest_id)
    if as_json:
        printing.as_json(_record(found))
        return
    rows = [_row(place.name, place.country, counts) for place, counts in found.by]
    if found.elsewhere.recipients:
        rows.append(_row("no organisation known", "", found.elsewhere))
    rows.append(_row("all", "", found.total))
    open_ = [name for name in ("waiting", "uncertain", "withdrawn") if getattr(found.total, name)]
    printing.table(rows, *COLUMNS[:-1], *open_, COLUMNS[-1])
    if found.nobody:
        printing.text("nobody subscribed")
        printing.table([_place(place) for place in found.nobody], "organisation", "country")


def _reach(session: Session, digest_id: int) -> Reach:
    life.get(session, digest_id)
    return delivery.reach(session, digest_id)


def _row(name: str, country: str, counts: Counts) -> dict[str, Any]:
    return {
        "organisation": name,
        "country": country,
        "recipients": counts.recipients,
        **asdict(counts),
        "share": _bar(counts),
    }


def _bar(counts: Counts) -> str:
    """Draw which share of the recipients was reached."""
    full = round(BAR * counts.reached / counts.recipients) if counts.recipients else 0
    return "█" * full + "·" * (BAR - full)


def _place(place: Any) -> dict[str, Any]:
    return {"organisation": place.name, "country": place.country}


def _record(found: Reach) -> dict[str, Any]:
    """Give the reach as JSON has it; its keys are in docs/commands.md."""

    def counts(some: Counts) -> dict[str, int]:
        return {"recipients": some.recipients, **asdict(some)}

    return {
        "total": counts(found.total),
        "organisations": [{**_place(place), **counts(some)} for place, some in found.by],
        "no_organisation": counts(found.elsewhere),
        "nobody": [_place(place) for place in found.nobody],
    }
