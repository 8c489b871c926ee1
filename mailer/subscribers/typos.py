"""Slips of the finger in the domain of an address: what was probably meant. A hint, never a rule.

Only domains near a large provider's are doubted, and only where the slip is one letter too
many, too few, wrong, or two letters in the wrong order. A domain on the list is never doubted.
"""

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
    near = sorted(known for known in PROVIDERS if _is_a_slip(mended, known))
    if near:
        return near[0]
    return mended if mended != domain else None


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
