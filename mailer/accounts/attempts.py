"""How often somebody may try: passwords, codes, and letters with a link to set one.

Counted by the hour, for each address and for each network. What is counted names no address.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from mailer.db import pour
from mailer.db.schema import Tally


class Deed(StrEnum):
    """What was tried."""

    SIGN_IN = "sign-in"
    LETTER = "password-letter"


@dataclass(frozen=True, slots=True)
class Most:
    """How often in an hour, for one address and from one network."""

    address: int
    network: int


MOST = {Deed.SIGN_IN: Most(10, 40), Deed.LETTER: Most(3, 20)}
"""Ten guesses an hour are none against ten characters; an office may sit behind one network."""


def are_too_many(session: Session, deed: Deed, key: str, network: str, *, now: datetime) -> bool:
    """Tell whether this hour's tries of an address, or from a network, are used up."""
    most = MOST[deed]
    rooms = dict(zip(_subjects(deed, key, network), (most.address, most.network), strict=True))
    statement = select(Tally.subject, Tally.count).where(
        col(Tally.subject).in_(rooms), col(Tally.hour) == _hour(now)
    )
    return any(count >= rooms[subject] for subject, count in session.exec(statement))


def count(session: Session, deed: Deed, key: str, network: str, *, now: datetime) -> None:
    """Count a try: a wrong password or code, or a letter that was asked for."""
    values = [
        {"subject": subject, "hour": _hour(now), "count": 1}
        for subject in sorted(_subjects(deed, key, network))
    ]
    pour(
        session,
        Tally,
        values,
        amend=lambda statement: statement.on_conflict_do_update(
            index_elements=["subject", "hour"],
            set_={"count": col(Tally.count) + statement.excluded["count"]},
        ),
    )


def _subjects(deed: Deed, key: str, network: str) -> tuple[str, str]:
    hidden = hashlib.sha256(key.encode()).hexdigest()[:24]
    return f"{deed}:address:{hidden}", f"{deed}:network:{network or 'unknown'}"


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
