"""Who got a digest and who did not: page by page, and the answer about one person."""

import re
from dataclasses import dataclass

from starlette.responses import Response

from mailer import address, delivery, ledger
from mailer.accounts import Seat
from mailer.delivery import Fate
from mailer.errors import AddressInvalid
from mailer.language import translatable
from mailer.ledger import Standing
from mailer.web.desk import Desk
from mailer.web.rooms import frame, progress
from mailer.web.rooms.room import number
from mailer.web.visit import Visit

NO_ADDRESS = translatable("That is neither an address nor a domain, such as example.org.")

LONGEST_SEARCH = 320

DOMAIN = re.compile(r"[^\s@]+\.[^\s@.]+")


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: somebody, or those in a domain, or those that stand somewhere."""

    typed: str = ""
    key: str = ""
    domain: str = ""
    standing: Standing | None = None
    after: int = 0
    error: str = ""


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show who got a digest, and who did not and why."""
    digest_id = number(visit.parts, "digest")
    found = desk.app.database.read(progress.watched, digest_id)
    asked = _asked(visit)
    answer: Fate | None = None
    page: ledger.Page | None = None
    if asked.key:
        answer = desk.app.database.read(delivery.fate, digest_id, asked.key)
    elif not asked.error:
        page = _page(desk, digest_id, asked)
    return frame.page(
        desk,
        visit,
        seat,
        "deliveries.html",
        status=400 if asked.error else 200,
        found=found,
        asked=asked,
        answer=answer,
        page=page,
        standings=list(Standing),
        standing_of=ledger.standing,
        reason_said=delivery.reason_said,
    )


def _page(desk: Desk, digest_id: int, asked: Search) -> ledger.Page:
    # By how many there are, not to sort a million of them for a page of a hundred.
    count = 0
    if asked.standing is not None:
        count = getattr(desk.watching.look(digest_id).sums, asked.standing.value)
    return desk.app.database.read(
        ledger.page,
        digest_id,
        only=asked.standing,
        are_few=count <= ledger.FEW,
        domain=asked.domain,
        after=asked.after,
    )


def _asked(visit: Visit) -> Search:
    typed = visit.query.get("q", "").strip()[:LONGEST_SEARCH]
    state, after = visit.query.get("state", ""), visit.query.get("after", "")
    standing = Standing(state) if state in set(Standing) else None
    begins = int(after) if after.isascii() and after.isdigit() and len(after) <= 18 else 0
    if not typed:
        return Search(standing=standing, after=begins)
    domain = typed.removeprefix("@").casefold()
    if "@" not in domain:
        if not DOMAIN.fullmatch(domain):
            return Search(typed, error=NO_ADDRESS)
        return Search(typed, domain=domain, standing=standing, after=begins)
    try:
        return Search(typed, key=address.parse(typed).key)
    except AddressInvalid:
        return Search(typed, error=NO_ADDRESS)
