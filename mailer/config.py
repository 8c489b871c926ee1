"""The settings: from a TOML file and the environment, every mistake named at once.

Environment over file: `MAILER_SMTP__HOST` overrides `host` in `[smtp]`. A secret may stand in
a file of its own: `MAILER_SMTP__PASSWORD_FILE=/run/secrets/relay` or `password_file` in the
table. The sentences here are the ones in `config.example.toml`, which is made from them.
"""

import os
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from mailer.address import parse as parse_address
from mailer.errors import AddressInvalid, ConfigError
from mailer.tokens import KeyRing

PREFIX = "MAILER_"
LARGEST_CONFIG = 1_000_000
"""Bytes of a settings file; more is a mistake."""


class Security(StrEnum):
    """How a connection to a relay is protected."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    STARTTLS = "starttls"
    TLS = "tls"


class Auth(StrEnum):
    """How we sign in to a relay."""

    NONE = "none"
    PLAIN = "plain"
    LOGIN = "login"
    XOAUTH2 = "xoauth2"


def _checked_address(value: str) -> str:
    if value == "":
        return value
    try:
        return parse_address(value).mailbox
    except AddressInvalid as error:
        raise ValueError(error.why) from None


OptionalAddress = Annotated[str, BeforeValidator(_checked_address)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Partner(_Table):
    """One link under “Partners” in the foot of pages and mails."""

    name: str = Field(description="Words of the link.")
    url: str = Field(description="Where it leads, beginning with https:// or http://.")

    @field_validator("url")
    @classmethod
    def _is_web(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return value


class Organisation(_Table):
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
    partners: tuple[Partner, ...] = Field(
        (), description="Links to partners, shown in the foot of pages and digests."
    )


class Database(_Table):
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
        if not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return value


class Web(_Table):
    """The pages for readers."""

    host: str = Field("127.0.0.1", description="Network address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    base_url: str = Field(
        "http://127.0.0.1:8080/",
        description="Where readers find the pages; stands in every link, a path may follow.",
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks of reverse proxies whose X-Forwarded-For is believed."
    )
    threads: int = Field(
        16, ge=1, le=200, description="Requests worked on at once; also database connections."
    )

    @field_validator("base_url")
    @classmethod
    def _has_slash(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must begin with https:// or http:// and name a host")
        if parts.query or parts.fragment:
            raise ValueError("must not hold “?” or “#”")
        return value if value.endswith("/") else value + "/"

    @property
    def one_click(self) -> bool:
        """Tell whether mailbox providers may be offered RFC 8058: https, or loopback."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "https" or _is_loopback(parts.hostname or "")


class Route(_Table):
    """One way out: an SMTP relay."""

    host: str = Field("127.0.0.1", min_length=1, description="Name or address of the relay.")
    port: int = Field(25, ge=1, le=65535, description="Port of the relay.")
    security: Security = Field(
        Security.OPPORTUNISTIC,
        description=(
            "none, opportunistic (STARTTLS when offered), starttls (required, certificate "
            "checked) or tls (from the first byte)."
        ),
    )
    auth: Auth = Field(Auth.NONE, description="none, plain, login or xoauth2.")
    username: str = Field("", description="Name to sign in with.")
    password: SecretStr = Field(
        SecretStr(""), description="Password or token to sign in with; password_file reads a file."
    )
    ca_file: Path | None = Field(
        None, description="PEM file of the authority that signed the relay's certificate."
    )
    hello: str = Field("", description="Name given in EHLO; empty takes the machine's own.")
    connections: int = Field(4, ge=1, le=200, description="Connections held open at once.")
    messages_per_connection: int = Field(
        100, ge=1, description="Messages after which a connection is opened anew."
    )
    return_path: OptionalAddress = Field(
        "",
        description=(
            "Address in MAIL FROM for relays that take only one; empty signs one for each "
            "delivery in return_path_domain, or takes the sender's address."
        ),
    )
    return_path_domain: str = Field(
        "", description="Domain of signed return paths, such as bounce.example.org."
    )
    timeout_seconds: int = Field(
        300, ge=1, le=3600, description="Longest wait for a greeting or an answer (RFC 5321)."
    )
    dot_timeout_seconds: int = Field(
        600, ge=1, le=3600, description="Longest wait for the answer to a whole message."
    )

    @model_validator(mode="after")
    def _auth_is_whole(self) -> Self:
        if self.auth is Auth.NONE:
            return self
        if not self.username:
            raise ValueError(f"auth = “{self.auth}” needs a username")
        if self.security in {Security.NONE, Security.OPPORTUNISTIC} and not _is_loopback(self.host):
            raise ValueError(
                f"auth = “{self.auth}” would send the password in the clear: "
                "set security to “starttls” or “tls”"
            )
        return self


class Subscribe(_Table):
    """The box: how long links last, and how much one may ask for."""

    confirm_days: int = Field(7, ge=1, le=30, description="Days a confirmation link is good.")
    undo_days: int = Field(30, ge=1, le=365, description="Days a leaving can be undone.")
    form_hours: int = Field(24, ge=1, le=168, description="Hours a shown form can be sent.")
    form_seconds: int = Field(
        2, ge=0, le=60, description="Seconds below which a sent form is taken for a program's."
    )
    letters_per_address: int = Field(
        3, ge=1, description="Letters one address can be made to get in 24 hours, over all lists."
    )
    minutes_between_letters: int = Field(
        10, ge=0, description="Minutes between two such letters to one address."
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


class Delivery(_Table):
    """How mail leaves."""

    grace_seconds: int = Field(
        60, ge=0, le=3600, description="Seconds a worker may finish what it began when stopped."
    )
    lease_seconds: int = Field(
        60, ge=5, le=3600, description="Seconds after which a silent worker has lost its claims."
    )
    late_hours: int = Field(
        12, ge=1, description="Hours a digest may be late; beyond them it waits for an editor."
    )
    digest_give_up_hours: int = Field(
        72, ge=1, description="Hours after which a digest is not tried again."
    )
    letter_give_up_hours: int = Field(
        24, ge=1, description="Hours after which a letter is not tried again."
    )
    batch: int = Field(200, ge=1, le=2000, description="Deliveries claimed at once.")


class Tokens(_Table):
    """The secrets behind every link; the first signs, all verify."""

    keys: tuple[SecretStr, ...] = Field(
        (), description="Secrets of 32 bytes in base64, newest first; keys_file reads a file."
    )

    @field_validator("keys", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(value.split()) if isinstance(value, str) else value

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


class Templates(_Table):
    """How it looks."""

    folder: Path | None = Field(
        None, description="Folder with templates of yours; a file there is used before ours."
    )


class Log(_Table):
    """What is written about the work; never addresses or links in full."""

    level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level.")
    format: str = Field(
        "auto",
        pattern="^(auto|text|json)$",
        description="text, json, or auto (text at a terminal).",
    )


class Settings(BaseSettings):
    """Every setting of an installation."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    organisation: Organisation = Organisation()
    web: Web = Web()
    database: Database = Database()
    smtp: Route = Route()
    routes: dict[str, Route] = Field(
        default_factory=dict, description="Further ways out, each a table [routes.NAME]."
    )
    subscribe: Subscribe = Subscribe()
    delivery: Delivery = Delivery()
    tokens: Tokens = Tokens()
    templates: Templates = Templates()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (the library's signature)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `load` has put together: flag over environment over file."""
        return (init_settings,)

    def all_routes(self) -> dict[str, Route]:
        """Give every route by name; `[smtp]` is the one named “smtp”."""
        return {"smtp": self.smtp, **self.routes}


class Config:
    """The settings together with the file they came from and the folder they belong to."""

    def __init__(self, settings: Settings, path: Path | None) -> None:
        self.settings = settings
        self.path = path.resolve() if path else None
        self.folder = self.path.parent if self.path else Path.cwd()

    @property
    def state(self) -> Path:
        """Give the folder where workers keep their journals; made when first needed."""
        path = self.folder / "state"
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    @property
    def database_url(self) -> str:
        """Give the URL of the database; a relative SQLite path starts at the folder."""
        url = self.settings.database.url
        rest = url.removeprefix("sqlite:///")
        if rest == url or rest.startswith(("/", ":memory:")):
            return url
        return f"sqlite:///{self.folder / rest}"


def load(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read the settings from a TOML file (or none) and the environment.

    `overrides` are flags, by table: {"web": {"port": 0}}; they win over everything.
    Raises ConfigError naming every wrong key with its path.
    """
    values = _read(path) if path else {}
    problems = [*_from_files(values, os.environ), *_strangers(os.environ)]
    try:
        environment = EnvSettingsSource(Settings)()
        settings = Settings(**_merged(values, environment, overrides or {}))
    except ValidationError as error:
        problems += [_problem(entry, path) for entry in error.errors()]
    except SettingsError as error:  # a variable that should be JSON and is not
        problems.append(f"environment: {error}")
    if problems:
        raise ConfigError(problems)
    return Config(settings, path)


def forget_environment() -> list[str]:
    """Take every setting out of this process's environment, and its children's; give their names.

    For an installation that must not touch another one's database, whatever is exported.
    """
    tables = _table_names()
    names = [name for name in os.environ if _table_of(name) in tables]
    for name in names:
        del os.environ[name]
    return names


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_CONFIG:
            raise ConfigError(
                [f"{path}: larger than {LARGEST_CONFIG} bytes; is it the right file?"]
            )
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file; “mailer init DIR” makes one"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: not valid TOML: {error}"]) from None


def _merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Lay tables over each other, the last on top."""
    whole: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = whole.get(key)
            both = isinstance(below, Mapping) and isinstance(value, Mapping)
            whole[key] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return whole


def _strangers(environ: Mapping[str, str]) -> list[str]:
    """Name the variables that look like settings of ours and belong to no table."""
    tables = _table_names()
    return [
        f"{name}: there is no such setting (environment); see config.example.toml"
        for name in environ
        if name.startswith(PREFIX) and "__" in name and _table_of(name) not in tables
    ]


def _table_names() -> set[str]:
    return {name.upper() for name in Settings.model_fields}


def _table_of(variable: str) -> str:
    """Give the table that a variable names; nothing, if it is not one of ours."""
    if not variable.startswith(PREFIX):
        return ""
    return variable.removeprefix(PREFIX).partition("__")[0]


def _from_files(values: dict[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Replace `…_file` of a secret by what stands in the file; give what went wrong."""
    problems = []
    for path in _secret_paths(values):
        variable = PREFIX + "__".join(path).upper() + "_FILE"
        *tables, key = path
        table = _dig(values, tables)
        named = table.pop(f"{key}_file", None) if table else None
        named = environ.get(variable) or named
        if not named:
            continue
        try:
            text = Path(str(named)).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{'.'.join(path)}_file: cannot be read: {error}")
            continue
        _make(values, tables)[key] = text
    return problems


def _secret_paths(values: Mapping[str, Any]) -> list[tuple[str, ...]]:
    routes = values.get("routes")
    names = list(routes) if isinstance(routes, dict) else []
    return [
        ("smtp", "password"),
        ("tokens", "keys"),
        ("database", "url"),
        *(("routes", name, "password") for name in names),
    ]


def _dig(values: dict[str, Any], tables: list[str]) -> dict[str, Any] | None:
    for name in tables:
        found = values.get(name)
        if not isinstance(found, dict):
            return None
        values = found
    return values


def _make(values: dict[str, Any], tables: list[str]) -> dict[str, Any]:
    for name in tables:
        values = values.setdefault(name, {})
    return values


def _problem(entry: Any, path: Path | None) -> str:
    where = ".".join(str(part) for part in entry["loc"]) or "settings"
    if entry["type"] == "extra_forbidden":
        return f"{where}: there is no such setting{_named(path)}; see config.example.toml"
    text = entry["msg"].removeprefix("Value error, ")
    return f"{where}: {text[:1].lower() + text[1:]}{_named(path)}"


def _named(path: Path | None) -> str:
    return f" ({path})" if path else ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
