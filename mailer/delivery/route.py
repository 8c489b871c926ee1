"""A route as the transport sees it: where the relay is, how to get in, how long to wait.

A Route that exists can be used: what would give a password away is refused when it is made.
"""

import re
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from mailer.config import Auth, Security
from mailer.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait at each step: RFC 5321, 4.5.3.2, where it names any.

    A session unused for `idle` seconds is opened anew rather than trusted, since routers forget
    quiet connections without telling either end.
    """

    connect: float = 30
    greeting: float = 300
    mail: float = 300
    rcpt: float = 300
    data: float = 120
    block: float = 180
    dot: float = 600
    quit: float = 5
    idle: float = 60


@dataclass(frozen=True, slots=True)
class Route:
    """One way out. Raises ConfigError when a password would travel in the clear."""

    name: str
    host: str
    port: int
    security: Security = Security.OPPORTUNISTIC
    auth: Auth = Auth.NONE
    username: str = ""
    password: str = field(default="", repr=False)
    connections: int = 4
    messages_per_connection: int = 500
    ca_file: Path | None = None
    hello: str | None = None
    timeouts: Timeouts = Timeouts()

    def __post_init__(self) -> None:
        """Refuse what must not be tried."""
        secured = self.security in {Security.STARTTLS, Security.TLS}
        if self.auth is not Auth.NONE and not secured and not is_loopback(self.host):
            why = f"{self.path}.auth: “{self.auth}” would send the password in the clear; "
            raise ConfigError([f"{why}set {self.path}.security to “starttls” or “tls”"])
        if self.hello and not re.fullmatch(r"[!-~]{1,255}", self.hello):
            raise ConfigError([f"{self.path}.hello: {self.hello!r} is not a host name"])

    @property
    def path(self) -> str:
        """Give the table this route stands in, for messages about settings."""
        return self.name if self.name == "smtp" else f"routes.{self.name}"


def is_loopback(host: str) -> bool:
    """Tell whether a host as written in the settings is this machine itself."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def trust(route: Route) -> ssl.SSLContext | None:
    """Give what certificates a route believes: none to check when opportunistic, no TLS: None.

    Raises ConfigError when the route's CA file cannot be used.
    """
    if route.security is Security.NONE:
        return None
    try:
        context = ssl.create_default_context(cafile=route.ca_file)
    except OSError as error:  # ssl.SSLError is one: a file that holds no certificate
        raise ConfigError([f"{route.path}.ca_file: {route.ca_file}: {error}"]) from None
    if route.security is Security.OPPORTUNISTIC:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
