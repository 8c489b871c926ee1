"""What lies under an installation: its settings and keys, the disk, the zones of the world."""

import os
import shutil
import stat
import zoneinfo
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from mailer.app import App
from mailer.check.finding import Finding, Part, State

LEAST_FREE = 1_000_000_000
LEAST_SHARE = 0.10
"""Free bytes, and free share of a disk, below which room is worth a word."""

MEGABYTE = 1_000_000

FEWEST_DIFFERENT = 12
"""Different bytes that a secret has at least: 32 that were thrown have about thirty."""


def settings(app: App) -> Iterator[Finding]:
    """Judge the settings' file, its keys, and what letters need to be lawful."""
    path = app.config.path
    if path is not None:
        yield _private(path)
    yield _keys(app)
    if strange := [one for one in app.settings.check.skip if one not in set(Part)]:
        says = f"There is no part “{strange[0]}” to skip."
        todo = f"There are: {', '.join(Part)}."
        yield Finding(Part.CONFIG, "check.skip", State.WARN, says, todo)
    organisation = app.settings.organisation
    needed = {
        "owner": "nobody is told when mail stands still",
        "postal_address": "mail without a postal address is against the law in most countries",
        "name": "readers do not learn who writes",
    }
    for key, why in needed.items():
        if not getattr(organisation, key):
            says = f"Not set: {why}."
            paste = f'{key} = "…"'
            name = f"organisation.{key}"
            yield Finding(Part.CONFIG, name, State.WARN, says, "Set it, in [organisation].", paste)


def _private(path: Path) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    todo, paste = "Let only its owner read it.", f"chmod 600 {path}"
    if mode & stat.S_IRWXO:
        says = "Everybody on this machine can read the settings, and with them every key."
        return Finding(Part.CONFIG, str(path), State.FAIL, says, todo, paste)
    if mode & stat.S_IRWXG:
        says = "A group can read the settings, and with them every key."
        return Finding(Part.CONFIG, str(path), State.WARN, says, todo, paste)
    return Finding(Part.CONFIG, str(path), State.OK, "The settings are whole and private.")


def _keys(app: App) -> Finding:
    name = "tokens.keys"
    if not app.settings.tokens.keys:
        says = "There is no key: no link can be made, and nothing can be sent."
        todo = "Make one: mailer init in an empty folder writes a file with fresh ones."
        return Finding(Part.CONFIG, name, State.FAIL, says, todo)
    weak = [key for key in app.keys.keys if len(set(key.secret)) < FEWEST_DIFFERENT]
    if weak:
        says = "A key looks made up by hand or copied from an example; others may know it."
        return Finding(Part.CONFIG, name, State.FAIL, says, "Make another: mailer keys rotate.")
    count = len(app.keys.keys)
    says = "A key is there." if count == 1 else f"{count} keys are there; the first signs."
    return Finding(Part.CONFIG, name, State.OK, says)


def disk(app: App) -> Iterator[Finding]:
    """Judge the room there is, and whether workers can keep their journals."""
    folder = app.config.folder / "state"
    place = folder if folder.exists() else app.config.folder
    if os.access(place, os.W_OK | os.X_OK):
        yield Finding(Part.DISK, str(folder), State.OK, "Workers can keep their journals here.")
    else:
        says = "This user may not write here, and a worker of theirs could not either."
        todo = "Run it as the user of the service, or give the folder to them."
        yield Finding(Part.DISK, str(folder), State.FAIL, says, todo)
    beside = app.database.path.parent if app.database.path else app.config.folder
    if beside.exists():
        usage = shutil.disk_usage(beside)
        yield room(str(beside), usage.total, usage.free, app.settings.watch.disk_megabytes)


def room(where: str, total: int, free: int, least_megabytes: int) -> Finding:
    """Judge so much room on a disk."""
    share = free / total if total else 0
    says = f"{free // MEGABYTE:,} MB are free, {share:.0%} of the disk."
    if free < least_megabytes * MEGABYTE:
        says += " When it is full, nothing is sent any more."
        return Finding(Part.DISK, where, State.FAIL, says, "Make room now.")
    if free < LEAST_FREE or share < LEAST_SHARE:
        return Finding(Part.DISK, where, State.WARN, says, "Make room before it is full.")
    return Finding(Part.DISK, where, State.OK, says)


def zones() -> Finding:
    """Say whether the hours of the world's places are known, and how recently."""
    subject = "time zones"
    try:
        zoneinfo.ZoneInfo("Europe/Brussels")
    except (zoneinfo.ZoneInfoNotFoundError, OSError):
        says = "The hours of places are not known: no digest can go at a local time."
        todo = "Install the package tzdata."
        return Finding(Part.CLOCK, subject, State.FAIL, says, todo)
    says = f"The hours of places are known, by edition {_edition()}."
    return Finding(Part.CLOCK, subject, State.OK, says)


def _edition() -> str:
    for folder in zoneinfo.TZPATH:
        named = Path(folder) / "tzdata.zi"
        if named.is_file():
            with named.open(encoding="utf-8", errors="replace") as file:
                first = file.readline(80)
            return first.removeprefix("# version").strip() or "of this machine"
    return metadata.version("tzdata")
