import re
import stat
from pathlib import Path

from mailer import delivery, ledger, lists, subscribers
from mailer.app import App
from mailer.db.schema import DigestState
from mailer.demo import office
from mailer.demo.office import Office
from mailer.digests import life
from tests.conftest import MOMENT
from tests.demo.conftest import Visitor


def coming(app: App, made: Office) -> office.Coming:
    found = app.database.read(office.coming, made)
    assert found is not None
    return found


def test_settings_with_a_key_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = office.found(tmp_path, base_url="http://127.0.0.1:1/", smtp_port=2)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_offices_have_different_keys(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        office.found(folder, base_url="http://127.0.0.1:1/", smtp_port=2)

    assert (one / "config.toml").read_text() != (other / "config.toml").read_text()


def test_mail_goes_to_the_demo_itself_and_nowhere_else(app: App) -> None:
    routes = app.settings.all_routes()

    assert {route.host for route in routes.values()} == {"127.0.0.1"}


def test_an_office_has_two_lists_in_three_languages_and_their_readers(
    app: App, made: Office
) -> None:
    with app.database.reading() as session:
        cards = {card.list.slug: card for card in lists.cards(session)}
        sizes = {slug: subscribers.size(session, card.id) for slug, card in cards.items()}

    assert sizes == {"meetings": 30, "announcements": 10}
    assert all(card.list.languages == ["en", "fr", "ja"] for card in cards.values())
    assert cards["meetings"].id == made.list_id


def test_the_first_number_is_on_its_way_and_the_second_is_drafted(app: App, made: Office) -> None:
    first = app.database.read(office.newest, made)
    second = coming(app, made)

    assert first is not None
    assert (first.number, first.state) == (1, DigestState.SCHEDULED)
    assert (second.number, second.readers) == (2, 30)


def test_the_first_number_looks_ahead(app: App, made: Office) -> None:
    digest = app.database.read(office.newest, made)
    assert digest is not None

    seen = app.database.read(
        delivery.preview, app.press, digest.digest_id, "hana.kimura@example.org", now=MOMENT
    )

    assert "今後の予定" in seen.html
    assert "税関分析所長会合" in seen.html


def test_the_first_number_speaks_french_too(app: App, made: Office) -> None:
    digest = app.database.read(office.newest, made)
    assert digest is not None

    seen = app.database.read(
        delivery.preview, app.press, digest.digest_id, "awa.diop@example.org", now=MOMENT
    )

    assert "ce dont les entités régionales sont convenues" in seen.subject
    assert "Chefs des laboratoires des douanes" in seen.html
    assert "Coming up" not in seen.html


def test_a_number_from_before_is_found_in_the_archive_by_its_words(visitor: Visitor) -> None:
    found = visitor.sees("/l/meetings/archive?q=manifests")

    assert "Harbour masters and customs share one form" in found
    page = re.search(r'href="(/l/meetings/back/\d+)', found)
    assert page is not None
    assert "Twelve inspectors learn to read manifests" in visitor.sees(page[1])


def test_queueing_the_next_number_leaves_another_one_to_queue(app: App, made: Office) -> None:
    before = coming(app, made)

    queued = office.queue_next(app, made)

    after = coming(app, made)
    newest = app.database.read(office.newest, made)
    assert queued == before.digest_id
    assert newest is not None
    assert newest.number == 2
    assert after.number == 3


def test_after_the_last_number_the_first_comes_again(app: App, made: Office) -> None:
    first = app.database.read(life.texts, 1)["en"].subject

    office.queue_next(app, made)

    assert coming(app, made).subject == first


def test_a_draft_that_was_cancelled_is_replaced(app: App, made: Office) -> None:
    app.database.write(life.cancel, coming(app, made).digest_id, now=app.clock.now())

    queued = office.queue_next(app, made)

    newest = app.database.read(office.newest, made)
    assert newest is not None
    assert (newest.digest_id, newest.number) == (queued, 3)


def test_a_number_is_out_when_nobody_waits_for_it(app: App, made: Office) -> None:
    def gone(state: DigestState, **sums: int) -> office.Gone:
        return office.Gone(1, 1, state, ledger.Sums(**sums))

    assert not gone(DigestState.QUEUED).is_out
    assert not gone(DigestState.SENDING, sent=29, deferred=1).is_out
    assert gone(DigestState.SENDING, sent=29, failed=1).is_out
    assert gone(DigestState.SENT).is_out
