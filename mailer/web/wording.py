"""The words beside the box, and the evidence that they were shown.

What a reader agreed to is kept as it stood on the page, with a version made from the words
themselves: whoever changes a translation, a list's name or its own words has a new version.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from mailer.language import Language
from mailer.lists import Card
from mailer.web.visit import Visit

VERSION_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Wording:
    """What stands beside the two buttons, in one language."""

    consent: str
    privacy: str

    @property
    def version(self) -> str:
        """Give a short name of exactly these words."""
        words = f"{self.consent}\n{self.privacy}".encode()
        return hashlib.sha256(words).hexdigest()[:VERSION_LENGTH]

    def evidence(self) -> dict[str, str]:
        """Give what a consent keeps of the words."""
        return {"wording": f"{self.consent}\n{self.privacy}", "wording_version": self.version}


def of(card: Card, organisation: str, language: Language) -> Wording:
    """Give the wording for a list: its own words of consent, or ours."""
    ours = language.gettext(
        "By pressing “Subscribe” you agree that %(organisation)s mails you %(list)s "
        "until you unsubscribe.",
        organisation=organisation or card.sender.name,
        list=card.words.name,
    )
    privacy = language.gettext(
        "We use your address to send you this list, and for nothing else. To be sure that it is "
        "yours, we first mail you a link to confirm."
    )
    return Wording(card.words.consent or ours, privacy)


def evidence(visit: Visit, via: str, page: str) -> dict[str, Any]:
    """Give what is kept about how something was asked: page, network address, agent."""
    return {
        "via": via,
        "page": page,
        "origin": visit.origin,
        "remote": visit.remote,
        "agent": visit.agent,
    }


def by_link(visit: Visit, base_url: str) -> dict[str, Any]:
    """Give the same for the button behind a link from a mail; the link's secret is not kept."""
    kind = visit.path.removeprefix("/").partition("/")[0]
    return evidence(visit, "link", f"{base_url}{kind}/…")
