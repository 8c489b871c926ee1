"""The ways out: how each stands and how much of it is used; one tried, step by step, for real."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr
from sqlmodel import Session
from starlette.responses import Response

from mailer import address, check, config, delivery, facts, ledger, lists
from mailer.accounts import Seat
from mailer.check import Tried
from mailer.db.schema import Delivery
from mailer.delivery import Allowance, RouteStanding, Step
from mailer.errors import NotFound, Refused
from mailer.language import translatable
from mailer.ledger import Window
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.visit import Visit

STEPS = {
    Step.CONNECT: translatable("Reach the relay"),
    Step.GREETING: translatable("Be greeted"),
    Step.EHLO: translatable("Say who we are"),
    Step.STARTTLS: translatable("Protect the connection (TLS)"),
    Step.AUTH: translatable("Sign in"),
    Step.MAIL: translatable("Be allowed as the sender"),
    Step.RCPT: translatable("Be allowed to write to you"),
}
ADVICE = {
    Step.CONNECT: translatable(
        "Look at host, port and firewall. Many providers close port 25: try 587."
    ),
    Step.GREETING: translatable("Is this the right port? Port 465 needs security “tls”."),
    Step.EHLO: translatable("Ask whoever runs the relay."),
    Step.STARTTLS: translatable(
        "Use the name that stands in the relay’s certificate, or name its authority (ca_file)."
    ),
    Step.AUTH: translatable("Look at username, password and auth."),
    Step.MAIL: translatable("Ask whoever runs the relay to allow this sender for your sign-in."),
    Step.RCPT: translatable("The relay does not take mail for your own address. Ask who runs it."),
}
WINDOWS = {
    Window.MINUTE: translatable("in any minute"),
    Window.HOUR: translatable("in any hour"),
    Window.DAY: translatable("in any day"),
}
STATES = {
    "queued": translatable("waits to be sent; “mailer serve” or a worker sends it"),
    "claimed": translatable("is being sent"),
    "sent": translatable("was taken by the relay; look into your mailbox"),
    "failed": translatable("was refused"),
    "suppressed": translatable("was not sent: your address must not be mailed"),
    "withdrawn": translatable("was not sent in time"),
    "uncertain": translatable("may have been sent: the connection broke"),
}
SAID = {"resumed": translatable("It is in use again.")}
LET_GO_TURNS = 10_000
"""Chunks of held mail that are let go at most; each is some thousand rows."""


@dataclass(frozen=True, slots=True)
class Use:
    """How much of an allowance is used, in words' parts."""

    window: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Way:
    """A route as the page shows it."""

    name: str
    settings: config.Route
    standing: RouteStanding
    uses: tuple[Use, ...]


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show every way out, and which providers get mail more slowly."""
    known = desk.app.settings.all_routes()
    ways = desk.app.database.read(_ways, known, desk.now())
    paces = desk.app.database.read(delivery.paces, list(known))
    return frame.page(
        desk,
        visit,
        seat,
        "routes.html",
        ways_out=ways,
        paces=paces,
        windows=WINDOWS,
        told=SAID.get(visit.query.get("said", ""), ""),
    )


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Let a route, or a provider by a route, be used again."""
    name, group = visit.form.get("route", ""), visit.form.get("group", "")
    known = desk.app.settings.all_routes()
    if name not in known:
        raise NotFound("route", name)
    if group:
        _resume_group(desk, seat, name, group)
    else:
        desk.app.database.write(delivery.resume_route, name, known, now=desk.now(), by=seat.by)
    return frame.go(desk, "settings", "routes", said="resumed")


def show_one(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show one way out: its settings, and how the last test letter fared."""
    return _page(desk, visit, seat)


def press_one(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Try a route step by step; when all is well, post a test letter to whoever pressed."""
    name = _name(desk, visit)
    sender = desk.app.database.read(_sender, desk, name, seat)
    tried = check.try_out(desk.app.routes[name], sender, seat.address)
    if tried[-1].is_well and desk.app.settings.delivery.redirect_all_to == "":
        desk.app.database.write(_post_test, desk, visit, seat, name)
    return _page(desk, visit, seat, tried=tried)


def _ways(session: Session, known: Mapping[str, config.Route], now: datetime) -> list[Way]:
    standings = delivery.routes(session, list(known))
    return [
        Way(one.name, known[one.name], one, _uses(session, known[one.name], one.name, now))
        for one in standings
    ]


def _uses(session: Session, route: config.Route, name: str, now: datetime) -> tuple[Use, ...]:
    allowance = Allowance.of(route, now)
    if not allowance:
        return ()
    used = ledger.used(session, name, now=now)
    limits = [(window, allowance.limit(window, now)) for window in Window]
    return tuple(Use(window, used.within(window), limit) for window, limit in limits if limit)


def _resume_group(desk: Desk, seat: Seat, name: str, group: str) -> None:
    """Resume a provider or domain, then let go what was held for it."""
    try:
        desk.app.database.write(delivery.resume_group, name, group, now=desk.now(), by=seat.by)
    except Refused:
        # Resumed before, by one who was broken off: some may be held still.
        if not _let_go(desk, name, group):
            raise
    _let_go(desk, name, group)


def _let_go(desk: Desk, name: str, group: str) -> int:
    reason, count = delivery.stopped_reason(name, group), 0
    for _ in range(LET_GO_TURNS):
        some = desk.app.database.write(ledger.let_held_go, reason, now=desk.now())
        count += some
        if not some:
            break
    return count


def _sender(session: Session, desk: Desk, name: str, seat: Seat) -> str:
    """Give the address that mail by a route is from: of a list that takes it, or of the house."""
    for card in lists.cards(session):
        if card.sender.route == name:
            return desk.app.settings.all_routes()[name].return_path or card.sender.address
    organisation = desk.app.settings.organisation
    return organisation.owner or organisation.contact or seat.address


def _post_test(session: Session, desk: Desk, visit: Visit, seat: Seat, name: str) -> None:
    posted = delivery.post_route_test(
        session,
        desk.app.press,
        address.parse(seat.address),
        name,
        language=frame.language_of(desk, visit, seat),
        now=desk.now(),
    )
    facts.note(session, test_fact(name), {"delivery": posted, "to": seat.address}, now=desk.now())


def _last_test(session: Session, name: str) -> tuple[Delivery, str] | None:
    found = facts.value(session, test_fact(name))
    row = session.get(Delivery, found["delivery"]) if found else None
    return (row, found["to"]) if found and row else None


def test_fact(name: str) -> str:
    """Name the fact that says which letter tested a route last."""
    return f"route.test:{name}"


def _name(desk: Desk, visit: Visit) -> str:
    name = visit.parts["route"]
    if name not in desk.app.settings.all_routes():
        raise NotFound("route", name)
    return name


def _page(desk: Desk, visit: Visit, seat: Seat, *, tried: Sequence[Tried] = ()) -> Response:
    name = _name(desk, visit)
    settings = desk.app.settings.all_routes()[name]
    letter = desk.app.database.read(_last_test, name)
    return frame.page(
        desk,
        visit,
        seat,
        "route.html",
        route=name,
        values=[(key, _masked(getattr(settings, key))) for key in type(settings).model_fields],
        tried=tried,
        steps=STEPS,
        advice=ADVICE,
        letter=letter[0] if letter else None,
        letter_to=letter[1] if letter else "",
        states=STATES,
        is_redirected=desk.app.settings.delivery.redirect_all_to != "",
    )


def _masked(value: object) -> str:
    """Give a setting as it is shown: of a secret only that there is one."""
    if isinstance(value, SecretStr):
        return "••••••••" if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} = {one}" for key, one in value.items())
    return "" if value is None else str(value)
