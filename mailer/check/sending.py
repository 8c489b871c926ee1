"""Who mail is from, and by which way it goes: what a relay and a name server must allow."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from mailer.app import App
from mailer.config import Route
from mailer.lists import Card

NOBODY = 0
"""The number of a delivery that there never is, for a return path that leads nowhere."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One address in From, by one route.

    `return_path` is what the route would really use; `replies` are where its readers' answers go.
    `is_signed` says that we sign for the domain in From ourselves, `has_new_key` that there is a
    key of ours for it that does not sign yet.
    """

    sender: str
    return_path: str
    name: str
    route: Route
    lists: tuple[str, ...] = ()
    owner: str = ""
    replies: tuple[str, ...] = ()
    is_signed: bool = False
    has_new_key: bool = False

    @property
    def domain(self) -> str:
        """Give the domain in From."""
        return _domain(self.sender)

    @property
    def envelope(self) -> str:
        """Give the domain in MAIL FROM: the one that SPF is about."""
        return _domain(self.return_path)

    @property
    def return_path_varies(self) -> bool:
        """Tell whether the return path is an address of its own for each delivery."""
        return (
            bool(self.route.return_path_domain) and self.envelope == self.route.return_path_domain
        )

    @property
    def path(self) -> str:
        """Give the table of the route, for messages about settings."""
        return self.name if self.name == "smtp" else f"routes.{self.name}"


def sendings(
    app: App, cards: Iterable[Card], signed: Collection[str] = (), waiting: Collection[str] = ()
) -> list[Sending]:
    """Give every sender with the ways it may go: the lists', fallbacks too, and the owner's.

    `signed` are the domains that we sign for ourselves, `waiting` those of keys that do not yet.
    """
    cards = list(cards)
    found: dict[tuple[str, str], list[str]] = {}
    replies: dict[str, list[str]] = {}
    for card in cards:
        of = replies.setdefault(card.sender.address, [])
        of.append(card.sender.reply_to or card.sender.address)
    for address, route, slug in _named(app, cards):
        slugs = found.setdefault((address, route), [])
        slugs.extend([slug] if slug else [])
    routes = app.settings.all_routes()
    return [
        Sending(
            sender=address,
            return_path=_return_path(app, name, address),
            name=name,
            route=routes[name],
            lists=tuple(slugs),
            owner=app.settings.organisation.owner,
            replies=tuple(dict.fromkeys(replies.get(address, [address]))),
            is_signed=_domain(address) in signed,
            has_new_key=_domain(address) in waiting,
        )
        for (address, name), slugs in found.items()
    ]


def _named(app: App, cards: Iterable[Card]) -> Iterator[tuple[str, str, str]]:
    routes = app.settings.all_routes()
    for card in cards:
        if card.sender.route in routes and card.list.retired_at is None:
            for name in (card.sender.route, *routes[card.sender.route].fallback):
                yield card.sender.address, name, card.list.slug
    if app.settings.organisation.owner:
        yield app.settings.organisation.owner, "smtp", ""


def _return_path(app: App, route: str, sender: str) -> str:
    if not app.settings.tokens.keys:
        return sender  # that there is no key is a finding of its own
    return app.press.envelope_sender(route, sender, NOBODY, app.keys.signing_id)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()
