"""The kinds of values that settings have: checked, brought into one form, and named once."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from mailer.address import parse as parse_address
from mailer.errors import AddressInvalid
from mailer.language import is_code

A_YEAR_OF_HOURS = 8760
TEN_YEARS_OF_DAYS = 3653
INCLUDE = re.compile(r"include:(?:[A-Za-z0-9_-]{1,63}\.)+[A-Za-z0-9-]{2,63}")


class Table(BaseModel):
    """A table of settings: nothing unknown in it, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def _checked_address(value: str) -> str:
    if value == "":
        return value
    try:
        return parse_address(value).mailbox
    except AddressInvalid as error:
        raise ValueError(error.why) from None


def _checked_domain(value: str) -> str:
    return value and _checked_address(f"postmaster@{value}").partition("@")[2]


def parted(value: Any) -> Any:
    """Take several values from one text, as a variable or a file gives them."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def has_good_port(url: str) -> bool:
    """Tell whether an address names no port, or one there can be."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _language(value: str) -> str:
    if not is_code(value):
        raise ValueError(f"“{value}” is not a language code such as en, fr or ja")
    return value


def _network(value: Any) -> Any:
    try:
        return ip_network(str(value), strict=False)
    except ValueError:
        raise ValueError(f"“{value}” is not a network such as 10.0.0.0/8") from None


def _origin(value: Any) -> str:
    """Take a network, or what SPF calls an include."""
    text = str(value)
    if not text.startswith("include:"):
        return str(_network(text))
    if not INCLUDE.fullmatch(text):
        raise ValueError(f"“{text}” is not written like include:spf.relay.example")
    return text.lower()


OptionalAddress = Annotated[str, BeforeValidator(_checked_address)]
OptionalDomain = Annotated[str, BeforeValidator(_checked_domain)]
Language = Annotated[str, AfterValidator(_language)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Origin = Annotated[str, BeforeValidator(_origin)]
Hours = Annotated[int, Field(ge=1, le=A_YEAR_OF_HOURS)]
Days = Annotated[int, Field(ge=1, le=TEN_YEARS_OF_DAYS)]


def is_loopback(host: str) -> bool:
    """Tell whether a host as written is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
