"""What is held about a person, said in their language: the same as the file, fit to be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailer.language import Language, translatable

MOST = 100
"""Lines of mail and of history that a page shows, the newest; the file has them all."""

STATES = {
    "pending": translatable("not confirmed yet"),
    "confirmed": translatable("subscribed"),
    "unsubscribed": translatable("left"),
}
MAIL = {
    "queued": translatable("waiting to be mailed"),
    "claimed": translatable("waiting to be mailed"),
    "sent": translatable("taken by the mail server"),
    "failed": translatable("could not be mailed"),
    "suppressed": translatable("not mailed: the address must not be"),
    "withdrawn": translatable("not mailed: taken back"),
    "uncertain": translatable("may have been mailed"),
}
EVENTS = {
    "subscription.asked": translatable("Subscription asked for"),
    "subscription.confirmed": translatable("Subscription confirmed"),
    "subscription.left": translatable("List left"),
    "subscription.left_because": translatable("Reason for leaving given"),
    "subscription.resumed": translatable("Leaving undone"),
    "subscriber.refused": translatable("Asked never to be written to"),
    "subscriber.language": translatable("Language changed"),
    "subscriber.paused": translatable("Pause begun"),
    "subscriber.pause_ended": translatable("Pause ended"),
    "subscriber.renamed": translatable("Name changed"),
    "subscriber.move_asked": translatable("Change of address asked for"),
    "subscriber.moved": translatable("Address changed"),
    "subscriber.move_undone": translatable("Change of address undone"),
    "access.asked": translatable("Link to this page asked for"),
    "subscription.reminded": translatable("Reminder mailed"),
    "subscription.lapsed": translatable("Subscription not confirmed in time"),
    "subscription.leave_asked": translatable("Link to leave asked for"),
    "subscription.undone": translatable("Import taken back"),
    "subscription.refused": translatable("Not done: the address must not be mailed"),
    "subscription.limited": translatable("Not done: too many letters were asked for"),
    "subscriber.barred": translatable("Kept from mail"),
    "subscriber.let_back": translatable("May be mailed again"),
    "subscriber.handed_over": translatable("Mailbox passed into new hands"),
    "subscriber.placed": translatable("Organisation set"),
    "subscriber.move_refused": translatable("Not done: the address must not be mailed"),
    "access.refused": translatable("Not done: the address must not be mailed"),
    "subscriber.move_limited": translatable("Not done: too many letters were asked for"),
    "access.limited": translatable("Not done: too many letters were asked for"),
}
EVIDENCE = {
    "remote": translatable("network address"),
    "agent": translatable("program"),
    "page": translatable("page"),
    "origin": translatable("site"),
    "basis": translatable("basis"),
    "wording": translatable("words shown"),
    "why": translatable("reason"),
}
"""What a page shows of the evidence; the file has all of it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was, when, and what there is to add."""

    at: datetime
    what: str
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """All of it, by kind; `facts` are single values with their names."""

    facts: tuple[tuple[str, str], ...]
    lists: tuple[Line, ...]
    changes: tuple[Line, ...]
    mail: tuple[Line, ...]
    history: tuple[Line, ...]


def of(found: Mapping[str, Any], language: Language) -> Held:
    """Say what `subscribers.held` gave."""
    facts = {
        language.gettext("Address"): found["address"],
        language.gettext("Name"): found["name"],
        language.gettext("Organisation"): found["organisation"],
        language.gettext("Known since"): language.format_date(found["since"].date()),
    }
    return Held(
        facts=tuple((name, str(value)) for name, value in facts.items() if value),
        lists=tuple(_list(one, language) for one in found["subscriptions"]),
        changes=tuple(_change(one, language) for one in found["address_changes"] if one["address"]),
        mail=tuple(_mail(one, language) for one in reversed(found["deliveries"][-MOST:])),
        history=tuple(_event(one, language) for one in reversed(found["history"][-MOST:])),
    )


def _list(one: Mapping[str, Any], language: Language) -> Line:
    said = STATES[one["state"]]
    state = language.gettext(said)
    since = one["left_at"] or one["confirmed_at"] or one["since"]
    more = ((language.gettext("basis"), one["basis"]),) if one["basis"] else ()
    return Line(since, f"{one['name']}: {state}", more)


def _change(one: Mapping[str, Any], language: Language) -> Line:
    what = f"{one['old_address']} → {one['address']}"
    if one["undone_at"]:
        undone = language.gettext("Change of address undone")
        return Line(one["undone_at"], f"{what}: {undone}")
    if one["done_at"]:
        return Line(one["done_at"], what)
    waiting = language.gettext("not confirmed yet")
    return Line(one["asked_at"], f"{what}: {waiting}")


def _mail(one: Mapping[str, Any], language: Language) -> Line:
    numbered = language.gettext("Number %(number)s", number=one["number"])
    words = numbered if one["number"] else language.gettext("A letter")
    said = MAIL[one["state"]]
    state = language.gettext(said)
    what = " ".join(filter(None, (one["list"], words)))
    return Line(one["posted_at"], f"{what}: {state}")


def _event(one: Mapping[str, Any], language: Language) -> Line:
    known = EVENTS.get(one["kind"])
    what = language.gettext(known) if known else one["kind"]
    if one["list"]:
        what = f"{what}: {one['list']}"
    more = tuple(
        (language.gettext(name), str(one["details"][key]))
        for key, name in EVIDENCE.items()
        if one["details"].get(key)
    )
    return Line(one["at"], what, more)
