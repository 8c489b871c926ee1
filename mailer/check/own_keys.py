"""The keys by which we sign: is each one's record in DNS, and does what we sign hold with it.

The second is the only proof: a message is composed as a reader would get it, signed, and
verified with the key that the name server gives.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from mailer import dkim
from mailer.app import App
from mailer.check import dkim as records
from mailer.check.allowing import ASK_AGAIN
from mailer.check.dkim import KeyInvalid
from mailer.check.finding import Finding, Part, State, txt_line
from mailer.check.names import Names
from mailer.check.sending import NOBODY
from mailer.check.signing import judged
from mailer.db.schema import DeliveryKind, DkimKey
from mailer.dkim import Signer, Standing
from mailer.errors import ConfigError, MailerError
from mailer.ledger import Claimed
from mailer.lists import Card

OLD = timedelta(days=365)
"""A key that signs for longer is worth a word: M3AAWG advises to rotate twice a year."""


@dataclass(frozen=True, slots=True)
class Published:
    """How a key's record stands in DNS; `public` is the key that receivers find there."""

    state: State
    says: str
    public: str = ""
    findings: tuple[Finding, ...] = ()


def published(names: Names, key: DkimKey) -> Published:
    """Look a key's record up."""
    at = dkim.place(key.domain, key.selector)
    answer = names.ask(at, "TXT")
    if answer.problem:
        return Published(State.UNKNOWN, f"it could not be asked: {answer.problem}")
    if not answer.values:
        return Published(State.FAIL, "there is no record yet")
    if len(answer.values) > 1:
        return Published(State.FAIL, f"there are {len(answer.values)} records; one is needed")
    try:
        found = records.read(answer.values[0])
    except KeyInvalid as error:
        return Published(State.FAIL, f"receivers cannot use the record: {error}")
    if found.revoked:
        return Published(State.FAIL, "the record revokes the key (p= is empty)")
    if (found.kind, found.public) != (key.algorithm.value, key.public):
        return Published(State.FAIL, "the record holds another key than ours")
    worse = tuple(judged(at, found))
    if any(one.state is State.FAIL for one in worse):
        return Published(State.FAIL, worse[0].says.rstrip("."), found.public, worse)
    return Published(State.OK, "the record is there", found.public, worse)


def record_line(key: DkimKey) -> str:
    """Give a key's record as it is pasted into a zone."""
    return txt_line(dkim.place(key.domain, key.selector), dkim.record(key.algorithm, key.public))


def look(app: App, names: Names, domains: Collection[str], cards: Sequence[Card]) -> list[Finding]:
    """Judge the keys that sign for some domains, by their records and by what they sign."""
    with app.database.reading() as session:
        signing = [key for key in dkim.in_use(session) if key.domain in domains]
        waiting = [key for key in dkim.every(session) if key.domain in domains and _is_new(key)]
        samples = {key.domain: _sample(session, app, key.domain, cards) for key in signing}
    found: list[Finding] = []
    for key in signing:
        found += _judged(app, names, key, samples[key.domain])
        if key.domain not in {one.domain for one in waiting}:
            found += _age(key, app.clock.now())
    return [*found, *(_waits(names, key) for key in waiting)]


def _is_new(key: DkimKey) -> bool:
    return dkim.standing(key) is Standing.NEW


def _waits(names: Names, key: DkimKey) -> Finding:
    """Say what is still to be done with a key that does not sign yet."""
    at, there = dkim.place(key.domain, key.selector), published(names, key)
    switch = f"mailer dkim switch {key.domain}"
    if there.state is State.UNKNOWN:
        return Finding(Part.DKIM, at, State.UNKNOWN, f"Could not check: {there.says}.", ASK_AGAIN)
    says = f"This key does not sign yet; {there.says}."
    if there.state is State.FAIL:
        todo = f"Publish this, and then: {switch}"
        return Finding(Part.DKIM, at, State.WARN, says, todo, record_line(key))
    return Finding(Part.DKIM, at, State.WARN, says, f"Let it sign: {switch}")


def _judged(app: App, names: Names, key: DkimKey, sample: bytes | str) -> Iterator[Finding]:
    at = dkim.place(key.domain, key.selector)
    try:
        opened = dkim.opened(app.keys, key)
    except ConfigError as error:
        says = f"Nothing is sent from {key.domain}: {error}."
        todo = f"Put that key back, or sign by another: mailer dkim new-key {key.domain}"
        yield Finding(Part.DKIM, at, State.FAIL, says, todo)
        return
    there = published(names, key)
    if there.state is State.UNKNOWN:
        yield Finding(Part.DKIM, at, State.UNKNOWN, f"Could not check: {there.says}.", ASK_AGAIN)
        return
    if there.state is State.FAIL:
        says = f"We sign by this key, and {there.says}: what we sign fails."
        yield Finding(Part.DKIM, at, State.FAIL, says, "Publish this.", record_line(key))
        return
    yield from there.findings
    if isinstance(sample, str):
        says = f"The record is that of our key; no sample could be made to sign: {sample}"
        yield Finding(Part.DKIM, at, State.UNKNOWN, says)
        return
    field = Signer(key.domain, (opened,)).sign([sample], at=app.clock.now())
    if not dkim.holds(field, sample, there.public):
        says = "What we sign by this key does not hold with the record."
        yield Finding(Part.DKIM, at, State.FAIL, says, "Please report this: it is our mistake.")
    else:
        says = f"We sign by this key ({key.algorithm}); a sample holds with the record in DNS."
        yield Finding(Part.DKIM, at, State.OK, says)


def _age(key: DkimKey, now: datetime) -> Iterator[Finding]:
    if key.signs_from is not None and now - key.signs_from > OLD:
        says = f"This key signs since {key.signs_from:%Y-%m-%d}; a fresh one each year is usual."
        todo = f"Make one: mailer dkim new-key {key.domain}"
        at = dkim.place(key.domain, key.selector)
        yield Finding(Part.DKIM, at, State.WARN, says, todo)


def _sample(session: Session, app: App, domain: str, cards: Sequence[Card]) -> bytes | str:
    """Compose a welcome letter of a list that is from a domain; else give why there is none."""
    mine = (card for card in cards if card.sender.address.lower().endswith(f"@{domain}"))
    card = next(mine, None)
    if card is None:
        return "no list is from this domain."
    claimed = _claimed(card, app)
    try:
        edition, head = app.press.letter(session, claimed)
        return app.press.preview(edition, head, claimed)[0]
    except MailerError as error:
        return f"{error}."


def _claimed(card: Card, app: App) -> Claimed:
    """Give a row as there never is one: its number is nobody's, and so are its links."""
    now = app.clock.now()
    return Claimed(
        id=NOBODY,
        kind=DeliveryKind.WELCOME,
        digest_id=None,
        edition_id=None,
        list_id=card.id,
        subscriber_id=NOBODY,
        address=f"sample@{card.sender.address.rpartition('@')[2]}",
        key="",
        domain="",
        name="",
        language=card.list.language,
        context={},
        route=card.sender.route,
        signing_key=app.keys.signing_id,
        not_after=now,
        dated_at=now,
        tries=0,
    )
