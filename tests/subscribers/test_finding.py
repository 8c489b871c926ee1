"""Some of all subscribers: who is found, page by page, by which index, and what is refused."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text, update
from sqlmodel import col

from mailer import subscribers
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import (
    ImportBatch,
    OrganisationDomain,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.errors import Refused, UsageError
from mailer.subscribers import Filters, filters, finding
from tests import rows

MANY = 1_200
"""People besides those that are looked for."""

PEOPLE = {
    # key: name, language of the person, of the subscription, state, batch, basis
    "ana@a.example": ("Ana Costa", "en", "fr", "confirmed", 1, "came by a file"),
    "anb@a.example": ("ANA Abe", "en", None, "unsubscribed", None, None),
    "an%@a.example": ("Éric Petit", "fr", None, "confirmed", None, "said so"),
    "ben@b.example": ("山田 花子", "ja", None, "confirmed", None, None),
    "zoe@sub.b.example": ("", "en", None, "pending", None, None),
}


@pytest.fixture
def lists_(database: Database, clock: FrozenClock) -> tuple[int, int]:
    """Give two lists: one with those above, and a long one with many others."""
    now = clock.now()
    with database.writing() as session:
        news, other = (rows.a_list(session, slug, now=now) for slug in ("news", "other"))
        rows.people(session, MANY, now=now, list_id=other)
        session.add(
            ImportBatch(id=1, list_id=news, name="a.csv", kind="table", basis="", started_at=now)
        )
        session.flush()
        for number, (key, one) in enumerate(PEOPLE.items()):
            name, own, spoken, state, batch, basis = one
            added = Subscriber(
                address=key,
                key=key,
                domain=key.partition("@")[2],
                name=name,
                language=own,
                created_at=now,
            )
            session.add(added)
            session.flush()
            assert added.id is not None
            session.add(
                Subscription(
                    subscriber_id=added.id,
                    list_id=news,
                    state=SubscriptionState(state),
                    language=spoken,
                    basis=basis,
                    batch_id=batch,
                    created_at=now,
                    confirmed_at=now + timedelta(days=number) if state != "pending" else None,
                )
            )
    with database.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()
    return news, other


def found(database: Database, wanted: Filters, list_id: int | None, after: str = "") -> list[str]:
    with database.reading() as session:
        return [one.address for one in finding.find(session, wanted, list_id, after=after).people]


@pytest.mark.parametrize(
    "asked, who",
    [
        ({"address": "AN"}, ["an%@a.example", "ana@a.example", "anb@a.example"]),
        ({"address": "an%"}, ["an%@a.example"]),
        ({"address": "ana@a.example"}, ["ana@a.example"]),
        ({"name": "ana"}, ["anb@a.example", "ana@a.example"]),
        ({"name": "Éric"}, ["an%@a.example"]),
        ({"name": "山田"}, ["ben@b.example"]),
        ({"name": "costa"}, []),
        ({"domain": "a.example"}, ["an%@a.example", "anb@a.example", "ana@a.example"]),
        ({"domain": "@B.example"}, ["ben@b.example"]),
        ({"language": "fr"}, ["an%@a.example", "ana@a.example"]),
        ({"state": "confirmed"}, ["ben@b.example", "an%@a.example", "ana@a.example"]),
        ({"state": "pending"}, ["zoe@sub.b.example"]),
        ({"source": "editor"}, ["an%@a.example"]),
        ({"source": "reader"}, ["zoe@sub.b.example", "ben@b.example", "anb@a.example"]),
        ({"batch": "1"}, ["ana@a.example"]),
        ({"domain": "a.example", "state": "unsubscribed"}, ["anb@a.example"]),
        ({"address": "ana", "language": "ja"}, []),
    ],
)
def test_who_is_asked_for_is_found_on_a_list(
    database: Database, lists_: tuple[int, int], asked: dict[str, str], who: list[str]
) -> None:
    assert found(database, filters.read(asked), lists_[0]) == who


def test_a_list_shows_nobody_of_another(database: Database, lists_: tuple[int, int]) -> None:
    assert len(found(database, Filters(), lists_[0])) == len(PEOPLE)
    for asked in ({"domain": "example.org"}, {"address": "reader1"}, {"language": "de"}):
        assert found(database, filters.read(asked), lists_[0]) == []


def test_without_a_list_everybody_is_asked(database: Database, lists_: tuple[int, int]) -> None:
    confirmed = filters.read({"domain": "a.example", "state": "confirmed"})

    assert found(database, confirmed, None) == ["an%@a.example", "ana@a.example"]
    assert found(database, filters.read({"language": "ja"}), None) == ["ben@b.example"]
    assert found(database, filters.read({"batch": "1"}), None) == ["ana@a.example"]


def test_days_of_confirming_are_both_within(
    database: Database, clock: FrozenClock, lists_: tuple[int, int]
) -> None:
    first, second = (clock.now() + timedelta(days=number) for number in (0, 2))
    days = {"since": first.date().isoformat(), "until": second.date().isoformat()}

    who = found(database, filters.read(days), lists_[0])

    assert who == ["an%@a.example", "anb@a.example", "ana@a.example"]


def test_a_place_of_work_is_found_by_what_was_said_and_by_the_nearest_rule(
    database: Database, clock: FrozenClock, lists_: tuple[int, int]
) -> None:
    with database.writing() as session:
        customs = subscribers.add_organisation(session, "Customs", "", now=clock.now())
        port = subscribers.add_organisation(session, "Port", "", now=clock.now())
        session.add(OrganisationDomain(domain="b.example", organisation_id=customs))
        session.add(OrganisationDomain(domain="sub.b.example", organisation_id=port))
        ana = col(Subscriber.key) == "ana@a.example"
        session.execute(update(Subscriber).where(ana).values(organisation_id=customs))

    who = {
        name: found(database, Filters(organisation=one), lists_[0])
        for name, one in (("customs", customs), ("port", port))
    }

    assert who == {"customs": ["ben@b.example", "ana@a.example"], "port": ["zoe@sub.b.example"]}


def test_who_must_not_be_mailed_is_found_once(
    database: Database, clock: FrozenClock, lists_: tuple[int, int]
) -> None:
    news, other = lists_
    with database.writing() as session:
        for key, scope in (
            ("ana@a.example", 0),
            ("ana@a.example", news),
            ("ben@b.example", other),
            ("unknown@a.example", 0),
        ):
            session.add(
                Suppression(
                    key=key,
                    list_id=scope,
                    reason=SuppressionReason.EDITOR,
                    created_at=clock.now(),
                )
            )

    assert found(database, Filters(suppressed=True), news) == ["ana@a.example"]
    assert found(database, Filters(suppressed=True), None) == ["ana@a.example", "ben@b.example"]
    assert "ana@a.example" not in found(database, Filters(suppressed=False), news)


# ------------------------------------------------------------------------- page by page


@pytest.mark.parametrize(
    "wanted",
    [
        Filters(),
        Filters(address="reader"),
        Filters(domain="example.org"),
        Filters(name="R"),
        Filters(language="en"),
        Filters(state=SubscriptionState.CONFIRMED),
    ],
)
@pytest.mark.parametrize("on_list", [True, False])
def test_pages_show_everybody_once(
    database: Database,
    lists_: tuple[int, int],
    wanted: Filters,
    on_list: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Few numbers, so that each page ends within what is looked at, too.
    monkeypatch.setattr(finding, "LOOKED_AT", 400)
    with database.writing() as session:
        every = update(Subscriber).where(col(Subscriber.domain) == "example.org")
        session.execute(every.values(name="Reader", language="fr"))
        some = every.where(col(Subscriber.id) % 3 == 0)
        session.execute(some.values(name="READER", language="en"))

    seen = [one for page in pages(database, wanted, lists_[1] if on_list else None) for one in page]

    assert len(seen) == len(set(seen))
    theirs = {one for one in seen if one.startswith("reader")}
    assert len(theirs) == (MANY // 3 if wanted.language else MANY)


def pages(database: Database, wanted: Filters, list_id: int | None) -> Iterator[list[str]]:
    after = ""
    while True:
        with database.reading() as session:
            page = finding.find(session, wanted, list_id, after=after)
        assert len(page.people) <= finding.PAGE
        yield [one.address for one in page.people]
        if not page.after:
            return
        assert page.after != after
        after = page.after


def test_no_more_are_looked_at_than_a_page_may_take(
    database: Database, lists_: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "LOOKED_AT", 1_000)
    with database.reading() as session:
        page = finding.find(session, Filters(language="xx"), lists_[1])

    assert (page.people, bool(page.after)) == ([], True)
    assert 1_000 <= page.looked_at < 2_000


def test_counts_end_where_they_no_longer_matter(
    database: Database, lists_: tuple[int, int]
) -> None:
    news, other = lists_
    with database.reading() as session:
        assert finding.count(session, Filters(), news) == finding.Size(5)
        assert finding.count(session, Filters(), other) == finding.Size(1_000, more=True)
        assert finding.count(session, Filters(language="fr"), news) is None
        assert finding.size(session, Filters(language="fr"), news) == finding.Size(2)
        assert finding.size(session, Filters(domain="example.org"), other).more


# ------------------------------------------------------------------------- by which index


def plans(database: Database, wanted: Filters, list_id: int | None) -> str:
    found: list[str] = []
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.reading() as session:
        connection = session.connection()

        def look(conn: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
            if not statement.startswith("EXPLAIN") and "subscri" in statement:
                lines = conn.exec_driver_sql(f"{explain} {statement}", values).all()
                found.extend(" ".join(map(str, line)) for line in lines)

        event.listen(connection, "before_cursor_execute", look)
        finding.find(session, wanted, list_id)
        finding.count(session, wanted, list_id)
        event.remove(connection, "before_cursor_execute", look)
    assert found
    return "\n".join(found)


@pytest.fixture
def crowd(database: Database, lists_: tuple[int, int], clock: FrozenClock) -> tuple[int, int]:
    """Give the lists with so many people that no database reads all of them by choice."""
    now = clock.now()
    with database.writing() as session:
        first = MANY + 100
        many = [
            {
                "id": number,
                "address": f"{number}@x{number % 997}.example",
                "key": f"{number}@x{number % 997}.example",
                "domain": f"x{number % 997}.example",
                "name": f"Reader {number}",
                "created_at": now,
            }
            for number in range(first, first + 20_000)
        ]
        session.execute(insert(Subscriber), many)
        session.execute(
            insert(Subscription),
            [
                {
                    "subscriber_id": one["id"],
                    "list_id": lists_[1],
                    "state": SubscriptionState.CONFIRMED,
                    "created_at": now,
                }
                for one in many
            ],
        )
    with database.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()
    return lists_


@pytest.mark.parametrize(
    "wanted, on_list, by",
    [
        (Filters(address="150"), False, ("sqlite_autoindex_subscribers_1", "ix_subscribers_key_c")),
        (Filters(address="150"), True, ("sqlite_autoindex_subscribers_1", "ix_subscribers_key_c")),
        (Filters(name="reader 15"), False, ("ix_subscribers_called", "ix_subscribers_called_c")),
        (Filters(name="reader 15"), True, ("ix_subscribers_called", "ix_subscribers_called_c")),
        (Filters(domain="x15.example"), False, ("ix_subscribers_domain",) * 2),
        (Filters(domain="x15.example"), True, ("ix_subscribers_domain",) * 2),
        (Filters(), True, ("ix_subscriptions_audience",) * 2),
        (Filters(state=SubscriptionState.PENDING), True, ("ix_subscriptions_audience",) * 2),
        (Filters(batch=1), True, ("ix_subscriptions_batch",) * 2),
        (Filters(), False, ("SCAN subscribers", "pk_subscribers")),
        (Filters(organisation=1), False, ("ix_subscribers_organisation_id",) * 2),
    ],
)
def test_people_are_found_by_an_index_and_nobody_else_is_read(
    database: Database,
    crowd: tuple[int, int],
    wanted: Filters,
    on_list: bool,
    by: tuple[str, str],
) -> None:
    plan = plans(database, wanted, crowd[1] if on_list else None)

    assert by[0 if database.is_sqlite else 1] in plan, plan
    whole = ["SCAN subscriptions", "Seq Scan on subs", "TEMP B-TREE FOR ORDER"]
    # Everybody, from the newest on, is read where nobody was asked for.
    whole += ["SCAN subscribers"] if wanted.asked or on_list else []
    assert not any(one in plan for one in whole), plan


# ------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "asked",
    [
        {"state": "gone"},
        {"source": "elsewhere"},
        {"suppressed": "perhaps"},
        {"since": "yesterday"},
        {"batch": "1; DROP TABLE"},
        {"organisation": "-1"},
        {"language": "<script>"},
        {"domain": "not a domain"},
        {"name": "x" * 400},
        {"address": "a\x00b"},
    ],
)
def test_what_cannot_be_asked_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        filters.read(asked)


def test_filters_come_back_from_where_they_are_kept() -> None:
    wanted = filters.read({"domain": "a.example", "since": "2026-11-01", "source": "editor"})

    assert filters.of_kept(filters.kept(wanted)) == wanted
    assert filters.read(filters.written(wanted)) == wanted


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"version": 2, "filters": {}},
        {"version": 1, "filters": []},
        {"version": 1, "filters": {"height": "tall"}},
        {"version": 1, "filters": {"state": "unsubscribed"}},
        {"version": 1, "filters": {"suppressed": "yes"}},
        {"version": 1, "filters": {"organisation": 3}},
    ],
)
def test_a_segment_that_is_not_understood_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        filters.of_kept(value)


def test_a_segment_asks_nothing_that_the_audience_settles() -> None:
    with pytest.raises(Refused, match="state"):
        filters.kept(Filters(state=SubscriptionState.UNSUBSCRIBED))


@pytest.mark.parametrize("after", ["x", "1;2", "-4"])
def test_a_page_that_was_made_up_is_refused(database: Database, after: str) -> None:
    with database.reading() as session, pytest.raises(UsageError):
        finding.find(session, Filters(), None, after=after)
