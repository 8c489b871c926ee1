"""Slips of the finger in the domain of an address: what was probably meant. A hint, never a rule.

Only domains near a large provider's are doubted, and only where the slip is one letter too
many, too few, wrong, or two letters in the wrong order. A domain on the list is never doubted.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import cache

from mailer.address import Address

PROVIDERS = frozenset(
    """
    gmail.com googlemail.com outlook.com outlook.fr outlook.jp hotmail.com hotmail.fr
    hotmail.co.uk live.com live.fr msn.com yahoo.com yahoo.fr yahoo.de yahoo.it yahoo.es
    yahoo.co.uk yahoo.co.jp yahoo.co.in yahoo.com.au yahoo.com.br yahoo.ca ymail.com
    rocketmail.com icloud.com me.com mac.com aol.com proton.me protonmail.com gmx.com
    gmx.net gmx.de gmx.at gmx.ch gmx.fr web.de t-online.de freenet.de mail.com mail.ru
    yandex.ru yandex.com orange.fr wanadoo.fr laposte.net free.fr sfr.fr bbox.fr libero.it
    virgilio.it bluewin.ch sunrise.ch telenet.be skynet.be proximus.be ziggo.nl kpnmail.nl
    qq.com 163.com 126.com sina.com foxmail.com naver.com daum.net hanmail.net
    docomo.ne.jp ezweb.ne.jp softbank.ne.jp nifty.com bigpond.com optusnet.com.au
    xtra.co.nz uol.com.br bol.com.br terra.com.br rediffmail.com comcast.net verizon.net
    att.net sbcglobal.net zoho.com fastmail.com tutanota.com hey.com email.com
    """.split()  # noqa: SIM905 - eighty words read better as words
)
"""Providers of mailboxes for everybody, as their domains are written."""

LONGEST = max(map(len, PROVIDERS))

SHORTEST = 9
"""Characters of a provider's domain from which on a slip can be told from another name."""

ENDINGS = {"con": "com", "cmo": "com", "ocm": "com", "comm": "com", "coom": "com", "ogr": "org",
           "rog": "org", "nte": "net", "ner": "net"}  # fmt: skip
"""Last labels that no registry has, and what was meant."""


def meant(address: Address) -> str | None:
    """Give the address that was probably meant; None when nothing is odd about this one."""
    local, _, domain = address.mailbox.rpartition("@")
    wanted = _domain(domain.casefold())
    return f"{local}@{wanted}" if wanted else None


def _domain(domain: str) -> str | None:
    if domain in PROVIDERS:
        return None
    front, _, ending = domain.rpartition(".")
    mended = f"{front}.{ENDINGS[ending]}" if ending in ENDINGS else domain
    if mended in PROVIDERS:
        return mended
    if near := sorted(known for known in _alike(mended) if _is_a_slip(mended, known)):
        return near[0]
    return mended if mended != domain else None


def _alike(domain: str) -> set[str]:
    """Give providers that one slip might have been made of, and a few more.

    Whatever it was, both words have something in common when each lacks one letter.
    """
    if len(domain) > LONGEST + 1:
        return set()
    return {known for rest in _less_one(domain) for known in _near().get(rest, ())}


@cache
def _near() -> Mapping[str, Collection[str]]:
    """Give the providers by all that their domains may be with a letter less, or none."""
    near = defaultdict(set)
    for known in PROVIDERS:
        for rest in _less_one(known):
            near[rest].add(known)
    return dict(near)


def _less_one(word: str) -> set[str]:
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def _is_a_slip(typed: str, known: str) -> bool:
    """Tell whether one slip of the finger makes one word of the other (Damerau's four kinds)."""
    if len(known) < SHORTEST or abs(len(typed) - len(known)) > 1:
        return False
    at = next(
        (at for at, (one, other) in enumerate(zip(typed, known, strict=False)) if one != other),
        min(len(typed), len(known)),
    )
    left, right = typed[at:], known[at:]
    return (
        left[1:] == right[1:]  # a wrong letter
        or left[1:] == right  # one too many
        or left == right[1:]  # one too few
        or (left[:2] == right[1::-1] and left[2:] == right[2:] and len(left) > 1)  # swapped
    )
