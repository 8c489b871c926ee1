"""Whether this machine's clock is right, by what others say: their greeting, header or database."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from mailer.check.finding import Finding, Part, State

SLACK = timedelta(seconds=5)
"""What the way and whole seconds account for."""

WORTH_A_WORD = timedelta(seconds=60)
"""A greeting or a page may have been held back so long; of a time server SLACK is enough."""

TOO_FAR = timedelta(minutes=5)
"""Beyond this, receivers count dates and signatures against the mail."""

_DATE = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d "
    r"(?:[+-]\d{4}|GMT|UTC)"
)


def told(text: str) -> datetime | None:
    """Give the moment that a header or a greeting names (RFC 5322, 3.3); None when it does not."""
    found = _DATE.search(text)
    if not found:
        return None
    try:
        return parsedate_to_datetime(found[0]).astimezone(UTC)
    except ValueError:
        return None


def compare(
    witness: str, theirs: datetime, *, now: datetime, worth_a_word: timedelta = WORTH_A_WORD
) -> Finding:
    """Judge our clock by somebody else's, who may be late by less than `worth_a_word`."""
    apart = now - theirs
    far = abs(apart)
    if far <= SLACK:
        return Finding(Part.CLOCK, witness, State.OK, "Its clock and ours agree.")
    which = "ahead of" if apart > timedelta() else "behind"
    says = f"Our clock is {_span(far)} {which} this one."
    todo = "Let the machine keep its time by the network (timedatectl set-ntp true)."
    if far > TOO_FAR:
        return Finding(Part.CLOCK, witness, State.FAIL, says, todo)
    state = State.WARN if far > worth_a_word else State.OK
    return Finding(Part.CLOCK, witness, state, says, todo if state is State.WARN else "")


def _span(far: timedelta) -> str:
    seconds = round(far.total_seconds())
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{seconds // 60} minutes" if seconds < 7200 else f"{seconds // 3600} hours"
