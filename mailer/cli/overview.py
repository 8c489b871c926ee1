"""What `mailer status` tells: the installation at a glance."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from mailer import backups, continuity, facts, ledger, lists, subscribers
from mailer.app import App
from mailer.cli import printing, routes
from mailer.cli.sending import standing
from mailer.db.schema import DigestState
from mailer.digests import life

UNDER_WAY = (
    DigestState.SCHEDULED,
    DigestState.QUEUED,
    DigestState.SENDING,
    DigestState.PAUSED,
)


def gather(opened: App) -> dict[str, Any]:
    """Give the whole as JSON has it; its keys are in docs/commands.md."""
    database = opened.database
    return {
        "database": str(database.path or database.url.render_as_string(hide_password=True)),
        "schema": database.revision(),
        "redirect_all_to": opened.settings.delivery.redirect_all_to or None,
        **opened.database.read(_counts, opened),
        "routes": routes.records(opened),
    }


def show(found: dict[str, Any]) -> None:
    """Print the whole for a person."""
    parts = {name: found.pop(name) for name in ("lists", "digests", "routes")}
    printing.card(found)
    for name, columns in (
        ("lists", ("slug", "name", "confirmed")),
        ("digests", ("id", "list", "number", "state", "recipients", "sent", "due_at", "reason")),
        ("routes", ("name", "host", "port", "state", "reason")),
    ):
        if parts[name]:
            printing.text(name)
            printing.table(parts[name], *columns)


def _last_backup(session: Session) -> datetime | None:
    made = facts.get(session, backups.MADE)
    return made.at if made else None


def _counts(session: Session, opened: App) -> dict[str, Any]:
    under_way = life.in_state(session, *UNDER_WAY)
    return {
        "workers": ledger.working(session, now=opened.clock.now()),
        "letters_waiting": ledger.letters_waiting(session),
        "held": continuity.count_held(session),
        "last_backup": _last_backup(session),
        "asks_waiting": subscribers.waiting_asks(session),
        "lists": [
            {
                "slug": card.list.slug,
                "name": card.words.name,
                "confirmed": subscribers.size(session, card.id),
            }
            for card in lists.cards(session)
        ],
        "digests": [standing(session, one.id, opened) for one in under_way if one.id is not None],
    }
