"""The backup of each night: made once over all processes, in a child, and the newest kept."""

import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import update
from sqlmodel import Session, col

from mailer import delivery, facts
from mailer.app import App
from mailer.backups.archive import Manifest
from mailer.backups.making import SUFFIX, make
from mailer.db import changed
from mailer.db.schema import Fact

BEGUN = "backup.begun"
MADE = "backup.made"
FAILED = "backup.failed"
"""Names of facts: the last that was begun by itself, the last that was made, the last that was
not, with why."""

LONGEST = timedelta(hours=6)
"""How long a backup may take before it is taken for failed."""

OURS = re.compile(r"communique-nightly-\d{8}T\d{6}Z" + re.escape(SUFFIX))

log = structlog.get_logger(__name__)


def is_due(app: App) -> bool:
    """Tell whether this night's backup is still to be begun; a look, not a write."""
    if not app.settings.backup.nightly:
        return False
    begun = app.database.read(facts.get, BEGUN)
    return begun is None or begun.at < _since(app)


def begin(app: App) -> bool:
    """Take this night's backup upon this process; False when another has."""
    return app.database.write(_take, _since(app), now=app.clock.now())


def run(app: App) -> None:
    """Make this night's backup in a process of its own, so that nothing here waits for it."""
    chosen = ["--config", str(app.config.path)] if app.config.path else []
    command = [sys.executable, "-m", "mailer", *chosen, "backup", "--nightly"]
    try:
        done = subprocess.run(  # noqa: S603  (our own program)
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST.total_seconds(),
            check=False,
        )
        why = "" if done.returncode == 0 else done.stderr.strip()[-300:] or "it was killed"
    except subprocess.TimeoutExpired:
        why = f"it took longer than {LONGEST}"
    if why:
        log.warning("backup.failed", why=why)
        with app.database.writing() as session:
            now = app.clock.now()
            facts.note(session, FAILED, {"why": why}, now=now)
            delivery.backup_failed(session, app.press, why, now=now)


def is_failing(session: Session) -> bool:
    """Tell whether the last nightly backup could not be made."""
    failed, made = facts.get(session, FAILED), facts.get(session, MADE)
    return failed is not None and (made is None or made.at < failed.at)


def for_tonight(app: App) -> tuple[Path, Manifest]:
    """Make a backup in the settings' folder, and keep only the newest of its kind."""
    folder = app.config.folder / app.settings.backup.folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = app.clock.now()
    path = folder / f"communique-nightly-{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
    manifest = make(app, path)
    made = {"file": str(path), "size": path.stat().st_size}
    app.database.write(facts.note, MADE, made, now=app.clock.now())
    for old in kept(folder)[app.settings.backup.keep :]:
        old.unlink()
    log.info("backup.made", **made)
    return path, manifest


def kept(folder: Path) -> list[Path]:
    """Give the nightly backups in a folder, the newest first; nobody else's files."""
    return sorted((one for one in folder.iterdir() if OURS.fullmatch(one.name)), reverse=True)


def _since(app: App) -> datetime:
    """Give the last moment at which the clock struck the hour of backups, in UTC."""
    now = app.clock.now()
    today = now.replace(hour=app.settings.backup.hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def _take(session: Session, since: datetime, *, now: datetime) -> bool:
    if facts.get(session, BEGUN) is None:
        # A new installation holds nothing yet that a backup would save: nights count from here.
        facts.note(session, BEGUN, {}, now=now)
        return False
    statement = update(Fact).where(col(Fact.name) == BEGUN, col(Fact.at) < since).values(at=now)
    return changed(session, statement) == 1
