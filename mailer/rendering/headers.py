"""Header fields of a message: each made from checked values, folded, seven-bit.

Only these functions write headers, and each knows where RFC 2047 lets encoded words stand: in
a subject and before an address, never within an address, a List-Id or a link. (The standard
library encodes a long List-Unsubscribe, and Gmail then shows no button or refuses the mail.)
"""

import re
import unicodedata
from binascii import b2a_base64
from collections.abc import Callable, Iterator, Sequence

from mailer import address as addresses
from mailer.errors import HeaderInvalid
from mailer.rendering.checks import header_url, line

LONGEST_LINE = 76
"""Characters of a line with an encoded word (RFC 2047, 2); we fold the others there too."""

LONGEST_WORD = 75
"""Characters of an encoded word (RFC 2047, 2)."""

FOLD = "\r\n "

_Form = Callable[[bytes], str]

_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_IDENTIFIER = re.compile(r"[!#-;=?-~]+")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
_DOT_ATOM_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
)
# What may stand unencoded in an encoded word of a name (RFC 2047, 5, rule 3).
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_QUOTED = [chr(octet) if octet in _PLAIN else f"={octet:02X}" for octet in range(256)]
_QUOTED[ord(" ")] = "_"


def text(name: str, value: str) -> str:
    """Give a field of free text, such as a subject."""
    return f"{name}: {_free_text(_checked(name, value), used=len(name) + 2)}\r\n"


def mailbox(name: str, display_name: str, address: str) -> str:
    """Give a field with one mailbox, in the form `Name <address>`.

    The address's domain becomes an A-label. A local part beyond ASCII stays as it is: such a
    message is in the form of RFC 6532, and goes only by a server that offers SMTPUTF8.
    """
    where = wire_address(name, address)
    if _ATOM.fullmatch(display_name) and "=?" not in display_name:
        row = f"{name}: {display_name} <{where}>"
        if len(row) <= LONGEST_LINE:
            return f"{row}\r\n"
    shown = phrase(_checked(name, display_name), used=len(name) + 2)
    if not shown:
        return f"{name}: {where}\r\n"
    last_line = shown.rpartition("\n")[2] if "\n" in shown else f"{name}: {shown}"
    gap = FOLD if len(last_line) + len(where) + 3 > LONGEST_LINE else " "
    return f"{name}: {shown}{gap}<{where}>\r\n"


def urls(name: str, *addresses_: str) -> str:
    """Give a field of RFC 2369: addresses in < >, in the order of preference, never encoded."""
    listed = f",{FOLD}".join([f"<{header_url(name, url)}>" for url in addresses_])
    return f"{name}: {listed}\r\n"


def list_id(display_name: str, identifier: str) -> str:
    """Give a List-Id (RFC 2919): a name for people, and the identifier, which is never encoded."""
    shown = phrase(_checked("List-Id", display_name), used=len("List-Id: "))
    if not _IDENTIFIER.fullmatch(identifier):
        raise HeaderInvalid("List-Id", f"“{identifier}” cannot be an identifier")
    return f"List-Id: {shown}{FOLD if shown else ''}<{identifier}>\r\n"


def message_id(value: str) -> str:
    """Give a Message-ID; the value is without the brackets."""
    if not _MESSAGE_ID.fullmatch(value) or len(value) > LONGEST_LINE * 3:
        raise HeaderInvalid("Message-ID", f"“{value[:80]}” must look like token@example.org")
    return f"Message-ID: <{value}>\r\n"


def token(name: str, value: str) -> str:
    """Give a field whose value is a word or words of a protocol."""
    if not value.isascii():
        raise HeaderInvalid(name, "must be ASCII")
    return f"{name}: {_checked(name, value)}\r\n"


def wire_address(name: str, address: str) -> str:
    """Give an address as it goes on the wire; most are so already.

    Raises AddressInvalid or HeaderInvalid.
    """
    if _DOT_ATOM_ADDRESS.fullmatch(address):
        return address
    return addresses.parse(line(name, address)).mailbox


def phrase(words: str, *, used: int = 0) -> str:
    """Give words that stand before an address: as they are, quoted, or encoded."""
    if _ATOM.fullmatch(words) and "=?" not in words and len(words) + used < LONGEST_LINE:
        return words
    if words.isascii() and "=?" not in words and len(words) + used + 2 < LONGEST_LINE:
        return '"' + re.sub(r'(["\\])', r"\\\1", words) + '"' if words else ""
    return encoded_words(words, used=used)


def encoded_words(value: str, *, used: int = 0) -> str:
    """Give a text as encoded words, one a line; `used` characters stand before the first.

    No character is cut in two (RFC 2047, 5).
    """
    octets = value.encode()
    whole = min(_quoted_word(octets), _base64_word(octets), key=len)
    if len(whole) <= min(LONGEST_WORD, LONGEST_LINE - used):
        return whole  # the other one, be it cut or not, is no shorter
    quoted, grouped = _words(value, used, _quoted_word), _words(value, used, _base64_word)
    shortest = min(quoted, grouped, key=lambda words: sum(map(len, words)))
    return FOLD.join(shortest)


def _free_text(value: str, used: int) -> str:
    if not value.isascii() or "=?" in value:
        return encoded_words(value, used=used)
    return _folded(value.split(" "), used)


def _folded(words: Sequence[str], used: int) -> str:
    """Break at spaces. A line must not be blank but for its first space (RFC 5322, 3.2.2)."""
    lines = [""]
    for word in words:
        before = f"{lines[-1]} " if lines[-1] else ""
        room = LONGEST_LINE - (used if len(lines) == 1 else 1)
        if lines[-1] and len(before + word) > room:
            lines.append(word)
        else:
            lines[-1] = before + word
    return FOLD.join(lines)


def _checked(name: str, value: str) -> str:
    normal = unicodedata.normalize("NFC", line(name, value))
    # Runs of spaces would be lost by some readers when lines are folded, and kept by others.
    return " ".join(normal.split())


# ---------------------------------------------------------------------- encoded words


def _words(value: str, used: int, form: _Form) -> list[str]:
    room = min(LONGEST_WORD, LONGEST_LINE - used)
    whole = form(value.encode())
    return [whole] if len(whole) <= room else list(_several_words(value, room, form))


def _several_words(value: str, room: int, form: _Form) -> Iterator[str]:
    held = ""
    for char in value:
        if held and len(form((held + char).encode())) > room:
            yield form(held.encode())
            held, room = "", LONGEST_WORD
        held += char
    yield form(held.encode())


def _base64_word(octets: bytes) -> str:
    return f"=?utf-8?b?{b2a_base64(octets, newline=False).decode()}?="


def _quoted_word(octets: bytes) -> str:
    return f"=?utf-8?q?{''.join(map(_QUOTED.__getitem__, octets))}?="
