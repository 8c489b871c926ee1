"""The sheet of preferences: what stands in its form, and what a reader chose with it.

The same sheet is on the page behind a digest's link and on that behind the fresh link; only the
second asks for a name, for who was passed a digest must not learn whose it was.

A form also says which lists were ticked when it was shown: what is not ticked any more is left,
what is newly ticked is joined, and a list joined in another window meanwhile stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from mailer import lists, unseen
from mailer.address import mask
from mailer.db.schema import SubscriptionState, Visibility
from mailer.language import Language
from mailer.subscribers import Choice, Pause, Reader, Settled
from mailer.web import listing
from mailer.web.desk import Desk
from mailer.web.listing import Listing

LONGEST_NAME = 120
"""Characters of a person's name."""

OWN = "own"
"""What a list's language says when it is to be the reader's."""


@dataclass(frozen=True, slots=True)
class Line:
    """One list on the sheet."""

    listing: Listing
    mine: SubscriptionState | None
    tongues: tuple[Language, ...]
    spoken: str

    @property
    def is_ticked(self) -> bool:
        """Tell whether the list comes to the reader."""
        return self.mine is SubscriptionState.CONFIRMED

    @property
    def waits(self) -> bool:
        """Tell whether a letter waits for its button to be pressed."""
        return self.mine is SubscriptionState.PENDING


@dataclass(frozen=True, slots=True)
class Sheet:
    """A reader's preferences as a form shows them; `name` is None where it is not shown."""

    masked: str
    language: Language
    lines: tuple[Line, ...]
    tongues: tuple[Language, ...]
    pauses_until: date | None
    name: str | None = None
    longest_name: int = LONGEST_NAME
    own: str = OWN

    @property
    def had(self) -> str:
        """Give which lists were ticked when the form was shown."""
        return ".".join(str(line.listing.card.id) for line in self.lines if line.is_ticked)

    @property
    def mailed_in(self) -> str:
        """Give the code of the reader's language."""
        return self.language.code

    def names(self, ids: tuple[int, ...]) -> list[Listing]:
        """Give the lists of these ids that are on the sheet."""
        return [line.listing for line in self.lines if line.listing.card.id in ids]


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says after a press: which lists wait for a letter, which cannot be joined."""

    saved: bool = False
    asked: tuple[Listing, ...] = ()
    refused: tuple[Listing, ...] = ()


def of(
    session: Session, desk: Desk, one: Reader, language: Language, *, is_fresh: bool = False
) -> Sheet:
    """Give the sheet of a reader, in the language of the page."""
    cards = {
        card.id: card for card in lists.cards(session, language.code, visibility=Visibility.PUBLIC)
    }
    for list_id, mine in one.lists.items():
        if list_id not in cards and mine.state is not SubscriptionState.UNSUBSCRIBED:
            cards[list_id] = lists.card(session, list_id, language.code)
    lines = [_line(desk, listing.of(desk, card, language), one) for card in cards.values()]
    spoken = desk.app.languages.choose(one.language or language.code)
    codes = dict.fromkeys([spoken.code, *desk.app.languages])
    return Sheet(
        masked=mask(one.address),
        language=spoken,
        lines=tuple(sorted(lines, key=lambda line: line.listing.card.words.name.casefold())),
        tongues=tuple(desk.app.languages.of(code) for code in codes),
        pauses_until=_last_day(one, desk.now()),
        name=one.name if is_fresh else None,
    )


def choice(form: Mapping[str, str], shown: Sheet) -> Choice:
    """Read what was chosen; fields that the sheet did not have say nothing."""
    had = {int(one) for one in form.get("had", "").split(".") if one.isdecimal() and len(one) < 10}
    on_it = {line.listing.card.id: line for line in shown.lines}
    ticked = {list_id for list_id in on_it if form.get(f"list-{list_id}")}
    asked = form.get("speak", "")
    name = form.get("name")
    return Choice(
        join=frozenset(ticked - had),
        leave=frozenset((had - ticked) & set(on_it)),
        language=asked if asked in {one.code for one in shown.tongues} else None,
        spoken={
            list_id: None if said == OWN else said
            for list_id, line in on_it.items()
            if (said := form.get(f"speak-{list_id}", ""))
            in {OWN, *(one.code for one in line.tongues)}
        },
        pause=_pause(form.get("pause", "")),
        name=_one_line(name) if name is not None and shown.name is not None else None,
    )


def told(shown: Sheet, settled: Settled | None) -> Told:
    """Give what a page says about what came of a choice."""
    if settled is None:
        return Told()
    return Told(
        saved=True,
        asked=tuple(shown.names(settled.asked)),
        refused=tuple(shown.names(settled.refused)),
    )


def _line(desk: Desk, found: Listing, one: Reader) -> Line:
    mine = one.lists.get(found.card.id)
    codes = found.card.list.languages or [found.card.list.language]
    spoken = mine.language if mine and mine.language in codes else None
    return Line(
        listing=found,
        mine=mine.state if mine else None,
        tongues=tuple(desk.app.languages.of(code) for code in codes) if len(codes) > 1 else (),
        spoken=spoken if spoken and spoken != one.language else OWN,
    )


def _last_day(one: Reader, now: datetime) -> date | None:
    if one.paused_until is None or not one.pauses(now):
        return None
    return (one.paused_until - timedelta(seconds=1)).date()


def _pause(asked: str) -> Pause:
    return Pause(asked) if asked in set(Pause) else Pause.KEEP


def _one_line(name: str) -> str:
    plain = unseen.IN_LINE.sub(" ", name)
    return " ".join(plain.split())[:LONGEST_NAME]
