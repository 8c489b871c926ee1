"""What `mailer check` asks of others than relays and name servers, and what it leaves alone."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mailer.config.kinds import Table, has_good_port, parted

HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
ZONE = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)+[A-Za-z0-9-]{2,63}")


def _host(value: Any) -> str:
    text = str(value)
    if text and not (HOST.fullmatch(text) and has_good_port(f"//{text}")):
        raise ValueError("is not written like time.example.org or 192.0.2.1:123")
    return text


def _zone(value: Any) -> str:
    text = str(value).strip(".")
    if not ZONE.fullmatch(text):
        raise ValueError(f"“{value}” is not the name of a list such as bl.example.org")
    return text.lower()


Zones = Annotated[tuple[Annotated[str, BeforeValidator(_zone)], ...], BeforeValidator(parted)]


class Check(Table):
    """What mailer check asks of others, and what it leaves alone."""

    time_server: Annotated[str, BeforeValidator(_host)] = Field(
        "time.cloudflare.com",
        description="Server that is asked for the time (SNTP), host or host:port; empty: none.",
    )
    ip_blocklists: Zones = Field(
        (),
        description=(
            "Lists of addresses that send spam, such as zen.spamhaus.org, on which an address in "
            "sends_from must not be. Operators see the question; many refuse public resolvers."
        ),
    )
    domain_blocklists: Zones = Field(
        (), description="Lists of domains, such as dbl.spamhaus.org, on which yours must not be."
    )
    skip: Annotated[tuple[str, ...], BeforeValidator(parted)] = Field(
        (),
        description="Parts that are looked at only when --only names them, such as mailboxes.",
    )
