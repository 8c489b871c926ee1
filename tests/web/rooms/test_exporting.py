"""Subscribers as a file: who is in it, safe for spreadsheets, written down, and for whom."""

import csv
import io
import json
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from mailer.db.schema import Role, Subscriber
from mailer.subscribers import export
from tests import rows
from tests.web.rooms.conftest import Desk, Rooms

PATH = "/subscribers/export"


@pytest.fixture
def desk(rooms: Rooms) -> Desk:
    """Give an editor, in rooms with five people on the list, of whom one is called nastily."""
    database = rooms.office.app.database
    database.write(rows.people, 5, now=rooms.office.clock.now(), list_id=1)
    with database.writing() as session:
        one = col(Subscriber.key) == "reader2@example.org"
        session.execute(update(Subscriber).where(one).values(name='=HYPERLINK("x")', language="fr"))
    return rooms.as_(Role.EDITOR)


def take(desk: Desk, **asked: Any) -> Any:
    return desk.post(PATH, {"list": "meetings", **asked})


def test_what_is_shown_comes_as_csv_without_formulas(
    rooms: Rooms, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "AT_ONCE", 2)

    answer = take(desk, kind="csv")

    assert "attachment" in answer.headers["content-disposition"]
    head, *people = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert head[:2] == ["email", "name"]
    assert sorted(one[0] for one in people) == [f"reader{n}@example.org" for n in range(1, 6)]
    assert """'=HYPERLINK("x")""" in {one[1] for one in people}
    [line] = rooms.office.events("subscribers.exported")
    assert (line.actor_id, line.list_id) == (str(desk.seat.editor_id), 1)
    assert "example.org" not in str(line.details)


def test_filters_hold_for_the_file_too(desk: Desk) -> None:
    answer = take(desk, kind="jsonl", language="fr")

    [one] = [json.loads(line) for line in answer.text.splitlines()]
    assert (one["email"], one["name"]) == ("reader2@example.org", '=HYPERLINK("x")')


def test_nobody_takes_out_what_they_may_not_see(rooms: Rooms, desk: Desk) -> None:
    rooms.office.add_list("secret", "Secret News")
    other = rooms.as_(Role.EDITOR, list_id=1)

    assert take(other, list="secret").status_code == 404
    assert take(desk, list="").status_code == 404
    assert take(desk, kind="exe").status_code == 404
    assert take(desk, state="gone").status_code == 400
    assert take(rooms.as_(Role.VIEWER)).status_code == 403
    assert rooms.office.events("subscribers.exported") == []
