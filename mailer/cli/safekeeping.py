"""`mailer backup`, `restore`, `held`, `release`: copies of everything, and the way back.

They import what they need when they are called, for this module is read for every command.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailer.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailer.app import App
    from mailer.backups import Manifest, Restored
    from mailer.continuity import Held

app = typer.Typer()


@app.command()
def backup(
    ctx: typer.Context,
    target: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE|DIR]", help="Where to; else the folder of the settings."),
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option("--verify", metavar="FILE", help="Read a backup to its end; make none."),
    ] = None,
    nightly: Annotated[bool, typer.Option("--nightly", hidden=True)] = False,
    as_json: AsJson = False,
) -> None:
    """Copy everything into one file while all goes on: rows, pictures, settings, keys."""
    from mailer import backups
    from mailer.cli import printing

    if verify is not None:
        with backups.reading(verify) as reader:
            reader.verify()
            _show(verify, reader.manifest, as_json=as_json)
        return
    with (
        ctx.obj.open() as opened,
        printing.progress("copying", quiet=as_json or nightly) as moved,
    ):
        if nightly:
            path, manifest = backups.for_tonight(opened)
        else:
            path = _named(opened, target)
            manifest = backups.make(opened, path, moved)
    _show(path, manifest, as_json=as_json)
    printing.talk("it holds addresses, keys and passwords: keep it where only you can read it")


@app.command()
def restore(  # noqa: PLR0917  (Typer gives each option a place)
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="DIR", help="A new folder for the installation."),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Instead of what is here, which is set aside."),
    ] = False,
    settings: Annotated[
        bool,
        typer.Option("--settings", help="With --replace: settings, keys and templates too."),
    ] = False,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="Fill this database, of either kind."),
    ] = None,
    departures: Annotated[
        Path | None,
        typer.Option("--departures", metavar="FILE", help="A departures.log saved elsewhere."),
    ] = None,
) -> None:
    """Put a backup in place; whatever was not settled in it is held until “mailer release”."""
    from mailer import backups
    from mailer.cli import printing
    from mailer.errors import UsageError

    if (into is None) == (not replace):
        raise UsageError("say where to: --into DIR for a new folder, or --replace")
    if replace and database:
        raise UsageError("--database goes with --into; --replace fills the settings' own")
    folder = into if into is not None else ctx.obj.path().resolve().parent
    wanted = backups.Wanted(source, folder, replace, settings, database, departures)
    with printing.progress("restoring", quiet=False) as moved:
        done = backups.restore(wanted, progress=moved)
    _tell(done)


@app.command()
def held(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show what is held after a restore, and what would go if it were released."""
    from mailer import continuity
    from mailer.cli import printing

    with ctx.obj.open() as opened:
        found = [_record(one) for one in opened.database.read(continuity.held)]
    if as_json:
        printing.as_json(found)
    else:
        printing.table(found, "digest", "waiting", "sent", "uncertain", "goes_on")


@app.command()
def release(
    ctx: typer.Context,
    digest: Annotated[
        int | None, typer.Option("--digest", metavar="ID", help="This digest alone.")
    ] = None,
    letters: Annotated[bool, typer.Option("--letters", help="The letters alone.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Whatever is held.")] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Withdraw it instead: nobody gets it.")
    ] = False,
) -> None:
    """Let what is held after a restore go, or withdraw it."""
    from datetime import timedelta

    from mailer import continuity
    from mailer.cli.printing import talk
    from mailer.errors import UsageError

    if sum((digest is not None, letters, everything)) != 1:
        raise UsageError("say what: --digest ID, --letters, or --all; “mailer held” shows it")
    with ctx.obj.open() as opened:
        give_up = timedelta(hours=opened.settings.delivery.digest_give_up_hours)
        late = timedelta(hours=opened.settings.delivery.late_hours)
        terms = continuity.Terms(give_up, late)
        now, count = opened.clock.now(), 0
        chosen = _chosen(opened, digest, everything=everything)
        for one in chosen:
            if drop:
                count += opened.database.write(continuity.drop, one, now=now)
            else:
                count += opened.database.write(continuity.release, one, terms, now=now)
    talk(f"{'withdrawn' if drop else 'released'}: {_sums(chosen, count)}")


def _chosen(opened: "App", digest: int | None, *, everything: bool) -> list[int | None]:
    from mailer import continuity

    if everything:
        return [one.digest_id for one in opened.database.read(continuity.held)]
    return [digest]


def _sums(held: "Iterable[int | None]", messages: int) -> str:
    """Say how many digests and messages; one that is scheduled has no messages yet."""
    from mailer.cli.printing import counted

    digests = sum(one is not None for one in held)
    before = f"{counted(digests, 'digest', 'digests')}, " if digests else ""
    return before + counted(messages, "message", "messages")


def _named(opened: "App", target: Path | None) -> Path:
    from mailer import backups

    if target is None:
        target = opened.config.folder / opened.settings.backup.folder
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
    if target.is_dir():
        return target / backups.name(f"{opened.clock.now():%Y%m%dT%H%M%SZ}")
    return target


def _record(one: "Held") -> dict[str, Any]:
    return {
        "digest": one.digest_id,
        "waiting": one.waiting,
        "sent": one.sent,
        "uncertain": one.uncertain,
        "goes_on": one.state or "letters",
    }


def _show(path: Path, manifest: "Manifest", *, as_json: bool) -> None:
    from mailer.cli import printing

    found = {
        "file": str(path),
        "size": path.stat().st_size,
        "made_at": manifest.moment,
        "version": manifest.version,
        "schema": manifest.schema,
        "rows": sum(one.rows for one in manifest.tables.values()),
        "files": len(manifest.files),
        "not_in_it": list(manifest.unkept),
    }
    if as_json:
        tables = {name: one.rows for name, one in manifest.tables.items()}
        printing.as_json({**found, "tables": tables})
    else:
        printing.card(found)


def _tell(done: "Restored") -> None:
    from mailer.cli.printing import counted, talk

    talk(f"restored what was there on {done.manifest.moment:%Y-%m-%d %H:%M} UTC: {done.config}")
    if done.aside:
        talk(f"what was there before is in {done.aside}; it is yours to delete")
    for key, now in done.renamed:
        talk(f"{key} named a place outside this folder; it is “{now}” now")
    left = sum(count for kind, count in done.aftermath.departures.items() if kind != "unknown")
    if left:
        talk(f"done again: what {counted(left, 'reader', 'readers')} asked for since")
    if done.lost_keys:
        talk(
            f"{counted(done.lost_keys, 'key', 'keys')} of the backup are not in these settings: "
            "links that they signed do not work, and DKIM keys that they sealed do not open; "
            "--settings would have taken them"
        )
    if done.manifest.unkept:
        talk(f"set in the environment then, and in no file: {', '.join(done.manifest.unkept)}")
    if any(one.role == "keys" for one in done.manifest.files):
        talk("the keys that the environment set are in the file keys-from-the-environment")
    held = _sums((one.digest_id for one in done.aftermath.held), done.aftermath.messages)
    talk(f"held: {held}; “mailer held” shows what waits, “mailer release” lets it go")
