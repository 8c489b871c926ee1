"""Numbers for Prometheus, made from the database when asked: nothing is counted in memory.

So any process may be asked, several give the same answer, and a restart loses nothing. No
label names a person.
"""

import hmac
from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlmodel import Session
from starlette.responses import Response

from mailer import __version__, backups, delivery, facts, ledger, lists, subscribers, watch
from mailer.db.schema import DigestState
from mailer.digests import life
from mailer.errors import NotFound
from mailer.web.desk import Desk
from mailer.web.visit import Visit

UNDER_WAY = (DigestState.QUEUED, DigestState.SENDING, DigestState.PAUSED)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH = {"Cache-Control": "no-store"}


def show(desk: Desk, visit: Visit) -> Response:
    """Give the numbers to whoever has the token; without one there is no such page."""
    token = desk.app.settings.watch.metrics_token.get_secret_value()
    given = visit.bearer.encode()
    if not token or not hmac.compare_digest(given, token.encode()):
        raise NotFound("page", visit.path)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Office(desk))
    return Response(generate_latest(registry), media_type=MEDIA_TYPE, headers=FRESH)


class _Office(Collector):
    """The installation as numbers, at one moment."""

    def __init__(self, desk: Desk) -> None:
        self._app, self._now = desk.app, desk.now()

    def collect(self) -> Iterable[Metric]:
        """Give every number."""
        yield InfoMetricFamily("communique", "The program.", value={"version": __version__})
        with self._app.database.reading() as session:
            yield from self._at_work(session)
            yield from self._digests(session)
            yield from self._lists(session)
            yield from self._routes(session)
            yield from _last_backup(session)
        yield _gauge("disk_free_bytes", "Room on the database's disk.", watch.free_bytes(self._app))

    def describe(self) -> Iterable[Metric]:
        """Give no names beforehand: that would ask the database."""
        return []

    def _at_work(self, session: Session) -> Iterator[Metric]:
        waits = ledger.longest_waiting_letter(session)
        age = max((self._now - waits).total_seconds(), 0) if waits else 0
        troubles = len(facts.named(session, watch.TROUBLE))
        yield _gauge("workers", "Workers alive.", ledger.working(session, now=self._now))
        yield _gauge("letters_waiting", "Letters not sent yet.", ledger.letters_waiting(session))
        yield _gauge("letters_oldest_seconds", "How long the oldest of them has been due.", age)
        yield _gauge(
            "asks_waiting", "What boxes asked, not acted on.", subscribers.waiting_asks(session)
        )
        yield _gauge("troubles", "Troubles the owner was told of, not over.", troubles)

    def _digests(self, session: Session) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "communique_digest_deliveries",
            "Recipients of each digest under way, by how they stand.",
            labels=["digest", "state"],
        )
        for digest in life.in_state(session, *UNDER_WAY):
            assert digest.id is not None
            sums = ledger.sums(session, digest.id)
            for standing in ledger.Standing:
                family.add_metric([str(digest.id), standing.value], getattr(sums, standing.value))
        yield family

    def _lists(self, session: Session) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "communique_subscribers", "Confirmed subscribers of each list.", labels=["list"]
        )
        for card in lists.cards(session):
            family.add_metric([card.list.slug], subscribers.size(session, card.id))
        yield family

    def _routes(self, session: Session) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "communique_route_in_use",
            "1 for a route in use, 0 for one that is paused or rests.",
            labels=["route"],
        )
        for one in delivery.routes(session, list(self._app.settings.all_routes())):
            family.add_metric([one.name], 0 if one.is_out_of_use(self._now) else 1)
        yield family
        yield self._paces(session)

    def _paces(self, session: Session) -> Metric:
        """Count providers and domains; a domain's name might be a person's."""
        family = GaugeMetricFamily(
            "communique_groups",
            "Providers and domains that get mail by a route no faster than they like.",
            labels=["route", "state"],
        )
        routes = list(self._app.settings.all_routes())
        found = delivery.paces(session, routes)
        counts = Counter((one.route, one.state(self._now)) for one in found if one.group)
        for route in routes:
            for state in ("paced", "slowed", "held", "stopped"):
                family.add_metric([route, state], counts[route, state])
        return family


def _last_backup(session: Session) -> Iterator[Metric]:
    made = facts.get(session, backups.MADE)
    if made:
        said = "When the last nightly backup was made."
        yield _gauge("backup_made_timestamp_seconds", said, made.at.timestamp())


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(f"communique_{name}", said, value=value)
