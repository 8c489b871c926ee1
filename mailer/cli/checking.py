"""What `mailer check` prints: findings by part, each with a word, a mark, and what to do."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from mailer import check
from mailer.check import DNS, Finding, Part, State, Wish
from mailer.cli import printing
from mailer.cli.desk import Desk
from mailer.cli.endings import FAILED, OK
from mailer.errors import UsageError

MARKS = {
    State.OK: "✓ ok",
    State.WARN: "! warn",
    State.FAIL: "✗ fail",
    State.UNKNOWN: "? could not check",
}
HEADS = {
    Part.CONFIG: "Settings",
    Part.DATABASE: "Database",
    Part.DISK: "Disk",
    Part.CLOCK: "Clock",
    Part.WORK: "Work",
    Part.PAGES: "Public pages",
    Part.RELAY: "Relays and allowed senders",
    Part.DOMAIN: "Domains",
    Part.SPF: "SPF",
    Part.DKIM: "DKIM",
    Part.DMARC: "DMARC",
    Part.HELLO: "Names of machines",
    Part.BLOCKLISTS: "Blocklists",
    Part.MAILBOXES: "What comes back",
    Part.EXTRAS: "Beyond what mail needs",
}
ALL_DNS = "dns"


def wish(only: str, slug: str, resolver: str) -> Wish:
    """Give what the options ask for; UsageError for a part that there is not."""
    parts: list[Part] = []
    for name in only.replace(",", " ").split():
        if name == ALL_DNS:
            parts.extend(DNS)
        elif name in set(Part):
            parts.append(Part(name))
        else:
            known = ", ".join([ALL_DNS, *Part])
            raise UsageError(f"--only: there is no part “{name}”; there are: {known}")
    return Wish(tuple(parts), slug, resolver)


def look(desk: Desk, wanted: Wish, *, quiet: bool) -> list[Finding]:
    """Look, with a bar at a terminal."""
    with printing.progress("looking", quiet=quiet) as moved:
        return check.check(desk.path(), wanted, moved=moved)


def show(found: Sequence[Finding], *, quiet: bool, as_json: bool) -> None:
    """Print the findings, or only those that are not ok."""
    shown = [one for one in found if not (quiet and one.state is State.OK)]
    counts = {state.value: count for state, count in _counted(found).items()}
    if as_json:
        printing.as_json({"counts": counts, "findings": [_record(one) for one in shown]})
        return
    for part, group in groupby(shown, key=lambda one: one.part):
        printing.heading(HEADS[part])
        for one in group:
            _print(one)
    if shown:
        printing.out("")
    if not quiet or shown:
        words = [f"{MARKS[state]} {count}" for state, count in _counted(found).items() if count]
        printing.out("   ".join(words))


def code(found: Sequence[Finding], *, strict: bool) -> int:
    """Give the exit code: 1 for a fault, and with `strict` for a warning too."""
    states = {one.state for one in found}
    bad = {State.FAIL, State.WARN} if strict else {State.FAIL}
    return FAILED if states & bad else OK


def _counted(found: Sequence[Finding]) -> dict[State, int]:
    counts = Counter(one.state for one in found)
    return {state: counts[state] for state in State}


def _record(one: Finding) -> dict[str, Any]:
    return {
        "part": one.part.value,
        "subject": one.subject,
        "state": one.state.value,
        "says": one.says,
        "todo": one.todo,
        "paste": one.paste,
    }


def _print(one: Finding) -> None:
    width = max(map(len, MARKS.values()))
    says = one.says.removeprefix("Could not check: ")  # the mark has said so
    printing.line(f"  {MARKS[one.state]:<{width}}  {one.subject}: {says}")
    if one.todo:
        printing.line(f"  {'':<{width}}  → {one.todo}")
    if one.paste:
        # At the margin and alone, so that it can be copied as it is.
        printing.text(f"{one.paste}\n\n")
