"""Whether anybody works on an installation: some things are done only while it stands still."""

import platform
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from mailer.config import Config
from mailer.db import Database
from mailer.db.schema import Worker
from mailer.errors import DatabaseError, Refused
from mailer.ledger import Journal


def refuse_if_at_work(found: Config, *, now: datetime) -> None:
    """Raise Refused while anybody works on an installation, here or on another machine.

    Whoever is known to be dead does not; nor does anybody on a database that cannot be read.
    """
    dead = set()
    for journal in Journal.others(found.beside):
        if not journal.proves_death():
            journal.close()
            raise Refused("Communiqué is at work here; stop it first (serve, or every worker)")
        dead.add(journal.worker_id)
        journal.close()
    database = Database(found.database_url)
    try:
        working = database.read(_others_at_work, dead, now) if database.revision() else []
    except DatabaseError:
        working = []
    finally:
        database.close()
    if working:
        raise Refused(f"a worker is at work on {', '.join(working)}; stop it first")


def _others_at_work(session: Session, dead: set[int], now: datetime) -> list[str]:
    statement = select(col(Worker.id), col(Worker.host)).where(
        col(Worker.ended_at).is_(None), col(Worker.lease_until) >= now
    )
    here = platform.node()
    return sorted(
        {host for id_, host in session.execute(statement) if id_ not in dead or host != here}
    )
