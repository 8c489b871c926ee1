"""DMARC (RFC 9989): which policy holds for a domain, and which domains belong together.

The organisational domain is found by walking up the tree of names, not by a list of suffixes.
"""

from dataclasses import dataclass, field

from mailer.check.names import Names

MOST_STEPS = 8
"""Questions of one walk (RFC 9989, 4.10)."""

HISTORIC = ("pct", "rf", "ri")
"""Tags of RFC 7489 that nobody reads any more."""

POLICIES = ("none", "quarantine", "reject")


class Unsure(Exception):
    """A name server did not say."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A record that was found; `wrong` says why receivers take it for none."""

    text: str
    at: str
    tags: dict[str, str] = field(default_factory=dict)
    wrong: str = ""

    def asks_of(self, domain: str) -> str:
        """Give what it asks receivers to do with mail of a domain that fails."""
        named = [self.tags.get("p", "").lower()]
        if domain != self.at:
            named.insert(0, self.tags.get("sp", "").lower())
        return next((one for one in named if one in POLICIES), "none")

    @property
    def reports(self) -> tuple[str, ...]:
        """Give the addresses that reports go to."""
        found = (part.strip() for part in self.tags.get("rua", "").split(","))
        return tuple(
            one[7:].partition("!")[0]
            for one in found
            if one.lower().startswith("mailto:") and "@" in one
        )

    @property
    def historic(self) -> tuple[str, ...]:
        """Give the tags in it that mean nothing any more."""
        return tuple(name for name in HISTORIC if name in self.tags)

    @property
    def testing(self) -> bool:
        """Tell whether it asks receivers to do nothing yet."""
        return self.tags.get("t", "").lower() == "y"

    def is_strict(self, tag: str) -> bool:
        """Tell whether domains must be the same: for `adkim` or `aspf`."""
        return self.tags.get(tag, "r").lower() == "s"


@dataclass(frozen=True, slots=True)
class Found:
    """What a domain's walk brought to light."""

    organisation: str
    policy: Policy | None = None
    several_at: str = ""


def discover(names: Names, domain: str) -> Found:
    """Give the policy that holds for a domain and its organisational domain; may raise Unsure."""
    walked: list[tuple[str, Policy]] = []
    several = ""
    organisation = ""
    for at in _steps(domain):
        records = _records(names, at)
        several = several or (at if len(records) > 1 else "")
        if len(records) != 1:
            continue
        found = read(records[0], at)
        walked.append((at, found))
        mark = found.tags.get("psd", "u").lower()
        if mark == "n":
            organisation = at
            break
        if mark == "y" and at != domain:
            organisation = _below(domain, at)
            break
    organisation = organisation or (walked[-1][0] if walked else domain)
    by_place = dict(walked)
    wanted = (by_place.get(place) for place in (domain, organisation))
    policy = next((one for one in wanted if one), walked[-1][1] if walked else None)
    return Found(organisation, policy, several)


def read(text: str, at: str) -> Policy:
    """Read a record; what is wrong with it is said in it."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, mark, value = part.partition("=")
        if mark:
            tags.setdefault(name.strip().lower(), value.strip())
    policy = Policy(text, at, tags)
    named = tags.get("p", "").lower()
    if named not in POLICIES and not policy.reports:
        said = f"p={named[:20]}" if named else "no p="
        return Policy(text, at, tags, f"it says {said} where none, quarantine or reject must stand")
    return policy


def _records(names: Names, at: str) -> list[str]:
    answer = names.ask(f"_dmarc.{at}", "TXT")
    if answer.problem:
        raise Unsure(f"_dmarc.{at}: {answer.problem}")
    return [text for text in answer.values if _is_dmarc(text)]


def _is_dmarc(text: str) -> bool:
    name, _, value = text.partition(";")[0].partition("=")
    return name.strip() == "v" and value.strip() == "DMARC1"


def _steps(domain: str) -> list[str]:
    """Give the names of a walk: the domain itself, then up, from seven labels at most."""
    labels = domain.split(".")
    first = 1 if len(labels) <= MOST_STEPS else len(labels) - MOST_STEPS + 1
    return [domain, *(".".join(labels[at:]) for at in range(first, len(labels)))]


def _below(domain: str, at: str) -> str:
    """Give the name one label below a place, on the way to a domain."""
    labels = domain.split(".")
    return ".".join(labels[-(at.count(".") + 2) :])
