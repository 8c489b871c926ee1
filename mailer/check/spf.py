"""SPF (RFC 7208): reading records, judging a sender's address, and surveying what a domain says.

Pure but for the names it is given to ask. A record that receivers must not use is an SpfError;
what could not be asked is an Unsure, and neither gets further than this module's verdicts.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from mailer.check.names import Answer, Names

MOST_LOOKUPS = 10
MOST_VOIDS = 2
MOST_EXCHANGES = 10
"""RFC 7208, 4.6.4: beyond any of these the record counts as broken."""

FOLLOWED = 40
"""Lookups after which a survey stops counting: it is far too many by then."""

Ip = IPv4Address | IPv6Address


class Result(StrEnum):
    """What a receiver gets (RFC 7208, 2.6)."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


QUALIFIERS = {
    "+": Result.PASS,
    "-": Result.FAIL,
    "~": Result.SOFTFAIL,
    "?": Result.NEUTRAL,
}

ASKING = frozenset({"include", "a", "mx", "ptr", "exists"})
"""Mechanisms that cost a lookup; the modifier redirect does too."""


class SpfError(Exception):
    """The record is one that receivers must not use (permerror)."""

    why = "this domain publishes no SPF record"


class NoRecord(SpfError):
    """There is no record."""


class Unsure(Exception):
    """A name server did not say."""


@dataclass(frozen=True, slots=True)
class Term:
    """One mechanism."""

    text: str
    qualifier: str
    mechanism: str
    target: str = ""
    network: IPv4Network | IPv6Network | None = None
    bits4: int = 32
    bits6: int = 128


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was read."""

    text: str
    terms: tuple[Term, ...]
    redirect: str = ""

    @property
    def ending(self) -> str:
        """Give the qualifier of `all`; nothing when there is no `all`."""
        return next((term.qualifier for term in self.terms if term.mechanism == "all"), "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a receiver finds for one address, by which term, and why not."""

    result: Result
    by: str = ""
    why: str = ""


@dataclass(slots=True)
class Survey:
    """All that a domain's record says, whoever sends. `ending` is the qualifier of its `all`."""

    record: str = ""
    records: tuple[str, ...] = ()
    lookups: int = 0
    voids: int = 0
    ending: str = ""
    includes: list[str] = field(default_factory=list)
    uses_ptr: bool = False
    broken: str = ""
    unsure: str = ""


# ------------------------------------------------------------------------- reading

_MECHANISM = re.compile(
    r"(?P<qualifier>[-+~?]?)(?P<name>all|include|a|mx|ptr|ip4|ip6|exists)(?P<rest>[:/].*)?",
    re.IGNORECASE,
)
_MODIFIER = re.compile(r"(?P<name>[a-z][a-z0-9_.-]*)=(?P<value>.*)", re.IGNORECASE)
_LENGTHS = re.compile(r"(?P<target>.*?)(?:/(?P<bits4>\d{1,3}))?(?://(?P<bits6>\d{1,3}))?")
_MACRO = re.compile(
    r"%(?:(?P<plain>[%_-])|\{(?P<letter>[slodipvhcrt])(?P<digits>\d*)(?P<turn>r?)"
    r"(?P<parts>[-.+,/_=]*)\})",
    re.IGNORECASE,
)
_END = re.compile(r"[-+~?]?all|redirect=.*", re.IGNORECASE)
_TARGET = re.compile(
    r"(?:[\x21-\x24\x26-\x7e]|%[%_-]|%\{[slodipvhcrt]\d*r?[-.+,/_=]*\})+", re.IGNORECASE
)


def is_spf(text: str) -> bool:
    """Tell whether a TXT record is an SPF record (RFC 7208, 4.5)."""
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def read(text: str) -> Record:
    """Read a record; SpfError when it breaks the grammar."""
    if not text.isascii() or not text.isprintable():
        raise SpfError("the record holds letters that are not plain ASCII")
    terms: list[Term] = []
    modifiers: dict[str, str] = {}
    for word in text.split(" ")[1:]:
        if not word:
            continue
        if found := _MECHANISM.fullmatch(word):
            terms.append(_term(word, found))
        elif found := _MODIFIER.fullmatch(word):
            name = found["name"].lower()
            if name in {"redirect", "exp"}:
                if name in modifiers:
                    raise SpfError(f"“{name}” stands there twice")
                modifiers[name] = _target(word, found["value"])
        else:
            raise SpfError(f"“{word[:60]}” means nothing in SPF")
    return Record(text, tuple(terms), modifiers.get("redirect", ""))


def _term(word: str, found: "re.Match[str]") -> Term:
    name, rest = found["name"].lower(), found["rest"] or ""
    qualifier = found["qualifier"] or "+"
    if name == "all":
        if rest:
            raise SpfError(f"“{word[:60]}”: nothing may follow “all”")
        return Term(word, qualifier, name)
    if name in {"ip4", "ip6"}:
        return Term(word, qualifier, name, network=_network(word, name, rest))
    if name in {"a", "mx"}:
        return _with_lengths(word, qualifier, name, rest)
    if rest.startswith("/") or (name != "ptr" and not rest.startswith(":")):
        raise SpfError(f"“{word[:60]}” names no domain")
    target = _target(word, rest[1:]) if rest else ""
    return Term(word, qualifier, name, target)


def _network(word: str, name: str, rest: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(rest.removeprefix(":"), strict=False)
    except ValueError:
        raise SpfError(f"“{word[:60]}” holds no network") from None
    if not rest.startswith(":") or network.version != int(name[-1]):
        raise SpfError(f"“{word[:60]}” holds no network of its kind")
    return network


def _with_lengths(word: str, qualifier: str, name: str, rest: str) -> Term:
    found = _LENGTHS.fullmatch(rest)
    assert found is not None
    target = found["target"]
    bits4, bits6 = int(found["bits4"] or 32), int(found["bits6"] or 128)
    if bits4 > 32 or bits6 > 128 or target == ":" or (target and target[0] != ":"):
        raise SpfError(f"“{word[:60]}” is not written as SPF wants it")
    target = _target(word, target[1:]) if target else ""
    return Term(word, qualifier, name, target, bits4=bits4, bits6=bits6)


def _target(word: str, value: str) -> str:
    if not _TARGET.fullmatch(value):
        raise SpfError(f"“{word[:60]}” names no domain")
    return value


# ------------------------------------------------------------------------- finding


def record_of(names: Names, domain: str) -> Record:
    """Give the only record of a domain; NoRecord, SpfError or Unsure."""
    found = published(names, domain)
    if not found:
        raise NoRecord(f"{domain} publishes no SPF record")
    if len(found) > 1:
        raise SpfError(f"{domain} publishes {len(found)} SPF records; there must be one")
    return read(found[0])


def published(names: Names, domain: str) -> tuple[str, ...]:
    """Give the SPF records as they are published."""
    return tuple(filter(is_spf, _sure(names.ask(domain, "TXT"), domain).values))


def _sure(answer: Answer, name: str) -> Answer:
    if answer.problem:
        raise Unsure(f"{name}: {answer.problem}")
    return answer


# ------------------------------------------------------------------------- judging


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever hands a message over: from which address, for which sender, by which EHLO name."""

    ip: Ip
    sender: str
    hello: str = ""


def judge(names: Names, domain: str, client: Client) -> Verdict:
    """Give what a receiver finds for a client (RFC 7208, 4)."""
    judging = _Judging(names, client)
    try:
        return judging.judge(domain)
    except NoRecord as error:
        return Verdict(Result.NONE, why=str(error))
    except SpfError as error:
        return Verdict(Result.PERMERROR, why=str(error))
    except Unsure as error:
        return Verdict(Result.TEMPERROR, why=str(error))


class _Judging:
    """One judgement, with what it may still spend."""

    def __init__(self, names: Names, client: Client) -> None:
        self._names = names
        self._client = client
        self._lookups = 0
        self._voids = 0

    def judge(self, domain: str) -> Verdict:
        record = record_of(self._names, domain)
        for term in record.terms:
            if term.mechanism in ASKING:
                self._spend()
            if self._matches(term, domain):
                return Verdict(QUALIFIERS[term.qualifier], term.text)
        if not record.redirect:
            return Verdict(Result.NEUTRAL)
        self._spend()
        return self._inner(self._expanded(record.redirect, domain))

    def _inner(self, domain: str) -> Verdict:
        try:
            return self.judge(domain)
        except NoRecord as error:
            raise SpfError(str(error)) from None

    def _matches(self, term: Term, domain: str) -> bool:
        ip = self._client.ip
        target = self._expanded(term.target, domain) or domain
        if term.mechanism == "all":
            return True
        if term.network is not None:
            return ip in term.network
        if term.mechanism == "include":
            return self._inner(target).result is Result.PASS
        if term.mechanism == "exists":
            return bool(self._ask(target, "A").values)
        if term.mechanism == "ptr":
            return False  # receivers are told not to use it (RFC 7208, 5.5)
        hosts = [target] if term.mechanism == "a" else self._exchanges(target)
        return any(self._lives_at(host, term) for host in hosts)

    def _exchanges(self, target: str) -> list[str]:
        found = self._ask(target, "MX").values
        if len(found) > MOST_EXCHANGES:
            raise SpfError(f"{target} has more than {MOST_EXCHANGES} mail exchangers")
        return [value.partition(" ")[2] for value in found]

    def _lives_at(self, host: str, term: Term) -> bool:
        ip = self._client.ip
        kind, bits = ("A", term.bits4) if ip.version == 4 else ("AAAA", term.bits6)
        found = self._ask(host, kind).values
        return any(ip in ip_network(f"{value}/{bits}", strict=False) for value in found)

    def _ask(self, name: str, kind: str) -> Answer:
        answer = _sure(self._names.ask(name, kind), name)
        if answer.is_void:
            self._voids += 1
            if self._voids > MOST_VOIDS:
                raise SpfError(f"more than {MOST_VOIDS} of its names lead nowhere")
        return answer

    def _spend(self) -> None:
        self._lookups += 1
        if self._lookups > MOST_LOOKUPS:
            raise SpfError(f"it needs more than {MOST_LOOKUPS} lookups")

    def _expanded(self, target: str, domain: str) -> str:
        return expand(target, domain, self._client)


def expand(target: str, domain: str, client: Client) -> str:
    """Fill in the macros of a domain (RFC 7208, 7)."""
    local, _, of = client.sender.rpartition("@")
    ip = client.ip
    address = str(ip) if ip.version == 4 else ".".join(ip.exploded.replace(":", ""))
    values = {
        "s": client.sender,
        "l": local or "postmaster",
        "o": of,
        "d": domain,
        "i": address,
        "p": "unknown",
        "v": "in-addr" if ip.version == 4 else "ip6",
        "h": client.hello,
    }

    def filled(found: "re.Match[str]") -> str:
        if found["plain"]:
            return {"%": "%", "_": " ", "-": "%20"}[found["plain"]]
        parts = re.split(f"[{re.escape(found['parts'] or '.')}]", values.get(found["letter"], ""))
        if found["turn"]:
            parts.reverse()
        return ".".join(parts[-int(found["digits"] or 0) :])

    return _MACRO.sub(filled, target)


# ------------------------------------------------------------------------- surveying


def survey(names: Names, domain: str) -> Survey:
    """Follow everything a record says, and count what it costs at worst."""
    found = Survey()
    try:
        found.records = published(names, domain)
        if len(found.records) == 1:
            found.record = found.records[0]
            _follow(names, domain, found, (domain,))
        elif found.records:
            found.broken = f"there are {len(found.records)} SPF records; receivers then use none"
    except SpfError as error:
        found.broken = str(error)
    except Unsure as error:
        found.unsure = str(error)
    if not found.broken and found.lookups > MOST_LOOKUPS:
        found.broken = f"it needs {found.lookups} lookups, and receivers stop after {MOST_LOOKUPS}"
    if not found.broken and found.voids > MOST_VOIDS:
        found.broken = f"{found.voids} of its names lead nowhere; receivers stop after {MOST_VOIDS}"
    return found


def _follow(names: Names, domain: str, found: Survey, path: tuple[str, ...]) -> None:
    record = record_of(names, domain)
    for term in record.terms:
        if term.mechanism in ASKING:
            found.lookups += 1
            _look_at(names, term, domain, found, path)
    if record.redirect and not record.ending:
        found.lookups += 1
        _step_into(names, record.redirect, found, path)
    elif len(path) == 1 or not found.ending:
        found.ending = record.ending or found.ending


def _look_at(names: Names, term: Term, domain: str, found: Survey, path: tuple[str, ...]) -> None:
    target = term.target or domain
    if found.lookups > FOLLOWED:
        return
    if term.mechanism == "ptr":
        found.uses_ptr = True
    elif term.mechanism == "include":
        ending = found.ending
        found.includes.append(target.lower().rstrip("."))
        _step_into(names, target, found, path)
        found.ending = ending  # an included record's `all` ends nothing
    elif "%" not in target and term.mechanism != "exists":
        _count_voids(names, term.mechanism, target, found)


def _step_into(names: Names, target: str, found: Survey, path: tuple[str, ...]) -> None:
    if "%" in target:
        return  # depends on who sends
    if target.lower() in path:
        raise SpfError(f"it comes back to itself: {' → '.join([*path, target])}")
    _follow(names, target, found, (*path, target.lower()))


def _count_voids(names: Names, mechanism: str, target: str, found: Survey) -> None:
    if mechanism == "mx":
        exchanges = _sure(names.ask(target, "MX"), target).values
        found.voids += not exchanges
        if len(exchanges) > MOST_EXCHANGES:
            raise SpfError(f"{target} has more than {MOST_EXCHANGES} mail exchangers")
        return
    known = [_sure(names.ask(target, kind), target) for kind in ("A", "AAAA")]
    found.voids += all(answer.is_void for answer in known)


def with_mechanism(record: str, mechanism: str) -> str:
    """Give a record with one more mechanism before its end."""
    words = record.split()
    ends = [at for at, word in enumerate(words) if _END.fullmatch(word)]
    at = ends[0] if ends else len(words)
    return " ".join([*words[:at], mechanism, *words[at:]])


def merged(records: tuple[str, ...]) -> str:
    """Give one record with what several say; the strictest of their ends."""
    words = [word for record in records for word in record.split()[1:]]
    ends = sorted((word for word in words if word.lower().endswith("all")), key=_strictness)
    kept = [word for word in dict.fromkeys(words) if word not in ends]
    return " ".join(["v=spf1", *kept, *(ends[:1] or ["~all"])])


def _strictness(word: str) -> int:
    return "-~?+".find(word[0]) if word[0] in "-~?+" else 4
