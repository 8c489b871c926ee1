"""How fast a route, or one group of destinations by it, may be used. Pure.

A virtual clock for digests and one for the letters' reserve: each message moves its clock on by
the time it takes at the pace, and may go while the clock is at most a burst ahead (GCRA: ITU-T
I.371, annex A). So two moments and a number are the whole state, and no timer fills a bucket.

The pace is what the other side has shown to take. Told to slow down it is halved, and all holds
off for ten minutes, as Google asks (support.google.com/mail/answer/81126); while that does not
help, for twice as long each time. What is taken then raises it step by step. Refusals by policy
are struck: when they are many, the group stops until a person has looked.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailer.delivery.allowance import PERCENT, Left

BURST = timedelta(seconds=5)
"""How far ahead of its clock a message may go: turns at the database come in lumps."""

HOLD = timedelta(minutes=10)

LONGEST = 12
"""How many times as long as the first a hold becomes at most, by doubling."""

STEP_MINUTES = 5
"""Minutes' worth of messages that are taken before the pace is raised by a step."""

STRIKE = 4
"""What a refusal by policy adds to the strikes; a message that is taken takes one off."""

STOPS_AT = 20
"""Strikes that stop a group: five refusals in a row, or in the long run more than one in five."""

HORIZON = timedelta(minutes=15)
"""The longest that one in line is sent away: so long a pace that rises may go unused."""

MOST = 1_000_000
"""Messages a minute beyond which a pace is none."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Messages a minute to begin with, the most there ever may be (0: no end), percent for letters.

    Without `is_given` there is no pace until the other side asks for one. `hold`: how long to
    hold off then, for the first time; `step`: by which part of itself a pace rises, at least.
    """

    start: int
    most: int = 0
    reserve: int = 10
    is_given: bool = False
    hold: timedelta = HOLD
    step: int = 8


@dataclass(frozen=True, slots=True)
class Pace:
    """A pace as it stands; `per_minute` 0 is as fast as it goes.

    `next_at`, `letters_at`: the clocks. `line_at`: until when slots are promised to who waits.
    `taken`: messages towards the next step. `holds`: how often in a row it was held off.
    """

    next_at: datetime
    letters_at: datetime
    line_at: datetime
    per_minute: int = 0
    taken: int = 0
    slowed_at: datetime | None = None
    held_until: datetime | None = None
    holds: int = 0
    strikes: int = 0
    stopped_at: datetime | None = None
    reason: str = ""

    def is_held(self, now: datetime) -> bool:
        """Tell whether nothing may go before some moment."""
        return self.held_until is not None and now < self.held_until


def begun(terms: Terms, now: datetime) -> Pace:
    """Give the pace of whom nothing is known yet."""
    start = min(terms.start, terms.most or terms.start)
    return Pace(now, now, now, per_minute=start if terms.is_given else 0)


def under(pace: Pace, terms: Terms) -> Pace:
    """Give a pace as today's terms have it: they may have been others when it was kept."""
    per_minute = pace.per_minute
    if terms.is_given:
        per_minute = min(per_minute or terms.start, terms.most or MOST)
    return pace if per_minute == pace.per_minute else replace(pace, per_minute=per_minute)


# ------------------------------------------------------------------------ learning


def slowed(pace: Pace, terms: Terms, said: str, at: datetime, *, measured: int = 0) -> Pace:
    """Halve a pace and hold off; `measured` is what was taken in a minute when there was none.

    Whoever was under way when it began to be held says nothing new.
    """
    if pace.is_held(at):
        return pace
    was = pace.per_minute or measured or terms.start
    until = at + terms.hold * min(1 << min(pace.holds, 16), LONGEST)
    return replace(
        pace,
        per_minute=max(was // 2, 1),
        next_at=until,
        letters_at=until,
        line_at=until,
        taken=0,
        slowed_at=at,
        held_until=until,
        holds=pace.holds + 1,
        reason=said if pace.stopped_at is None else pace.reason,
    )


def took(pace: Pace, terms: Terms, count: int, at: datetime) -> Pace:
    """Note what was taken: strikes fade, and a full measure of it raises the pace by a step."""
    pace = replace(pace, strikes=max(pace.strikes - count, 0))
    if not pace.per_minute or pace.is_held(at):
        return pace
    pace = replace(pace, taken=pace.taken + count)
    if pace.taken < pace.per_minute * STEP_MINUTES:
        return pace
    step = max(terms.start // 4, pace.per_minute // terms.step, 1)
    raised = min(pace.per_minute + step, terms.most or MOST)
    return replace(pace, per_minute=raised, taken=0, holds=0)


def refused(pace: Pace, said: str, at: datetime) -> Pace:
    """Strike a refusal by policy; many of them stop the group."""
    strikes = min(pace.strikes + STRIKE, STOPS_AT)
    if strikes < STOPS_AT or pace.stopped_at is not None:
        return replace(pace, strikes=strikes)
    return replace(pace, strikes=strikes, stopped_at=at, reason=said)


def resumed(pace: Pace, now: datetime) -> Pace:
    """Begin again at the pace that there was, because a person says so."""
    return Pace(now, now, now, pace.per_minute, slowed_at=pace.slowed_at)


# -------------------------------------------------------------------------- keeping


def of_digest(pace: Pace, terms: Terms, now: datetime) -> tuple[Pace, datetime | None]:
    """Take the slot of a digest's message; give also when to come again if there is none now."""
    if not pace.is_held(now) and (not pace.per_minute or pace.next_at <= now + BURST):
        return replace(pace, next_at=_moved(pace.next_at, _each(pace, terms), now)), None
    # Whoever is sent away gets the next slot in line, so that most come once more and go.
    base = max(now, pace.held_until or now)
    at = min(max(pace.line_at, base), base + HORIZON)
    line_at = min(at + _each(pace, terms), base + HORIZON)
    return replace(pace, line_at=line_at), at


def of_letter(pace: Pace, terms: Terms, now: datetime) -> tuple[Pace, datetime | None]:
    """Take the slot of a letter: from the reserve, or one of the digests'.

    Letters go to a group that is stopped, too: they are few, and somebody waits for each.
    """
    if pace.is_held(now):
        return pace, pace.held_until
    if not pace.per_minute:
        return pace, None
    if pace.next_at <= now + BURST:
        return of_digest(pace, terms, now)
    if terms.reserve and pace.letters_at <= now + BURST:
        moved = _moved(pace.letters_at, _minute_by(pace.per_minute * terms.reserve), now)
        return replace(pace, letters_at=moved), None
    clocks = [pace.next_at, pace.letters_at] if terms.reserve else [pace.next_at]
    return pace, max(min(clocks) - BURST, now)


def room(pace: Pace, terms: Terms, now: datetime) -> Left:
    """Give how many messages may go now: letters, and of these so many of digests."""
    if pace.is_held(now):
        return Left(0, 0)
    if not pace.per_minute:
        return Left(MOST, MOST)
    digests = _slots(pace.next_at, _each(pace, terms), now)
    reserve = pace.per_minute * terms.reserve
    letters = _slots(pace.letters_at, _minute_by(reserve), now) if reserve else 0
    return Left(digests + letters, 0 if pace.stopped_at else digests)


def _slots(clock: datetime, each: timedelta, now: datetime) -> int:
    ahead = now + BURST - max(clock, now)
    return ahead // each + 1 if ahead >= timedelta() else 0


def _moved(clock: datetime, each: timedelta, now: datetime) -> datetime:
    return max(clock, now) + each


def _each(pace: Pace, terms: Terms) -> timedelta:
    """Give how long one message of a digest takes at this pace."""
    if not pace.per_minute:
        return timedelta()
    return _minute_by(pace.per_minute * (PERCENT - terms.reserve))


def _minute_by(share: int) -> timedelta:
    """Divide a minute by hundredths of messages."""
    return timedelta(minutes=1) * PERCENT / share
