"""What a reader is told about their data, and which words of it stood under the box.

The notice is made from the settings: who, why, how long, whom to write to. Its version is made
from the words themselves, and those are kept, so that each consent can be shown with its own.
"""

import hashlib
from dataclasses import dataclass

from markupsafe import Markup
from starlette.responses import Response

from mailer.language import Language
from mailer.web.desk import OPEN, Desk
from mailer.web.visit import Visit

VERSION_LENGTH = 12
FACT = "privacy:"
"""How the names of the facts begin that keep the words of each version."""


@dataclass(frozen=True, slots=True)
class PrivacyNotice:
    """The notice as it stands in one language; elsewhere, its address stands for its words."""

    url: str
    language: str
    words: str

    @property
    def version(self) -> str:
        """Give a short name of exactly these words."""
        return hashlib.sha256(self.words.encode()).hexdigest()[:VERSION_LENGTH]

    @property
    def fact(self) -> str:
        """Give the name of the fact that keeps these words."""
        return f"{FACT}{self.version}"

    def said(self) -> dict[str, str]:
        """Give what that fact keeps."""
        return {"language": self.language, "url": self.url, "words": self.words}

    def evidence(self) -> dict[str, str]:
        """Give what a consent keeps of the notice."""
        return {"privacy_notice": self.url, "privacy_version": self.version}


def show(desk: Desk, visit: Visit) -> Response:
    """Show the notice."""
    language = desk.language(visit)
    words = _words(desk, language)
    return desk.page(
        visit,
        "privacy.html",
        language,
        headers=OPEN,
        words=Markup(words),  # noqa: S704  (a template of ours, escaped as it was rendered)
        notice=of(desk, language),
    )


def of(desk: Desk, language: Language) -> PrivacyNotice:
    """Give the notice that the link under the box leads to."""
    elsewhere = desk.app.settings.organisation.privacy_url
    if elsewhere:
        return PrivacyNotice(elsewhere, language.code, elsewhere)
    return PrivacyNotice(desk.app.links.privacy(), language.code, _words(desk, language))


def _words(desk: Desk, language: Language) -> str:
    settings = desk.app.settings
    values = {"house": settings.organisation, "kept": settings.retention}

    def rendered() -> str:
        page = "web/public/privacy_words.html"
        return desk.templates.render(page, language, values).strip()

    return desk.app.press.remembered(("privacy", language.code), rendered)
