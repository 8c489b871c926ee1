"""Mails as the machines on their way and at their end read them: checkers, filters, programs.

Every layout in every script that we have content for, and every letter in every language.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from mailer.rendering import (
    Kind,
    Plate,
    Values,
    layouts,
    render_digest,
    render_letter,
)
from tests import caniemail, nu, outside
from tests.rendering import scripts
from tests.rendering.sample import (
    DIGEST,
    ILLUSTRATED,
    JAPANESE,
    VALUES,
    head,
    identity,
    letter,
    templates,
)

OURS = templates()

CONTENTS = {
    "en": DIGEST,
    "ja": JAPANESE,
    "fr": replace(DIGEST, language="fr", words_in="en"),
    **scripts.EVERY,
    "illustrated": ILLUSTRATED,
}

LARGEST_SCORE = 2.0
"""Points of SpamAssassin that are still far from the five at which mail is unwanted."""

# ---------------------------------------------------------------------- what cannot be helped

ALLOWED: Mapping[str, str] = {
    "The '(width|cellpadding|cellspacing|border)' attribute on the 'table' element is obsolete": (
        "classic Outlook lays out by attributes, and knows no max-width and border-spacing"
    ),
    "The 'align' attribute on the 't[dh]' element is obsolete": (
        "classic Outlook aligns by attributes, above all from right to left"
    ),
    "CSS: '(mso|-ms|-webkit)-[a-z-]+': Property": (
        "addressed to one program by name; all others pass over it"
    ),
}
"""Remarks of the Nu checker that a mail must live with, each with its reason."""

ENHANCEMENTS: Mapping[str, str] = {
    "css-at-media": "narrow screens: without it the column shrinks with the window",
    "css-at-media-prefers-color-scheme": "dark mails; else they are light, or the program's own",
    "css-border-radius": "corners of the button; square elsewhere",
    "css-border-spacing": "beside cellspacing=0, which Outlook reads",
    "css-display-none": "the words for inboxes; max-height and overflow hide them too",
    "css-max-height": "hides the words for inboxes where display does not; mso-hide in Outlook",
    "css-outline": "no frame about a linked picture; border=0 does most of it",
    "css-overflow": "see css-max-height",
    "css-overflow-wrap": "long words; word-break beside it is read where this is not",
    "css-text-decoration-thickness": "a finer line under headlines; the usual line elsewhere",
    "css-text-underline-offset": "a lower line under links; the usual line elsewhere",
    "css-white-space": "no break within a short link; a break does no harm",
    "html-anchor-links": "contents lead to the items, which stand below in any case",
    "html-bdi": "keeps names apart in two directions; elsewhere they run as programs guess",
    "html-hidden": "beside display:none",
    "html-style": "all that matters stands in the elements; <style> holds what may be lost",
}
"""Features that some of the programs lack, and what is lost where they do."""


@cache
def finished() -> Mapping[str, tuple[Plate, Values]]:
    """Give every mail of ours, by a name for it."""
    return dict(_finished())


def _finished() -> Iterator[tuple[str, tuple[Plate, Values]]]:
    for layout in layouts(OURS):
        for name, content in CONTENTS.items():
            edition = render_digest(OURS, replace(content, layout=layout))
            language = OURS.languages.of(edition.language)
            yield f"{layout}-{name}", (Plate.of(edition, language, head()), VALUES)
    for kind in Kind:
        for code in () if kind.is_digest else sorted(OURS.languages):
            edition = render_letter(OURS, letter(kind, code))
            yield f"{kind}-{code}", (Plate.of(edition, OURS.languages[code], head()), VALUES)


def pages() -> dict[str, str]:
    return {name: plate.fill(values).html for name, (plate, values) in finished().items()}


# ---------------------------------------------------------------------- valid HTML


@pytest.mark.gate
def test_every_mail_is_valid_but_for_what_outlook_needs(tmp_path: Path) -> None:
    remarks = nu.remarks(pages(), tmp_path)

    allowed = re.compile("|".join(ALLOWED))
    assert [remark for remark in remarks if not allowed.match(remark.said)] == []
    for pattern in ALLOWED:
        assert any(re.match(pattern, remark.said) for remark in remarks), f"needless: {pattern}"


# ---------------------------------------------------------------------- filters of spam


@pytest.mark.gate
def test_no_mail_looks_like_spam(tmp_path: Path) -> None:
    program = outside.require("spamassassin")
    now = datetime.now(UTC)  # a mail of long ago is suspect for its date alone
    files = []
    for name, (plate, values) in finished().items():
        files.append(tmp_path / f"{name}.eml")
        files[-1].write_bytes(plate.compose(values, identity(date=now)))

    ran = subprocess.run(
        # By the rules it ships with: no network, no settings and no memory of anybody's.
        [program, "--local", "--test-mode", "--nocreate-prefs", *map(str, files)],
        capture_output=True,
        env={**os.environ, "HOME": str(tmp_path)},
        timeout=300,
        check=True,
    )

    found = re.findall(
        rb"^X-Spam-Status: .*?score=(-?[\d.]+).*?tests=(.*?)autolearn",
        ran.stdout,
        re.DOTALL | re.MULTILINE,
    )
    scores = {
        file.stem: (float(score), rules) for file, (score, rules) in zip(files, found, strict=True)
    }
    assert {name: told for name, told in scores.items() if told[0] >= LARGEST_SCORE} == {}


# ---------------------------------------------------------------------- mail programs


def test_every_mail_does_with_what_outlook_gmail_and_apple_mail_can() -> None:
    lacking: dict[str, list[str]] = {}
    for name, page in pages().items():
        for feature in caniemail.features(page):
            who = caniemail.unsupported(feature)
            assert who is not None, f"{name}: nobody has tried {feature} in mail programs"
            if who:
                lacking[feature] = who

    assert {name: who for name, who in lacking.items() if name not in ENHANCEMENTS} == {}
    assert sorted(ENHANCEMENTS.keys() - lacking.keys()) == [], "these need no reason any more"


def test_a_feature_that_a_program_lacks_is_found() -> None:
    page = (
        "<style>p:hover { color: red } @media (width < 1px) { p { display: grid } }</style>"
        '<p style="position: fixed; padding-inline-start: 2vw">One <a href="#x">link</a></p>'
    )

    found = caniemail.features(page)

    assert {"css-position", "css-unit-vw", "css-display", "css-at-media"} <= found
    assert {"css-pseudo-class-hover", "html-anchor-links", "html-p"} <= found
    assert "outlook windows" in (caniemail.unsupported("css-position") or [])
    assert caniemail.unsupported("css-nothing-of-the-kind") is None
