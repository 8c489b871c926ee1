"""What exports of other programs say beyond name and address: who left, bounced, never confirmed.

Whoever must not be mailed there is not put on a list here: they come as somebody who left, or as a
suppression, so that no later import brings them back. When they opted in is kept as evidence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from mailer.db.schema import SuppressionReason
from mailer.errors import UsageError


class Fate(StrEnum):
    """What a row asks for."""

    JOIN = "join"
    LEFT = "left"
    SUPPRESSED = "suppressed"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What another program knew of somebody. `at` is when they left or were suppressed."""

    fate: Fate = Fate.JOIN
    why: str = ""
    reason: SuppressionReason = SuppressionReason.EDITOR
    at: datetime | None = None
    evidence: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


JOINS = Verdict()
Cells = Mapping[str, str]
"""A row's cells by the names of their columns, in lower case."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One program's export. `marks` are columns that only it has, all of them."""

    name: str
    marks: tuple[frozenset[str], ...]
    judge: Callable[[Cells, str], Verdict]


def recognised(head: tuple[str, ...]) -> str | None:
    """Give the program that a table came from, if its columns give it away."""
    names = frozenset(name.strip().lower() for name in head)
    for origin in ORIGINS.values():
        if any(marks <= names for marks in origin.marks):
            return origin.name
    return None


def judge(origin: str | None, cells: Cells, part: str) -> Verdict:
    """Tell what a row asks for; `part` is the name of its file, which may say so."""
    return ORIGINS[origin].judge(cells, part) if origin else JOINS


def known(name: str | None) -> str | None:
    """Give back the name of a program whose exports we read; UsageError for another."""
    if name is not None and name not in ORIGINS:
        raise UsageError(f"--from: “{name}” is not known; there are: {', '.join(ORIGINS)}")
    return name


def _listmonk(cells: Cells, part: str) -> Verdict:
    del part
    status = cells.get("status", "").lower()
    on_list = cells.get("subscription_status", cells.get("subscription status", "")).lower()
    joined = _evidence(cells, opted_in_at="created_at")
    if status in {"blocklisted", "blacklisted"}:
        return Verdict(Fate.SUPPRESSED, "blocklisted in listmonk", evidence=joined)
    if on_list == "unsubscribed":
        at = _moment(cells.get("updated_at", ""))
        return Verdict(Fate.LEFT, "unsubscribed in listmonk", at=at, evidence=joined)
    if on_list == "unconfirmed":
        return Verdict(Fate.OUT, "never confirmed in listmonk")
    if status == "disabled":
        return Verdict(Fate.OUT, "disabled in listmonk")
    return Verdict(evidence=joined)


def _mailman(cells: Cells, part: str) -> Verdict:
    del part
    status = cells.get("delivery status", cells.get("delivery_status", "")).lower()
    if "bounce" in status:
        reason = SuppressionReason.BOUNCE
        return Verdict(Fate.SUPPRESSED, "bounced in Mailman", reason)
    if status not in {"", "enabled"}:
        return Verdict(Fate.OUT, "delivery is disabled in Mailman")
    return JOINS


def _phplist(cells: Cells, part: str) -> Verdict:
    del part
    joined = _evidence(cells, opted_in_at="entered")
    if _yes(_like(cells, "blacklisted")):
        why = "blacklisted in phpList"
        return Verdict(Fate.SUPPRESSED, why, SuppressionReason.REQUEST, evidence=joined)
    if _yes(_like(cells, "disabled")):
        return Verdict(Fate.OUT, "disabled in phpList")
    confirmed = _like(cells, "confirmed")
    if confirmed and not _yes(confirmed):
        return Verdict(Fate.OUT, "never confirmed in phpList")
    return Verdict(evidence=joined)


def _mailchimp(cells: Cells, part: str) -> Verdict:
    joined = _evidence(cells, opted_in_at="optin_time", confirmed_at="confirm_time")
    if remote := cells.get("confirm_ip") or cells.get("optin_ip"):
        joined["remote"] = remote  # by this name it is forgotten with evidence of our own
    file = part.lower()
    if file.startswith("cleaned") or cells.get("clean_time"):
        at = _moment(cells.get("clean_time", ""))
        bounce = SuppressionReason.BOUNCE
        return Verdict(Fate.SUPPRESSED, "cleaned in Mailchimp", bounce, at, joined)
    if file.startswith("unsubscribed") or cells.get("unsub_time"):
        at = _moment(cells.get("unsub_time", ""))
        return Verdict(Fate.LEFT, "unsubscribed in Mailchimp", at=at, evidence=joined)
    if file.startswith(("nonsubscribed", "non-subscribed", "transactional", "archived")):
        return Verdict(Fate.OUT, "was no subscriber in Mailchimp")
    return Verdict(evidence=joined)


ORIGINS = {
    "listmonk": Origin(
        "listmonk", (frozenset({"uuid", "email", "attributes", "status"}),), _listmonk
    ),
    "mailman3": Origin("mailman3", (), _mailman),
    "phplist": Origin(
        "phplist",
        (
            frozenset({"list membership", "email"}),
            frozenset({"confirmed", "blacklisted", "htmlemail"}),
        ),
        _phplist,
    ),
    "mailchimp": Origin(
        "mailchimp", (frozenset({"email address", "member_rating", "leid"}),), _mailchimp
    ),
}


def _evidence(cells: Cells, **names: str) -> dict[str, str]:
    return {key: cells[name] for key, name in names.items() if cells.get(name)}


def _like(cells: Cells, word: str) -> str:
    """Give the cell whose column's name holds a word: phpList translates and rewords them."""
    return next((cell for name, cell in cells.items() if word in name), "")


def _yes(cell: str) -> bool:
    return cell.strip().lower() in {"1", "yes", "true", "y"}


def _moment(text: str) -> datetime | None:
    """Read a moment such as “2024-02-01 09:00:00”, in UTC; None for what is none."""
    try:
        found = datetime.fromisoformat(text.strip()[:19].replace("T", " "))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC)
