"""A digest is rendered before the transaction that freezes it; there it only has to stand."""

from datetime import timedelta
from pathlib import Path

import pytest

from mailer import delivery, facts, rendering
from mailer.address import parse
from mailer.digests import life
from tests.installation import Installation

LATE = timedelta(hours=12)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the subjects of digests in the order they are rendered."""
    found: list[str] = []
    render = rendering.render_digest

    # A spy: that nothing is rendered where others wait cannot be seen from outside.
    def spy(*args: object, **more: object) -> object:
        found.append(args[1].subject)  # type: ignore[attr-defined]
        return render(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("mailer.delivery.press.render_digest", spy)
    return found


def queue(office: Installation, digest: int) -> None:
    press, now = office.app.press, office.clock.now()
    office.app.database.write(delivery.queue_digest, press, digest, None, late=LATE, now=now)


def frozen(office: Installation, digest: int) -> str:
    [edition] = office.app.database.read(delivery.frozen, digest).values()
    return edition.subject


def test_what_stands_as_it_was_rendered_is_not_rendered_again(
    office: Installation, rendered: list[str]
) -> None:
    digest = office.draft("News", item_ids=(office.item("A meeting"),))
    office.app.database.read(office.app.press.render_ahead, digest)
    assert rendered == ["News"]

    queue(office, digest)

    assert rendered == ["News"]
    assert frozen(office, digest) == "News"


def test_what_was_changed_in_between_goes_as_it_stands_now(
    office: Installation, rendered: list[str]
) -> None:
    digest = office.draft("News")
    office.app.database.read(office.app.press.render_ahead, digest)
    office.app.database.write(life.write, digest, "en", "Other news", "More words.")

    queue(office, digest)

    assert rendered == ["News", "Other news"]
    assert frozen(office, digest) == "Other news"


def test_a_template_that_was_changed_in_between_counts(
    office: Installation, rendered: list[str]
) -> None:
    # Given an owner's template, and a digest rendered by it
    own = office.folder / "looks" / "mail" / "digest"
    own.mkdir(parents=True)
    subject = own / "subject.txt"
    ours = Path(__file__).parents[2] / "templates" / "mail" / "digest" / "subject.txt"
    subject.write_text(ours.read_text())
    office.reopen(templates={"folder": "looks"})
    digest = office.draft("News")
    office.app.database.read(office.app.press.render_ahead, digest)

    # When it is changed before the digest is queued
    subject.write_text("Changed: {{ digest.subject }}")
    queue(office, digest)

    assert rendered == ["News", "News"]
    assert frozen(office, digest).startswith("Changed: ")


def test_a_test_letter_is_rendered_ahead_too(office: Installation, rendered: list[str]) -> None:
    digest, press, now = office.draft("News"), office.app.press, office.clock.now()
    office.app.database.read(press.render_test_ahead, digest, None)

    office.app.database.write(
        delivery.post_test, press, digest, parse("kim@reader.example"), now=now
    )

    assert rendered == ["News"]


def test_old_news_is_warned_of_after_a_restore(office: Installation) -> None:
    # Given news from before a database was put back, and some from after
    old = office.item("An old meeting")
    office.clock.move(timedelta(hours=1))
    office.app.database.write(facts.note, life.PUT_BACK, {}, now=office.clock.now())
    office.clock.move(timedelta(hours=1))
    new = office.item("A new meeting")
    press, now = office.app.press, office.clock.now()

    def warnings(*item_ids: int) -> tuple[str, ...]:
        digest = office.draft(item_ids=item_ids)
        seen = office.app.database.read(delivery.preview, press, digest, None, now=now).warnings
        write = office.app.database.write
        queued = write(delivery.queue_digest, press, digest, None, late=LATE, now=now)
        assert [one for one in queued if "put back" in one] == [
            one for one in seen if "put back" in one
        ]
        return queued

    assert any("may have been mailed since that copy was made" in one for one in warnings(old, new))
    assert not any("may have been mailed" in one for one in warnings(new))
