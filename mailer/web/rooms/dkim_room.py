"""The keys by which mail is signed: their records for DNS, made, switched to, forgotten."""

from dataclasses import dataclass

from sqlmodel import Session
from starlette.responses import Response

from mailer import check, dkim, lists
from mailer.accounts import Seat
from mailer.check import Published, Resolver, State
from mailer.db.schema import DkimAlgorithm, DkimKey
from mailer.dkim import Standing
from mailer.errors import MailerError, Refused
from mailer.history import About, record
from mailer.language import translatable
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.visit import Visit

SECONDS = 15
"""How long name servers may take for all keys."""

STANDINGS = {
    Standing.NEW: translatable("new, does not sign yet"),
    Standing.SIGNS: translatable("signs"),
    Standing.RETIRED: translatable("retired"),
}
SAID = {
    "made": translatable("The key is made. Put its record into DNS, then switch to it."),
    "switched": translatable("The key signs from now on."),
    "removed": translatable("The key is forgotten. Take its record out of DNS."),
}
STILL_USED = translatable(
    "This key signs, or mail that it signed may be on its way. Wait, then forget it."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A key with its record; `there` says how DNS has it, when that was asked."""

    key: DkimKey
    standing: Standing
    place: str
    value: str
    there: Published | None


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the keys; with `look`, whether DNS has their records."""
    return _page(desk, visit, seat, told=SAID.get(visit.query.get("said", ""), ""))


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Make a key, switch to one, or forget one."""
    deeds = {"make": _make, "switch": _switch, "remove": _remove}
    deed = deeds.get(visit.form.get("deed", ""))
    if deed is None:
        return _page(desk, visit, seat)
    try:
        said = deed(desk, visit, seat)
    except MailerError as error:
        return _page(desk, visit, seat, error=error)
    return frame.go(desk, "settings", "dkim", said=said)


def _make(desk: Desk, visit: Visit, seat: Seat) -> str:
    wish = dkim.Wish(
        domain=dkim.domain(visit.form.get("domain", "").strip()),
        algorithm=(
            DkimAlgorithm.ED25519 if visit.form.get("kind") == "ed25519" else DkimAlgorithm.RSA
        ),
        selector="",
    )
    desk.app.database.write(_make_in, desk, seat, wish)
    return "made"


def _make_in(session: Session, desk: Desk, seat: Seat, wish: dkim.Wish) -> None:
    made = dkim.make(session, desk.app.keys, wish, now=desk.now())
    _note(session, desk, seat, "dkim.made", made)


def _switch(desk: Desk, visit: Visit, seat: Seat) -> str:
    key = desk.app.database.read(_chosen, visit)
    if "unseen" not in visit.form:
        there = check.published(Resolver(seconds=SECONDS), key)
        if there.state is not State.OK:
            raise Refused(f"{dkim.place(key.domain, key.selector)}: {there.says}")
    desk.app.database.write(_switch_in, desk, visit, seat)
    return "switched"


def _switch_in(session: Session, desk: Desk, visit: Visit, seat: Seat) -> None:
    key = _chosen(session, visit)
    dkim.switch(session, [key], now=desk.now())
    _note(session, desk, seat, "dkim.switched", key)


def _remove(desk: Desk, visit: Visit, seat: Seat) -> str:
    desk.app.database.write(_remove_in, desk, visit, seat)
    return "removed"


def _remove_in(session: Session, desk: Desk, visit: Visit, seat: Seat) -> None:
    key = _chosen(session, visit)
    until = dkim.leave_until(key)
    if dkim.standing(key) is Standing.SIGNS or (until and desk.now() < until):
        raise Refused(STILL_USED)
    _note(session, desk, seat, "dkim.removed", key)
    dkim.remove(session, key)


def _note(session: Session, desk: Desk, seat: Seat, kind: str, key: DkimKey) -> None:
    details = {"name": f"{key.selector}._domainkey.{key.domain}"}
    record(session, kind, seat.by, About(), at=desk.now(), details=details)


def _chosen(session: Session, visit: Visit) -> DkimKey:
    domain = dkim.domain(visit.form.get("domain", ""))
    return dkim.chosen(session, domain, dkim.selector(visit.form.get("selector", "")))[0]


def _page(
    desk: Desk, visit: Visit, seat: Seat, *, told: str = "", error: MailerError | None = None
) -> Response:
    keys = desk.app.database.read(dkim.every, "")
    cards = desk.app.database.read(lists.cards)
    names = Resolver(seconds=SECONDS) if visit.query.get("look") else None
    language = frame.language_of(desk, visit, seat)
    return frame.page(
        desk,
        visit,
        seat,
        "dkim.html",
        status=400 if error else 200,
        keys=[_shown(key, names) for key in keys],
        domains=sorted({card.sender.address.rpartition("@")[2] for card in cards}),
        standings=STANDINGS,
        algorithms=[one.value for one in DkimAlgorithm],
        error=frame.explained(language, error) if error else "",
        looked=names is not None,
        until=dkim.leave_until,
        told=told,
    )


def _shown(key: DkimKey, names: Resolver | None) -> Shown:
    return Shown(
        key=key,
        standing=dkim.standing(key),
        place=dkim.place(key.domain, key.selector),
        value=dkim.record(key.algorithm, key.public),
        there=check.published(names, key) if names else None,
    )
