"""The composition root: everything an edge needs, built once and passed down.

What renders and sends is imported when it is asked for: most commands do neither.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import structlog

from mailer import config, continuity, departures, files, log
from mailer.clock import Clock, SystemClock
from mailer.config import Config, Settings
from mailer.continuity import Aftermath, Noting, Past
from mailer.db import SCHEMA, Database
from mailer.links import Links
from mailer.tokens import KeyRing

if TYPE_CHECKING:
    from mailer.delivery import Engine, Pacing, Press, Route
    from mailer.language import Languages
    from mailer.subscribers import Rules

logger = structlog.get_logger(__name__)


@dataclass
class App:
    """One opened installation. Close it, or use it in a `with`."""

    config: Config
    database: Database
    clock: Clock
    begin_anew: Callable[[], None] | None = field(default=None, compare=False)
    """Lets whoever serves it begin anew with the settings as they are now, where it can."""

    @classmethod
    def open(
        cls,
        path: Path | None,
        overrides: Mapping[str, Any] | None = None,
        *,
        clock: Clock | None = None,
        is_restoring: bool = False,
    ) -> Self:
        """Read the settings and bring the database up to date.

        A database that is older than it was is made safe at once; whoever is restoring one
        does that when it is whole. Raises ConfigError or DatabaseError, each with what to do.
        """
        app = cls.at_rest(path, overrides, clock=clock)
        try:
            app.bring_up_to_date()
            app.note_departures()
            if not is_restoring:
                app.look_back()
        except Exception:
            app.close()
            raise
        return app

    @classmethod
    def at_rest(
        cls,
        path: Path | None,
        overrides: Mapping[str, Any] | None = None,
        *,
        clock: Clock | None = None,
    ) -> Self:
        """Read the settings and leave the database as it is, behind or unreachable: to look at.

        Raises ConfigError, or DatabaseError for an URL that is none.
        """
        found = config.load(path, overrides)
        log.set_up(found.settings.log)
        database = Database(found.database_url, connections=found.settings.web.threads + 4)
        return cls(found, database, clock or SystemClock())

    def bring_up_to_date(self) -> Path | None:
        """Migrate the database if it is behind; give the backup made of an SQLite file."""
        if self.database.revision() == SCHEMA:
            return None
        from mailer.db import migrate

        return migrate.upgrade(self.database, now=self.clock.now())

    def note_departures(self) -> None:
        """Let who leaves be noted beside the database too, from now on."""
        ring = self.keys if self.settings.tokens.keys else None
        self.database.before_commit = Noting(self.config.beside, ring)

    def look_back(self) -> Aftermath | None:
        """Notice a database that is older than it was: hold what is not settled, and say so."""
        remembered = continuity.remembered(self.config.beside)
        if not self.database.read(continuity.look, remembered):
            return None
        lines, _ = departures.read(self.config.beside / departures.NAME)
        past = Past(remembered, lines, source="an older database was found")
        return self.settle_after(past)

    def settle_after(self, past: Past) -> Aftermath | None:
        """Make a database safe that was put back; None when another process just did."""
        from mailer import delivery

        now = self.clock.now()
        done = self.database.write(continuity.after_restore, past, self.keys, self.rules, now=now)
        if done:
            continuity.remember(self.config.state, done.mark)
            self.database.write(
                delivery.database_put_back, self.press, past.source, done.messages, now=now
            )
            logger.warning(
                "database.put_back", why=past.source, held=done.messages, left=done.departures
            )
        return done

    @property
    def settings(self) -> Settings:
        """Give every setting."""
        return self.config.settings

    @cached_property
    def keys(self) -> KeyRing:
        """Give the key ring behind every link."""
        return self.settings.tokens.ring()

    @cached_property
    def links(self) -> Links:
        """Give the maker of public addresses."""
        return Links(self.settings.web.base_url, self.keys)

    @cached_property
    def languages(self) -> "Languages":
        """Give the languages that have a catalogue: ours, and those the owner added."""
        from mailer.language import languages

        own = self.settings.templates.folder
        return languages(self.config.folder / own / "locale" if own else None)

    @cached_property
    def template_folders(self) -> tuple[Path, ...]:
        """Give where templates are looked for: the owner's folder first, then ours."""
        own = self.settings.templates.folder
        ours = files.templates()
        return (self.config.folder / own, ours) if own else (ours,)

    @cached_property
    def rules(self) -> "Rules":
        """Give how long links and letters live, and the limits on the box."""
        from mailer.subscribers import Limits, Rules

        subscribe, delivery = self.settings.subscribe, self.settings.delivery
        return Rules(
            confirm_for=timedelta(days=subscribe.confirm_days),
            undo_for=timedelta(days=subscribe.undo_days),
            access_for=timedelta(hours=subscribe.access_hours),
            remind_after=timedelta(hours=subscribe.remind_hours)
            if subscribe.remind_hours
            else None,
            letter_life=timedelta(hours=delivery.letter_give_up_hours),
            limits=Limits(
                per_address=subscribe.letters_per_address,
                gap=timedelta(minutes=subscribe.minutes_between_letters),
                per_network=subscribe.letters_per_network,
                per_hour=subscribe.letters_per_hour,
                longest_delay=timedelta(hours=subscribe.longest_delay_hours),
            ),
            signing_key=self.keys.signing_id,
        )

    @cached_property
    def press(self) -> "Press":
        """Give what renders and composes."""
        from mailer.delivery import Press
        from mailer.rendering import Templates

        templates = Templates(self.template_folders, self.languages)
        return Press(self.settings, self.keys, self.links, templates)

    @cached_property
    def routes(self) -> "dict[str, Route]":
        """Give every way out, by name; ConfigError when one cannot be used."""
        return {name: _route(name, found) for name, found in self.settings.all_routes().items()}

    @cached_property
    def pacing(self) -> "Pacing":
        """Give the engine's numbers."""
        from mailer.delivery import Pacing

        delivery = self.settings.delivery
        return Pacing(
            lease=timedelta(seconds=delivery.lease_seconds),
            grace=timedelta(seconds=delivery.grace_seconds),
            batch=delivery.batch,
        )

    def engine(self) -> "Engine":
        """Give a new engine; ConfigError when a route cannot be used."""
        from mailer.delivery import Engine, Turns

        if self.settings.delivery.redirect_all_to:
            logger.warning("mail.redirected", to=self.settings.delivery.redirect_all_to)
        turns = Turns(self.database, self.clock, self.press)
        state = self.config.state
        return Engine(self.database, self.clock, turns, self.routes, self.pacing, state)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _route(name: str, found: config.Route) -> "Route":
    from mailer.delivery import Route, Timeouts

    longest = found.timeout_seconds
    return Route(
        name=name,
        host=found.host,
        port=found.port,
        security=found.security,
        auth=found.auth,
        username=found.username,
        password=found.password.get_secret_value(),
        connections=found.connections,
        messages_per_connection=found.messages_per_connection,
        ca_file=found.ca_file,
        hello=found.hello or None,
        timeouts=Timeouts(
            connect=min(Timeouts().connect, longest),
            greeting=longest,
            mail=longest,
            rcpt=longest,
            data=min(Timeouts().data, longest),
            block=min(Timeouts().block, longest),
            dot=found.dot_timeout_seconds,
        ),
    )
