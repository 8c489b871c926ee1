"""One way out: how a relay is reached, what it allows, and what the world sees of it."""

import re
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, model_validator

from mailer.config.kinds import OptionalAddress, OptionalDomain, Origin, Table, is_loopback, parted

ROUTE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
VISIBLE = r"^[\x21-\x7e]*$"


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


class Envelope(StrEnum):
    """What stands in MAIL FROM."""

    FIXED = "fixed"
    SIGNED = "signed"


class Pace(StrEnum):
    """What is known of how fast a route's destinations like their mail."""

    LEARNED = "learned"
    PROVIDERS = "providers"


GroupLimits = dict[
    Annotated[str, StringConstraints(to_lower=True, max_length=253, pattern=r"^[A-Za-z0-9._-]+$")],
    Annotated[int, Field(ge=1, le=100_000)],
]


class Route(Table):
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
    hello: str = Field(
        "", pattern=VISIBLE, description="Name given in EHLO; empty takes the machine's own."
    )
    connections: int = Field(4, ge=1, le=200, description="Connections held open at once.")
    messages_per_connection: int = Field(
        500, ge=1, description="Messages after which a connection is opened anew."
    )
    per_minute: int = Field(
        0, ge=0, description="Messages the relay takes in any minute; 0 knows no such limit."
    )
    per_hour: int = Field(0, ge=0, description="Messages the relay takes in any hour; 0 for none.")
    per_day: int = Field(
        0, ge=0, description="Messages the relay takes in any 24 hours; 0 for none."
    )
    letters_reserve: int = Field(
        10, ge=0, le=90, description="Percent of these limits that digests leave to letters."
    )
    pace: Pace = Field(
        Pace.LEARNED,
        description=(
            "learned: a provider gets mail as fast as the relay takes it until it asks for less; "
            "or providers: from the first message at the pace of a built-in table, for a relay of "
            "your own that hands on at once what it gets."
        ),
    )
    group_limits: GroupLimits = Field(
        {},
        description=(
            "Messages a minute at most for a provider of that table or any domain, such as "
            '{ google = 600, "partner.example" = 30 }.'
        ),
    )
    warm_up_on: date | None = Field(
        None,
        description=(
            "First day, such as 2026-12-01, of a new relay or domain: from then on a daily limit "
            "grows from warm_up_first by warm_up_percent a day, until 200,000 or per_day."
        ),
    )
    warm_up_first: int = Field(200, ge=1, description="Messages on the first day of a warm-up.")
    warm_up_percent: int = Field(
        50, ge=1, le=100, description="Percent by which each day of a warm-up exceeds the last."
    )
    fallback: tuple[str, ...] = Field(
        (), description="Routes to take, in this order, while this one is paused or rests."
    )
    fallback_minutes: int = Field(
        10, ge=1, le=1440, description="Minutes out of reach after which the fallback is taken."
    )
    envelope: Envelope = Field(
        Envelope.FIXED,
        description=(
            "What stands in MAIL FROM: fixed (return_path, for all), or signed (an address of its "
            "own for each delivery, in return_path_domain)."
        ),
    )
    return_path: OptionalAddress = Field(
        "", description="The fixed address in MAIL FROM; empty takes that of the list's sender."
    )
    return_path_domain: OptionalDomain = Field(
        "", description="Domain of signed return paths, such as bounce.example.org."
    )
    sends_from: Annotated[tuple[Origin, ...], BeforeValidator(parted)] = Field(
        (),
        description=(
            "Where the relay sends from, as SPF must allow it: networks, or include:NAME "
            "as its operator says; for mailer check."
        ),
    )
    dkim_domain: OptionalDomain = Field(
        "", description="Domain the relay signs for (d= in DKIM-Signature); for mailer check."
    )
    dkim_selector: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]*$",
        description="Selector of the relay's key (s= in DKIM-Signature); for mailer check.",
    )
    timeout_seconds: int = Field(
        300, ge=1, le=3600, description="Longest wait for a greeting or an answer (RFC 5321)."
    )
    dot_timeout_seconds: int = Field(
        600, ge=1, le=3600, description="Longest wait for the answer to a whole message."
    )

    @model_validator(mode="after")
    def _envelope_is_whole(self) -> Self:
        is_signed = self.envelope is Envelope.SIGNED
        if is_signed and not self.return_path_domain:
            raise ValueError("envelope = “signed” needs a return_path_domain")
        if is_signed and self.return_path:
            raise ValueError("return_path is for envelope = “fixed”; a signed one is made anew")
        if self.return_path_domain and not is_signed:
            raise ValueError("return_path_domain is used with envelope = “signed” only")
        return self

    @model_validator(mode="after")
    def _auth_is_whole(self) -> Self:
        if self.auth is Auth.NONE:
            return self
        if not self.username:
            raise ValueError(f"auth = “{self.auth}” needs a username")
        if self.security in {Security.NONE, Security.OPPORTUNISTIC} and not is_loopback(self.host):
            raise ValueError(
                f"auth = “{self.auth}” would send the password in the clear: "
                "set security to “starttls” or “tls”"
            )
        return self
