"""The archive as a page to look through: by year, by topic, and by words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from sqlmodel import Session
from starlette.responses import Response

from mailer import folding, lists, unseen
from mailer.db.schema import DigestText
from mailer.digests import archive, back_numbers, life
from mailer.digests.archive import Found, Piece, Search
from mailer.language import Language
from mailer.web import listing
from mailer.web.desk import OPEN, Desk
from mailer.web.listing import Listing
from mailer.web.visit import Visit

ON_ONE_PAGE = 30
MOST_PIECES = 12
"""Items that are named of one number; its page has them all."""

LONGEST_TOPIC = 300
YEAR_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader looks for, as typed, and as it is searched."""

    query: str
    search: Search

    @property
    def values(self) -> dict[str, str]:
        """Give what an address says of it."""
        year = f"{self.search.year:04}" if self.search.year else ""
        said = {"q": self.query, "topic": self.search.topic, "year": year}
        return {name: value for name, value in said.items() if value}

    @property
    def values_without_year(self) -> dict[str, str]:
        """Give the same for all years."""
        return {name: value for name, value in self.values.items() if name != "year"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One number as the page shows it: a digest by its number, a back number by its id."""

    place: archive.Place
    number: str
    subject: str
    spoken: Language
    back: back_numbers.Shelved | None = None
    pieces: tuple[Piece, ...] = ()
    more: int = 0

    @property
    def dated_on(self) -> date:
        """Give the date that the number bears."""
        return self.place.dated_on


def show(desk: Desk, visit: Visit) -> Response:
    """Show what went out, newest first."""
    asked = _asked(visit)
    with desk.app.database.reading() as session:
        found = listing.by_slug(session, desk, visit)
        spoken = _spoken(found)
        before = archive.place(session, found.card.id, visit.query.get("before", ""))
        every = archive.found(session, found.card.id, asked.search)
        topics = archive.topics(session, found.card.id, spoken[0])
        numbers = archive.numbers(every, asked.search.year, before=before, limit=ON_ONE_PAGE + 1)
        entries = _entries(session, desk, numbers[:ON_ONE_PAGE], asked.search, found)
    years = archive.years(every)
    return desk.page(
        visit,
        "archive.html",
        found.language,
        headers=OPEN,
        offered=found.card.list.languages,
        listing=found,
        asked=asked,
        years=years,
        topics=_with(topics, asked.search.topic),
        by_year=[(year, list(of)) for year, of in groupby(entries, lambda one: one.dated_on.year)],
        count=years.get(asked.search.year, 0) if asked.search.year else sum(years.values()),
        before=entries[-1].place.name if len(numbers) > ON_ONE_PAGE else None,
        canonical=desk.app.links.archive(found.slug),
    )


def _asked(visit: Visit) -> Asked:
    query, topic, year = (
        unseen.IN_LINE.sub(" ", visit.query.get(name, "")).strip()
        for name in ("q", "topic", "year")
    )
    query = query[: folding.LONGEST_QUERY]
    is_year = year.isascii() and year.isdigit() and len(year) == YEAR_DIGITS and int(year) > 0
    search = Search(folding.words_of(query), int(year) if is_year else None, topic[:LONGEST_TOPIC])
    return Asked(query, search)


def _line(visit: Visit, name: str) -> str:
    return unseen.IN_LINE.sub(" ", visit.query.get(name, "")).strip()


def _spoken(found: Listing) -> list[str]:
    """Give the languages of a list's digests, the one that suits the page first."""
    own = found.card.list
    first = lists.nearest(found.language.code, own.languages, own.language)
    return list(dict.fromkeys([first, own.language, *own.languages]))


def _with(topics: Sequence[str], chosen: str) -> list[str]:
    return [*topics, *([chosen] if chosen and chosen not in topics else [])]


def _entries(
    session: Session, desk: Desk, numbers: Sequence[Found], search: Search, found: Listing
) -> list[Entry]:
    ids = {kind: [one.id for one in numbers if one.place.kind == kind] for kind in archive.KINDS}
    digests = _Digests.of(session, ids[archive.DIGEST], search, _spoken(found))
    backs = back_numbers.some(session, ids[archive.BACK_NUMBER])
    return [
        digests.entry(desk, one)
        if one.place.kind == archive.DIGEST
        else _back_entry(desk, one, backs[one.id])
        for one in numbers
    ]


@dataclass(frozen=True, slots=True)
class _Digests:
    """What some digests say in the archive: their subjects, and the items that are named."""

    texts: Mapping[int, Mapping[str, DigestText]]
    pieces: Mapping[int, Sequence[Piece]]
    spoken: Sequence[str]

    @classmethod
    def of(
        cls, session: Session, ids: Sequence[int], search: Search, spoken: Sequence[str]
    ) -> "_Digests":
        return cls(
            life.texts_of(session, ids), archive.pieces(session, ids, search, spoken), spoken
        )

    def entry(self, desk: Desk, one: Found) -> Entry:
        said, pieces = self.texts[one.id], self.pieces[one.id]
        code = lists.nearest(self.spoken[0], list(said), self.spoken[1 % len(self.spoken)])
        return Entry(
            place=one.place,
            number=str(one.place.at),
            subject=said[code].subject,
            spoken=desk.app.languages.of(code),
            pieces=tuple(pieces[:MOST_PIECES]),
            more=len(pieces[MOST_PIECES:]),
        )


def _back_entry(desk: Desk, one: Found, back: back_numbers.Shelved) -> Entry:
    return Entry(
        place=one.place,
        number=back.number,
        subject=back.title,
        spoken=desk.app.languages.of(back.language),
        back=back,
    )
