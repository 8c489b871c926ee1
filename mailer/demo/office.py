"""A made-up office: its settings, lists, subscribers, items, and the numbers of its newsletter."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from mailer import delivery, ledger, lists, subscribers
from mailer.accounts import editors, passwords
from mailer.address import parse
from mailer.app import App
from mailer.db.schema import Digest, DigestState, Role
from mailer.demo import news
from mailer.digests import back_numbers, items, life, papers
from mailer.digests.back_numbers import Heading
from mailer.digests.front_matter import Draft
from mailer.digests.papers import Paper
from mailer.history import EDITOR, SYSTEM
from mailer.ledger import Sums
from mailer.lists import Edit, NewList, Words
from mailer.tokens import new_key

NEWSLETTER, ANNOUNCEMENTS = "meetings", "announcements"
CONFIG = "config.toml"
ZONE = "UTC"
BASIS = "made up for the demo"
PLUM = "#7a1f5c"
BACK_NUMBER = "spring.html"
SPRING = 4
EDITOR_ADDRESS, EDITOR_PASSWORD = "noor@example.org", "news of the harbour"
"""Who signs in to the demo's rooms: no secret, for they are on this machine only."""

EVERY = 3
"""Each third subscriber of the newsletter takes the announcements too."""


@dataclass(frozen=True, slots=True)
class Office:
    """What the demo remembers of its office: the newsletter, and the items by their names."""

    list_id: int
    items: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Coming:
    """The number that goes next: nothing of it is in the ledger yet."""

    digest_id: int
    number: int
    subject: str
    readers: int


@dataclass(frozen=True, slots=True)
class Gone:
    """A number that is on its way or has gone, and how its recipients stand."""

    digest_id: int
    number: int
    state: DigestState
    sums: Sums

    @property
    def is_out(self) -> bool:
        """Tell whether nobody waits for it any more."""
        is_frozen = self.state in {DigestState.SENDING, DigestState.SENT}
        return is_frozen and not self.sums.open


def found(folder: Path, *, base_url: str, smtp_port: int) -> Path:
    """Write the settings of a new office with a fresh key; give their file."""
    path = folder / CONFIG
    text = news.settings(base_url=base_url, smtp_port=smtp_port, key=new_key())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def fill(app: App) -> Office:
    """Make lists, subscribers, items and an archive; queue the first number, draft the second."""
    now = app.clock.now()
    # Read before the database is written to: a picture takes its time.
    written = news.written(app.languages, today=now.date())
    paper = papers.read(news.SEED / BACK_NUMBER)
    with app.database.writing() as session:
        newsletter = _newsletter(session, now)
        announcements = _announcements(session, now)
        _subscribe(session, newsletter, announcements, now)
        office = Office(newsletter, _write_items(session, written, now))
        _shelve(session, paper, now)
        _employ(session, now)
        _draft(session, office, now)
    queue_next(app, office)
    return office


def _employ(session: Session, now: datetime) -> None:
    """Let somebody sign in to the editors' rooms."""
    new = editors.Newcomer(parse(EDITOR_ADDRESS), "Noor Haddad", Role.OWNER)
    hashed = passwords.hashed(EDITOR_PASSWORD, address=EDITOR_ADDRESS)
    editor = editors.invite(session, new, now=now)
    editors.set_password(session, editors.id_of(editor), 0, hashed, now=now, by=SYSTEM)


def coming(session: Session, office: Office) -> Coming | None:
    """Give the number that goes next; None when nobody has drafted any."""
    draft = _oldest_draft(session, office)
    if draft is None or draft.id is None:
        return None
    words = life.texts(session, draft.id)
    subject = words["en"].subject if "en" in words else next(iter(words.values())).subject
    readers = subscribers.size(session, office.list_id)
    return Coming(draft.id, draft.number, subject, readers)


def newest(session: Session, office: Office) -> Gone | None:
    """Give the newest number that an editor has let go."""
    held = {DigestState.DRAFT, DigestState.CANCELLED}
    mine = (one for one in life.every(session) if one.list_id == office.list_id)
    digest = next((one for one in mine if one.state not in held), None)
    if digest is None or digest.id is None:
        return None
    return Gone(digest.id, digest.number, digest.state, ledger.sums(session, digest.id))


def queue_next(app: App, office: Office) -> int:
    """Queue the oldest draft of the newsletter for now, and see that another one is there.

    Gives the digest's id.
    """
    now = app.clock.now()
    late = timedelta(hours=app.settings.delivery.late_hours)
    with app.database.writing() as session:
        draft = _oldest_draft(session, office)
        digest_id = draft.id if draft and draft.id else _draft(session, office, now)
    app.database.read(app.press.render_ahead, digest_id)
    with app.database.writing() as session:
        delivery.queue_digest(session, app.press, digest_id, None, late=late, now=now)
        if _oldest_draft(session, office) is None:
            _draft(session, office, now)
    return digest_id


def _newsletter(session: Session, now: datetime) -> int:
    new = NewList(
        slug=NEWSLETTER,
        name="Meeting news",
        sender=parse("news@example.org"),
        reply_to=parse("office@example.org"),
        sender_name="Coral Regional Office",
        languages=("fr", "ja"),
        zone=ZONE,
        description=(
            "What regional offices, laboratories and training centres report from their "
            "meetings, and when they meet next. Twice a month."
        ),
    )
    japanese = Words(
        "ja",
        name="会合だより",
        description="地域の事務所、分析所、研修センターの会合の報告と、今後の予定をお届けします。月に2回。",
        welcome="次号から日本語でお届けします。",
    )
    french = Words(
        "fr",
        name="Nouvelles des réunions",
        description=(
            "Ce que rapportent de leurs réunions les bureaux régionaux, les laboratoires et les "
            "centres de formation, et quand ils se réunissent de nouveau. Deux fois par mois."
        ),
        welcome="Le prochain numéro vous parviendra en français.",
    )
    english = Words("en", welcome="The next number comes in English.")
    return _create(session, new, (english, french, japanese), now)


def _announcements(session: Session, now: datetime) -> int:
    new = NewList(
        slug=ANNOUNCEMENTS,
        name="Announcements",
        sender=parse("office@example.org"),
        sender_name="Coral Regional Office",
        languages=("fr", "ja"),
        zone=ZONE,
        description="Closing days, new telephone numbers, vacancies. A few times a year.",
    )
    japanese = Words(
        "ja", name="お知らせ", description="休業日、連絡先の変更、職員募集。年に数回お送りします。"
    )
    french = Words(
        "fr",
        name="Annonces",
        description=(
            "Jours de fermeture, nouveaux numéros de téléphone, postes à pourvoir. "
            "Quelques fois par an."
        ),
    )
    return _create(session, new, (french, japanese), now, accent=PLUM)


def _create(
    session: Session,
    new: NewList,
    words: tuple[Words, ...],
    now: datetime,
    *,
    accent: str | None = None,
) -> int:
    made = lists.create(session, new, now=now)
    lists.edit(session, new.slug, Edit(texts=words, accent=accent), now=now)
    assert made.id is not None
    return made.id


def _subscribe(session: Session, newsletter: int, announcements: int, now: datetime) -> None:
    for at, person in enumerate(news.people()):
        for list_id in (newsletter, announcements) if at % EVERY == 0 else (newsletter,):
            wish = subscribers.Wish(
                person.address, list_id, person.language, name=person.name, by=EDITOR
            )
            subscribers.add_confirmed(session, wish, BASIS, now=now)


def _write_items(
    session: Session, written: Mapping[str, Sequence[Draft]], now: datetime
) -> dict[str, int]:
    found = {}
    for name, (original, *translations) in written.items():
        found[name] = items.add(session, original, now=now)
        for translation in translations:
            items.add(session, translation, now=now, translates=found[name])
    return found


def _shelve(session: Session, paper: Paper, now: datetime) -> None:
    """Put a number from before into the newsletter's archive, as of this spring or the last."""
    spring = date(now.year if now.month > SPRING else now.year - 1, SPRING, 28)
    heading = Heading("Harbour masters and customs share one form", spring, "en", "Spring")
    back_numbers.add(session, lists.get(session, NEWSLETTER), heading, paper, now=now)


def _oldest_draft(session: Session, office: Office) -> Digest | None:
    drafts = life.in_state(session, DigestState.DRAFT)
    return next((one for one in drafts if one.list_id == office.list_id), None)


def _draft(session: Session, office: Office, now: datetime) -> int:
    """Draft the next number; after the last one that was written, the first comes again."""
    numbers = news.numbers()
    newsletter = lists.get(session, NEWSLETTER)
    number = numbers[newsletter.last_number % len(numbers)]
    own, *others = newsletter.languages
    wish = life.Wish(
        slug=NEWSLETTER,
        subject=number.words[own].subject,
        introduction=number.words[own].introduction,
        item_ids=tuple(office.items[name] for name in number.items),
    )
    digest_id = life.draft(session, wish, now=now)
    for language in others:
        words = number.words[language]
        life.write(session, digest_id, language, words.subject, words.introduction)
    return digest_id
