"""Every setting but those of a relay: its name, its kind, its default, and its sentence.

The sentences are the ones in `config.example.toml`, which is made from them.
"""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from mailer.config.asking import Check
from mailer.config.kinds import (
    Days,
    Hours,
    Language,
    Network,
    OptionalAddress,
    Table,
    has_good_port,
    is_loopback,
    parted,
)
from mailer.config.relay import ROUTE_NAME, Route
from mailer.errors import ConfigError
from mailer.tokens import KeyRing

SHORTEST_TOKEN = 16
"""Characters of a token that somebody chose: fewer can be guessed."""


class Partner(Table):
    """One link under “Partners” in the foot of pages and mails."""

    name: str = Field(description="Words of the link.")
    url: str = Field(description="Where it leads, beginning with https:// or http://.")

    @field_validator("url")
    @classmethod
    def _is_web(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return value


class Organisation(Table):
    """Who runs this installation; shown in the foot of pages and mails."""

    name: str = Field("", description="Name of the organisation.")
    postal_address: str = Field(
        "", description="Postal address, asked for by law in most countries."
    )
    contact: OptionalAddress = Field(
        "", description="Address for questions of readers: “write to us at …”."
    )
    owner: OptionalAddress = Field(
        "", description="Address of the owner, told when a route pauses or a digest is late."
    )
    language: Language = Field(
        "en",
        description=(
            "Language in which the owner is written to: notices, and the banner of redirected mail."
        ),
    )
    privacy_url: str = Field(
        "",
        description="Your own privacy notice; empty: the page /privacy, made from these settings.",
    )
    partners: tuple[Partner, ...] = Field(
        (), description="Links to partners, shown in the foot of pages and digests."
    )

    @field_validator("privacy_url")
    @classmethod
    def _is_web(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return value


class Database(Table):
    """Where everything is kept."""

    url: str = Field(
        "sqlite:///mailer.db",
        description=(
            "SQLite file (a path without leading slash is beside this file) or "
            "postgresql://user@host/name."
        ),
    )

    @field_validator("url")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value.startswith("sqlite:///"):
            if value.removeprefix("sqlite:///") in {"", ":memory:"}:
                raise ValueError("must name a file: sqlite:///mailer.db")
        elif not value.startswith(("postgresql://", "postgresql+psycopg://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        elif not has_good_port(value):
            raise ValueError("has a port that is not a number up to 65535")
        return value


class Web(Table):
    """The pages for readers."""

    host: str = Field("127.0.0.1", description="Network address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    base_url: str = Field(
        "http://127.0.0.1:8080/",
        description="Where readers find the pages; stands in every link, a path may follow.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(parted)] = Field(
        (), description="Networks of reverse proxies whose X-Forwarded-For is believed."
    )
    threads: int = Field(
        16, ge=1, le=200, description="Requests worked on at once; also database connections."
    )

    @field_validator("base_url")
    @classmethod
    def _has_slash(cls, value: str) -> str:
        if not all(char.isascii() and char.isprintable() and char != " " for char in value):
            raise ValueError("must be plain ASCII: write a host of other letters as xn--…")
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must begin with https:// or http:// and name a host")
        if any(char in value for char in "?#@") or not has_good_port(value):
            raise ValueError("must be a scheme, a host, perhaps a port and a path; nothing else")
        return value if value.endswith("/") else value + "/"

    @property
    def one_click(self) -> bool:
        """Tell whether mailbox providers may be offered RFC 8058: https, or loopback."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "https" or is_loopback(parts.hostname or "")


class SignIn(Table):
    """Sign-in of editors by your organisation's own provider (OpenID Connect), beside passwords."""

    name: str = Field("", description="What the button calls it; empty: the provider's host.")
    issuer: str = Field(
        "", description="The provider's issuer, such as https://id.example.org; empty: none."
    )
    client_id: str = Field("", description="Who we are to the provider.")
    client_secret: SecretStr = Field(
        SecretStr(""), description="Our secret there, if it gave one; client_secret_file reads one."
    )

    @field_validator("issuer")
    @classmethod
    def _is_web(cls, value: str) -> str:
        parts = urlsplit(value)
        is_near = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if value and not is_near and (parts.scheme != "https" or not parts.hostname):
            raise ValueError("must begin with https://")
        return value

    @field_validator("client_id")
    @classmethod
    def _is_there(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("issuer") and not value:
            raise ValueError("is needed with an issuer; the provider says which it is")
        return value


class Subscribe(Table):
    """The box: how long links last, and how much one may ask for."""

    confirm_days: int = Field(7, ge=1, le=30, description="Days a confirmation link is good.")
    remind_hours: int = Field(
        0,
        ge=0,
        le=240,
        description="Hours after which an unconfirmed opt-in is reminded, once; 0: never.",
    )
    undo_days: int = Field(
        30, ge=1, le=365, description="Days a leaving or a change of address can be undone."
    )
    access_hours: int = Field(
        1, ge=1, le=48, description="Hours the mailed link to one's own data is good."
    )
    form_hours: int = Field(24, ge=1, le=168, description="Hours a shown form can be sent.")
    form_seconds: int = Field(
        2, ge=0, le=60, description="Seconds below which a sent form is taken for a program's."
    )
    letters_per_address: int = Field(
        3, ge=1, description="Letters one address can be made to get in 24 hours, over all lists."
    )
    minutes_between_letters: int = Field(
        10, ge=0, le=1440, description="Minutes between two such letters to one address."
    )
    letters_per_network: int = Field(
        30, ge=1, description="Letters an hour asked for from one network; more are delayed."
    )
    letters_per_hour: int = Field(
        1000, ge=1, description="Letters an hour asked for by everybody; more are delayed."
    )
    longest_delay_hours: int = Field(
        24, ge=1, le=72, description="Hours a letter may be delayed; beyond it none is written."
    )


class Delivery(Table):
    """How mail leaves."""

    grace_seconds: int = Field(
        60, ge=0, le=3600, description="Seconds a worker may finish what it began when stopped."
    )
    lease_seconds: int = Field(
        60, ge=5, le=3600, description="Seconds after which a silent worker has lost its claims."
    )
    late_hours: Hours = Field(
        12, description="Hours a digest may be late; beyond them it waits for an editor."
    )
    digest_give_up_hours: Hours = Field(
        72, description="Hours after which a digest is not tried again."
    )
    letter_give_up_hours: Hours = Field(
        24, description="Hours after which a letter is not tried again."
    )
    digest_kilobytes: int = Field(
        300, ge=100, le=10_000, description="Kilobytes of a digest's HTML and pictures, at most."
    )
    batch: int = Field(
        3000,
        ge=1,
        le=10_000,
        description="Deliveries claimed at once, some seconds of work at most.",
    )
    processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that send, some 110 MB each. Two fill two processors.",
    )
    redirect_all_to: OptionalAddress = Field(
        "",
        description=(
            "For a safe first week: the one address that gets all mail, under a banner; readers "
            "get nothing. Empty for real work."
        ),
    )


class Retention(Table):
    """How many days what may be forgotten is kept: data about people is blanked, and sums stay."""

    unconfirmed_days: Days = Field(
        30, description="An address that never confirmed is forgotten after these."
    )
    evidence_days: Days = Field(
        1095, description="Network address and browser of a consent, after its subscription ended."
    )
    deliveries_days: Days = Field(730, description="Who was mailed which digest.")
    letters_days: Days = Field(
        90, description="To whom other letters went, and what mail servers answered."
    )
    media_days: Days = Field(
        90, description="Pictures and documents that nothing refers to any more are removed."
    )


class Watch(Table):
    """Who notices when something is wrong: letters go to organisation.owner."""

    stalled_minutes: int = Field(
        30, ge=1, le=10_080, description="Minutes without progress after which the owner is told."
    )
    disk_megabytes: int = Field(
        500, ge=0, description="Megabytes of free disk below which the owner is told."
    )
    heartbeat_url: SecretStr = Field(
        SecretStr(""),
        description=(
            "Address asked while all is well, of a service that rings when it is not; "
            "heartbeat_url_file reads a file."
        ),
    )
    heartbeat_minutes: int = Field(
        5, ge=1, le=1440, description="Minutes between two such requests."
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Token that opens /metrics to Prometheus; empty: there is no such page.",
    )

    @field_validator("heartbeat_url")
    @classmethod
    def _is_web(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not value.get_secret_value().startswith(
            ("https://", "http://")
        ):
            raise ValueError("must begin with https:// or http://")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < SHORTEST_TOKEN:
            raise ValueError(f"must have {SHORTEST_TOKEN} characters at least")
        return value


class Tokens(Table):
    """The secrets behind every link; the first signs, all verify."""

    keys: Annotated[tuple[SecretStr, ...], BeforeValidator(parted)] = Field(
        (), description="Secrets of 32 bytes in base64, newest first; keys_file reads a file."
    )

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if value:
            KeyRing.of([key.get_secret_value() for key in value])
        return value

    def ring(self) -> KeyRing:
        """Give the key ring; ConfigError when there is no key yet."""
        if not self.keys:
            raise ConfigError(
                ["tokens.keys: there is no key yet; “mailer init” makes a file with fresh ones"]
            )
        return KeyRing.of([key.get_secret_value() for key in self.keys])


class Templates(Table):
    """How it looks."""

    folder: Path | None = Field(
        None, description="Folder with templates of yours; a file there is used before ours."
    )


class Backup(Table):
    """Copies of everything, made by themselves."""

    nightly: bool = Field(default=True, description="Whether a backup is made each night.")
    folder: Path = Field(
        Path("backups"),
        description="Folder for backups; a path without leading slash is beside this file.",
    )
    hour: int = Field(3, ge=0, le=23, description="Hour at which it is made, in UTC.")
    keep: int = Field(14, ge=1, le=1000, description="Nightly backups kept; older ones go.")


class Log(Table):
    """What is written about the work; never addresses or links in full."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level.")
    format: Literal["auto", "text", "json"] = Field(
        "auto", description="text, json, or auto (text at a terminal)."
    )


class Settings(Table):
    """Every setting of an installation."""

    organisation: Organisation = Organisation()
    web: Web = Web()
    database: Database = Database()
    smtp: Route = Route()
    routes: dict[str, Route] = Field(
        default_factory=dict,
        validate_default=True,
        description="Further ways out, each a table [routes.NAME].",
    )
    sign_in: SignIn = SignIn()
    subscribe: Subscribe = Subscribe()
    delivery: Delivery = Delivery()
    retention: Retention = Retention()
    watch: Watch = Watch()
    check: Check = Check()
    tokens: Tokens = Tokens()
    templates: Templates = Templates()
    backup: Backup = Backup()
    log: Log = Log()

    @field_validator("routes")
    @classmethod
    def _are_further_ones(cls, value: dict[str, Route]) -> dict[str, Route]:
        if "smtp" in value:
            raise ValueError("the route “smtp” is the table [smtp]")
        for name in value:
            if not ROUTE_NAME.fullmatch(name):
                raise ValueError(
                    f"“{name}” cannot name a route: small letters, digits, “-” and “_”"
                )
        return value

    @field_validator("routes")
    @classmethod
    def _fallbacks_are_routes(
        cls, value: dict[str, Route], info: ValidationInfo
    ) -> dict[str, Route]:
        known = {**value, **({"smtp": info.data["smtp"]} if "smtp" in info.data else {})}
        for name, route in known.items():
            if wrong := [one for one in route.fallback if one not in known or one == name]:
                others = ", ".join(sorted(set(known) - {name})) or "none"
                raise ValueError(
                    f"fallback of “{name}”: “{wrong[0]}” is no other route; there are: {others}"
                )
        return value

    def all_routes(self) -> dict[str, Route]:
        """Give every route by name; `[smtp]` is the one named “smtp”."""
        return {"smtp": self.smtp, **self.routes}
