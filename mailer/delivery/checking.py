"""What is looked at before a digest may go: pure, from what was rendered and what is known of it.

An *error* is in the way; a *warning* may be accepted, by somebody who says why. Each remark says
what is wrong, where, and what to do; its texts are in English, for the catalogues.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser

from mailer.language import translatable
from mailer.rendering import DigestContent, Edition, ItemCard, mailed_size
from mailer.rendering.editions import LARGE_HTML, LARGEST_HTML
from mailer.rendering.holes import marker
from mailer.rendering.wrapping import columns

SUBJECT_WIDTH = 70
"""Columns of a subject that most mail programs show on a desk."""

PREHEADER_WIDTH = 140
"""Columns beyond which no inbox shows more of a preheader."""

MANY_NAMELESS = 0.2
"""The share of recipients without a name from which on a greeting by name is worth a word."""

MOST_NAMED = 5
"""Links or items that a remark names."""

LOUD_LETTERS = 8
"""Capitals from which on a subject without a small letter is shouting, and no abbreviation."""

SHORTENERS = frozenset(
    {"bit.ly", "t.co", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly"}
    | {"lnkd.in", "cutt.ly", "t.ly", "shorturl.at", "rb.gy", "tiny.cc", "dlvr.it"}
)
"""Hosts whose links hide where they lead, so that filters distrust them all."""

_EXCLAIMED = re.compile(r"[!！]{2,}|[!！].*[!！]")


class Severity(StrEnum):
    """How much is wrong."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to be seen to: what, where, what to do. `values` fill both texts."""

    code: str
    severity: Severity
    what: str
    advice: str
    where: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_error(self) -> bool:
        """Tell whether it is in the way."""
        return self.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class Proof:
    """A digest in one of its languages, as it would be frozen."""

    language: str
    content: DigestContent
    edition: Edition


@dataclass(frozen=True, slots=True)
class Unrendered:
    """A language in which a digest cannot be rendered, and why."""

    language: str
    why: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides: by when it would go, to how many, of whom so many have no name.

    `segment` says why the segment that it is for cannot be used, if that is so.
    """

    goes_on: date
    recipients: int
    nameless: int = 0
    may_have_gone: bool = False
    retired: tuple[str, ...] = ()
    segment: str = ""


def check(
    proofs: Sequence[Proof], unrendered: Sequence[Unrendered], known: Known
) -> tuple[Remark, ...]:
    """Give all that is to be said of a digest, errors first."""
    found: list[Remark] = [_broken(one) for one in unrendered]
    for proof in proofs:
        found += _of_proof(proof, known)
    found += _of_digest(known)
    return tuple(sorted(_once(found), key=lambda one: not one.is_error))


def _once(found: Iterable[Remark]) -> list[Remark]:
    """Say what is true of several languages once, with all of them."""
    said: dict[tuple[str, str], Remark] = {}
    for one in found:
        key = one.code, str(dict(one.values))
        before = said.get(key)
        where = [*(before.where.split(", ") if before and before.where else ()), one.where]
        said[key] = replace(one, where=", ".join(dict.fromkeys(filter(None, where))))
    return list(said.values())


def _broken(one: Unrendered) -> Remark:
    return Remark(
        "render",
        Severity.ERROR,
        translatable("It cannot be made as it is: %(why)s."),
        translatable("Mend what is named; nothing can go before that."),
        one.language,
        {"why": one.why.rstrip(".")},
    )


def _of_proof(proof: Proof, known: Known) -> Iterator[Remark]:
    yield from _words(proof)
    yield from _subject(proof)
    yield from _size(proof)
    yield from _pictures(proof)
    yield from _names(proof, known)
    yield from _links(proof)
    yield from _legal(proof)
    yield from _dates(proof, known)
    yield from _colour(proof)


def _words(proof: Proof) -> Iterator[Remark]:
    if proof.content.words_in not in {"", proof.language}:
        yield Remark(
            "unwritten",
            Severity.WARNING,
            translatable("Subject and introduction are not written in this language."),
            translatable("Write them, or its readers get the words of another language."),
            proof.language,
        )


def _subject(proof: Proof) -> Iterator[Remark]:
    subject, preheader = proof.content.subject, proof.content.preheader
    width = columns(subject)
    if width > SUBJECT_WIDTH:
        yield _warning(
            "long-subject",
            translatable("The subject takes %(width)s columns; inboxes cut it after some 70."),
            translatable("Say what matters in the first half of it."),
            proof.language,
            width=width,
        )
    if columns(preheader) > PREHEADER_WIDTH:
        yield _warning(
            "long-preheader",
            translatable("The preheader is longer than any inbox shows."),
            translatable("Some 90 characters are enough."),
            proof.language,
        )
    letters = [char for char in subject if char.isalpha() and char.upper() != char.lower()]
    if len(letters) >= LOUD_LETTERS and all(char.isupper() for char in letters):
        yield _warning(
            "capitals",
            translatable("The subject is all capitals, which filters take for spam."),
            translatable("Write it as a sentence."),
            proof.language,
        )
    if _EXCLAIMED.search(f"{subject} {preheader}"):
        yield _warning(
            "exclamations",
            translatable("Subject and preheader have several exclamation marks."),
            translatable("Do with one, or with none: filters count them."),
            proof.language,
        )


def _size(proof: Proof) -> Iterator[Remark]:
    size = mailed_size(proof.edition)
    if size >= LARGE_HTML:
        yield _warning(
            "size",
            translatable("It has %(size)s of the %(most)s KB that Gmail shows."),
            translatable("Shorten some items, or link to the full reports."),
            proof.language,
            size=size // 1024,
            most=LARGEST_HTML // 1024,
        )


def _pictures(proof: Proof) -> Iterator[Remark]:
    bare = [one.title for one in proof.content.items if one.picture and not one.picture.alt.strip()]
    tree = LexborHTMLParser(proof.edition.html)
    others = sum(1 for one in tree.css("img") if not (one.attributes.get("alt") or "").strip())
    if bare or others:
        yield _warning(
            "alt",
            translatable("Pictures have no words for those who do not see them: %(items)s."),
            translatable("Say in the item what the picture shows, in a sentence."),
            proof.language,
            items=_named(bare) or str(others),
        )


def _names(proof: Proof, known: Known) -> Iterator[Remark]:
    edition = proof.edition
    shows = any(
        marker(name, edition.nonce) in edition.html + edition.text + edition.subject
        for name in ("name", "greeting")
    )
    if shows and known.nameless > known.recipients * MANY_NAMELESS:
        yield _warning(
            "nameless",
            translatable("It greets by name, and %(nameless)s of %(recipients)s have none."),
            translatable("Look at the preview without a name: does it read well?"),
            proof.language,
            nameless=known.nameless,
            recipients=known.recipients,
        )


def _links(proof: Proof) -> Iterator[Remark]:
    found = links(proof.edition)
    missing = [one for one in found if one not in proof.edition.text]
    if missing:
        yield _warning(
            "parity",
            translatable("Links are missing in the plain text: %(links)s."),
            translatable("Show them in the layout’s body.txt, too."),
            proof.language,
            links=_named(missing),
        )
    short = [one for one in found if (urlsplit(one).hostname or "") in SHORTENERS]
    if short:
        yield _warning(
            "shortened",
            translatable("Shortened links hide where they lead: %(links)s."),
            translatable("Put the whole address: filters distrust the short one."),
            proof.language,
            links=_named(short),
        )


def _legal(proof: Proof) -> Iterator[Remark]:
    edition = proof.edition
    leave = marker("leave_url", edition.nonce)
    if leave not in edition.html or leave not in edition.text:
        yield Remark(
            "leave",
            Severity.ERROR,
            translatable("There is no link to leave the list."),
            translatable("Show it in the layout, in the page and in the text."),
            proof.language,
        )
    if not proof.content.sender.postal_address.strip():
        yield _warning(
            "postal",
            translatable("The sender has no postal address, which most countries ask for."),
            translatable("Write it into the list’s sender."),
        )


def _dates(proof: Proof, known: Known) -> Iterator[Remark]:
    past = [one.title for one in proof.content.coming_up if _last_day(one) < known.goes_on]
    if past:
        yield _warning(
            "past",
            translatable("Meetings under “coming up” will be over when it goes: %(items)s."),
            translatable("Give the digest a later date, or take them out."),
            proof.language,
            items=_named(past),
        )


def _colour(proof: Proof) -> Iterator[Remark]:
    shades = proof.content.mailing_list.shades
    for one in shades.remarks() if shades else ():
        yield _warning(
            "accent",
            translatable("The list’s colour is hard to read: %(why)s."),
            translatable("Choose another colour for the list, or accept what is used instead."),
            values={"why": one},
        )


def _of_digest(known: Known) -> Iterator[Remark]:
    if known.segment:
        yield Remark(
            "segment",
            Severity.ERROR,
            translatable("The segment that it is for cannot be used: %(why)s."),
            translatable("Choose another one, or the whole list."),
            values={"why": known.segment.rstrip(".")},
        )
    elif known.recipients == 0:
        yield _warning(
            "nobody",
            translatable("Nobody is subscribed: it would go to nobody."),
            translatable("See that the list has subscribers first."),
        )
    if known.may_have_gone:
        yield _warning(
            "may-have-gone",
            translatable("Some of its news may have been mailed before the database was put back."),
            translatable("See whether readers have it already."),
        )
    if known.retired:
        yield _warning(
            "retired",
            translatable("Items in it were retired: %(items)s."),
            translatable("Take them out, unless they are to go once more."),
            items=_named(known.retired),
        )


def links(edition: Edition) -> list[str]:
    """Give the web addresses that an edition's page leads to, each once; none of a recipient's."""
    tree = LexborHTMLParser(edition.html)
    found = (node.attributes.get("href") or "" for node in tree.css("a[href]"))
    is_ours = (one for one in found if edition.nonce not in one)
    return list(dict.fromkeys(one for one in is_ours if one.startswith(("https://", "http://"))))


def _last_day(one: ItemCard) -> date:
    last = one.ends or one.starts
    assert last is not None  # what comes up has a date
    return last.date() if isinstance(last, datetime) else last


def _named(things: Iterable[str]) -> str:
    some = list(things)
    more = f" +{len(some) - MOST_NAMED}" if len(some) > MOST_NAMED else ""
    return ", ".join(some[:MOST_NAMED]) + more


def _warning(
    code: str,
    what: str,
    advice: str,
    where: str = "",
    *,
    values: Mapping[str, object] | None = None,
    **more: object,
) -> Remark:
    return Remark(code, Severity.WARNING, what, advice, where, {**(values or {}), **more})
