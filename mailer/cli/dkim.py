"""`mailer dkim`: the keys by which mail is signed here, and what of them belongs into DNS."""

from datetime import datetime
from typing import Annotated, Any

import typer
from sqlmodel import Session

from mailer import check, dkim, lists
from mailer.app import App
from mailer.check import Published, Resolver, State
from mailer.cli import printing
from mailer.cli.options import AsJson
from mailer.cli.printing import talk
from mailer.db.schema import DkimAlgorithm, DkimKey
from mailer.dkim import Standing
from mailer.errors import Refused

app = typer.Typer()

SECONDS = 30
"""How long name servers may take for all keys."""

SHOWN = ("domain", "selector", "algorithm", "standing", "made_at", "signs_from", "signs_until")
MARKS = {State.OK: "✓ ", State.WARN: "! ", State.FAIL: "✗ ", State.UNKNOWN: "? "}

ADomain = Annotated[
    str, typer.Argument(metavar="DOMAIN", help="The domain in From, such as example.org.")
]
AResolver = Annotated[
    str,
    typer.Option("--resolver", metavar="IP:PORT", help="Name server to ask, not this machine's."),
]
ASelector = Annotated[
    str, typer.Option("--selector", metavar="NAME", help="The key of this selector.")
]


@app.command(name="new-key")
def new_key(
    ctx: typer.Context,
    domain: ADomain,
    ed25519: Annotated[
        bool, typer.Option("--ed25519", help="A short key, for a second signature beside RSA.")
    ] = False,
    selector: Annotated[
        str, typer.Option("--selector", metavar="NAME", help="Its selector; else by the date.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make a key that does not sign yet, and print the record that belongs into DNS."""
    wish = dkim.Wish(
        domain=dkim.domain(domain),
        algorithm=DkimAlgorithm.ED25519 if ed25519 else DkimAlgorithm.RSA,
        selector=dkim.selector(selector) if selector else "",
    )
    with ctx.obj.open() as opened:
        made = opened.database.write(dkim.make, opened.keys, wish, now=opened.clock.now())
        senders = _sender_domains(opened)
    if as_json:
        printing.as_json(_record(made))
    else:
        _print(made)
    if made.domain not in senders:
        talk(f"no list is from {made.domain}: a key signs for the very domain in From")
    talk(f"once the record is in DNS: mailer dkim switch {made.domain}")


@app.command()
def show(
    ctx: typer.Context,
    domain: Annotated[
        str, typer.Argument(metavar="[DOMAIN]", help="Only the keys of this domain.")
    ] = "",
    resolver: AResolver = "",
    as_json: AsJson = False,
) -> None:
    """Show every key with its record, and whether the record is in DNS."""
    with ctx.obj.open() as opened:
        keys = opened.database.read(dkim.every, dkim.domain(domain) if domain else "")
        now = opened.clock.now()
    names = Resolver(resolver, seconds=SECONDS)
    found = [(key, check.published(names, key)) for key in keys]
    if as_json:
        printing.as_json([_record(key, there) for key, there in found])
        return
    for key, there in found:
        _print(key, there)
        talk(f"→ {_next(key, there, now)}")
    if not found:
        talk("none; the relay may sign, or make one: mailer dkim new-key DOMAIN")


@app.command()
def switch(
    ctx: typer.Context,
    domain: ADomain,
    selector: ASelector = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Without looking whether the record is in DNS.")
    ] = False,
    resolver: AResolver = "",
) -> None:
    """Let the new key sign from now on, once its record is found; or a former one again."""
    name = dkim.domain(domain)
    with ctx.obj.open() as opened:
        keys = opened.database.read(dkim.chosen, name, dkim.selector(selector) if selector else "")
        if not yes:
            _look(keys, resolver)
        before = opened.database.write(dkim.switch, keys, now=opened.clock.now())
    for key in keys:
        talk(f"{key.selector} ({key.algorithm}) signs mail from {name} from now on")
    for key in before:
        talk(f"{key.selector} does not sign any more; {_leave(key)}")


@app.command()
def remove(
    ctx: typer.Context,
    domain: ADomain,
    selector: Annotated[str, typer.Argument(metavar="SELECTOR", help="The key's selector.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Even if it signs, or its record is still needed.")
    ] = False,
) -> None:
    """Forget a key for ever: one that never signed, or one that is retired long enough."""
    name = dkim.domain(domain)
    with ctx.obj.open() as opened:
        key = opened.database.read(_one, name, dkim.selector(selector))
        if not yes:
            _check_unused(key, opened.clock.now())
        opened.database.write(dkim.remove, key)
    talk(f"{key.selector} is forgotten; take {dkim.place(name, key.selector)} out of DNS")
    if dkim.standing(key) is Standing.SIGNS:
        talk(f"mail from {name} is not signed by it any more")


def _sender_domains(opened: App) -> set[str]:
    cards = opened.database.read(lists.cards)
    senders = [card.sender.address for card in cards] + [opened.settings.organisation.owner]
    return {sender.rpartition("@")[2].lower() for sender in senders}


def _one(session: Session, domain: str, selector: str) -> DkimKey:
    return dkim.chosen(session, domain, selector)[0]


def _look(keys: list[DkimKey], resolver: str) -> None:
    """Refuse a key whose record is not found; signed by it, all mail would fail."""
    names = Resolver(resolver, seconds=SECONDS)
    for key in keys:
        there = check.published(names, key)
        if there.state is not State.OK:
            at = dkim.place(key.domain, key.selector)
            raise Refused(
                f"{at}: {there.says}; nothing was changed (“mailer dkim show” has the record; "
                "--yes switches without looking)"
            )


def _check_unused(key: DkimKey, now: datetime) -> None:
    until = dkim.leave_until(key)
    if dkim.standing(key) is Standing.SIGNS:
        raise Refused(f"{key.selector} signs; switch to another first, or give --yes")
    if until and now < until:
        raise Refused(
            f"{key.selector} may still be looked up until {until:%Y-%m-%d}; or give --yes"
        )


def _next(key: DkimKey, there: Published, now: datetime) -> str:
    """Say what is to be done about a key."""
    until = dkim.leave_until(key)
    if until:
        done = now >= until
        return f"mailer dkim remove {key.domain} {key.selector}" if done else _leave(key)
    if there.state is State.UNKNOWN:
        return "ask again, or another name server, by --resolver"
    if there.state is State.FAIL:
        return "publish the record: as TXT, under this name, on one line"
    if dkim.standing(key) is Standing.NEW:
        return f"mailer dkim switch {key.domain}"
    return "nothing to do"


def _leave(key: DkimKey) -> str:
    until = dkim.leave_until(key)
    assert until is not None
    days = dkim.KEEP_RECORD.days
    return (
        f"leave its record in DNS for {days} days, until {until:%Y-%m-%d}: "
        "mail that is on its way was signed by it"
    )


def _record(key: DkimKey, there: Published | None = None) -> dict[str, Any]:
    """Give a key as JSON has it; the names are in docs/commands.md. Never its private half."""
    shown: dict[str, Any] = {
        "domain": key.domain,
        "selector": key.selector,
        "algorithm": key.algorithm.value,
        "standing": dkim.standing(key).value,
        "made_at": key.made_at,
        "signs_from": key.signs_from,
        "signs_until": key.signs_until,
        "leave_until": dkim.leave_until(key),
        "name": dkim.place(key.domain, key.selector),
        "value": dkim.record(key.algorithm, key.public),
        "zone_line": check.record_line(key),
    }
    if there is not None:
        shown |= {"dns": there.state.value, "dns_says": there.says}
    return shown


def _print(key: DkimKey, there: Published | None = None) -> None:
    """Print a key; its record at the margin, each form alone on a line, to be copied."""
    found = _record(key, there)
    printing.heading(f"{key.selector} of {key.domain}")
    printing.card({name: found[name] for name in SHOWN[2:] if found[name]})
    if there is not None:
        printing.card({"in DNS": MARKS[there.state] + there.says})
    printing.text(f"name (TXT):\n{found['name']}")
    printing.text(f"value:\n{found['value']}")
    printing.text(f"both, for a zone file:\n{found['zone_line']}\n")
