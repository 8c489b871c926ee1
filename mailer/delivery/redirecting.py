"""A safe first week: every message goes to one address, and says for whom it was.

What is redirected is a copy for the owner to look at. Its reader got nothing, so its row is
withdrawn and says so; its links act on nobody; what the relay thinks of it is no word about
the reader. Of one digest a few copies are enough.
"""

import re
from dataclasses import replace

from markupsafe import escape
from sqlalchemy import select
from sqlmodel import Session, col

from mailer.address import mask
from mailer.db.schema import Delivery, DeliveryState
from mailer.delivery.meaning import Outcome, Verdict
from mailer.language import Language
from mailer.ledger import Claimed
from mailer.rendering import Edition, Values
from mailer.rendering.holes import marker

AT_MOST = 20
"""Copies of one digest; nobody wants two thousand, and all are the same but for their names."""

MEANT_FOR = "meant_for"
"""The hole that names the reader."""

NOT_MAILED = f"not mailed to anybody: mail is redirected, and {AT_MOST} copies had gone"

BANNER = (
    '<div role="note" lang="{lang}" dir="{dir}" style="margin:0;padding:14px 18px;'
    "background-color:#7a1f00;color:#ffffff;font-family:Arial,Helvetica,sans-serif;"
    'font-size:16px;line-height:1.45">'
    "<strong>{title}</strong> {meant} {links}"
    "</div>"
)

_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)


def bannered(edition: Edition, language: Language) -> Edition:
    """Give an edition that says at its top, and in its subject, for whom a message was."""
    address, who = marker("address", edition.nonce), marker(MEANT_FOR, edition.nonce)
    title = language.gettext("A redirected copy.")
    meant = language.gettext("It was meant for %(who)s, who got nothing.", who=who)
    links = language.gettext("Its links lead to the list’s page and act on nobody.")
    banner = BANNER.format(
        lang=language.code,
        dir=language.direction,
        title=escape(title),
        meant=str(escape(meant)).replace(who, f"<strong>{who}</strong>"),
        links=escape(links),
    )
    # Whose subscription it is, stays true below the banner.
    html = edition.html.replace(address, who)
    found = _BODY.search(html)
    at = found.end() if found else 0
    return replace(
        edition,
        subject=language.gettext("[for %(who)s] %(subject)s", who=who, subject=edition.subject),
        html=html[:at] + banner + html[at:],
        text=f"=== {title} ===\n{meant}\n{links}\n\n" + edition.text.replace(address, who),
    )


def values(claimed: Claimed, to: str, harmless: str) -> Values:
    """Give what fills a copy: the reader's name, and links that lead to one harmless page."""
    return Values(
        to,
        name=claimed.name,
        leave_url=harmless,
        confirm_url=harmless,
        refuse_url=harmless,
        preferences_url=harmless,
        access_url=harmless,
        move_url=harmless,
        undo_url=harmless,
        room_url=harmless,
        other_address=mask(claimed.context.get("other_address", "")),
        meant_for=mask(claimed.address),
    )


def outcome(found: Outcome, to: str) -> Outcome:
    """Give what a relay's answer to a copy means for the row of its reader. Pure."""
    if found.verdict in {Verdict.SENT, Verdict.UNCERTAIN}:
        reason = f"redirected to {mask(to)}: the reader got nothing"
        return replace(found, verdict=Verdict.REDIRECTED, reason=reason, suppress=False)
    return replace(found, suppress=False)


def copies(session: Session, digest_id: int, besides: set[int]) -> int:
    """Count the copies of a digest that have gone, or are on their way, `besides` some rows."""
    statement = select(col(Delivery.id)).where(
        col(Delivery.digest_id) == digest_id,
        (col(Delivery.state) == DeliveryState.CLAIMED)
        | (
            (col(Delivery.state) == DeliveryState.WITHDRAWN)
            & col(Delivery.reason).startswith("redirected to ")
        ),
    )
    return len(set(session.execute(statement.limit(AT_MOST + len(besides))).scalars()) - besides)
