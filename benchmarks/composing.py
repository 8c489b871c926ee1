"""What does a message cost to compose? Splicing against encoding and rendering in full.

    python benchmarks/composing.py [--messages 20000] [--items 5]

A digest with a recipient's name in To, their address and their links in head and body is
composed for one recipient after the other as a worker does it, tokens included; then with its
bodies encoded anew for each, and rendered anew. A few messages are compared with the same
written out in full, octet by octet: the exit code says whether they are alike. Measured is CPU
time; figures of one run may be compared with one another, those of two runs hardly.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from mailer.config import Settings  # noqa: E402
from mailer.db.schema import DeliveryKind  # noqa: E402
from mailer.delivery import Press  # noqa: E402
from mailer.ledger import Claimed  # noqa: E402
from mailer.links import Links  # noqa: E402
from mailer.rendering import (  # noqa: E402
    DigestContent,
    Identity,
    Plate,
    Section,
    Values,
    render_digest,
)
from mailer.tokens import KeyRing, new_key  # noqa: E402
from tests.rendering import in_full  # noqa: E402
from tests.rendering.sample import DIGEST, TRAINING, WEB, head, templates  # noqa: E402

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
OURS = templates()
NAMES = ("Kim Lee", "Ana Souza", "", "Per Åberg", "王小明")
FEW = 20
ROUNDS = 5
SETTINGS = {
    "organisation": {"name": "Office", "owner": "owner@office.example.org"},
    "smtp": {"envelope": "signed", "return_path_domain": "bounces.office.example.org"},
}


@dataclass(frozen=True)
class Case:
    """One way to come to a message, and how often it is tried."""

    name: str
    compose: Callable[[Claimed], object]
    messages: int


def main() -> int:
    """Measure, print, and give the exit code."""
    options = _options()
    content = _digest(options.items)
    plate = Plate.of(render_digest(OURS, content), OURS.languages["en"], head())
    people = [_claimed(number) for number in range(1000)]
    press = _press()
    size = len(press.compose(people[0], plate))
    print(f"a message has {size:,} bytes, {plate.prepared.edition.html.count('<a ')} links")
    cases = _cases(press, plate, content, options.messages)
    micros = {case.name: _measured(case, people) for case in cases}
    fastest = micros[cases[0].name]
    for name, each in micros.items():
        print(f"{name:<46}{each:>10.1f} µs{each / fastest:>9.1f} ×")
    same = all(_splice(plate, one) == _in_full(plate, one) for one in people[:FEW])
    print(f"spliced and written in full are {'the same' if same else 'NOT THE SAME'}")
    return int(not same)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--messages", type=int, default=20_000, help="composed in each round")
    parser.add_argument("--items", type=int, default=5, help="in the digest, each with a link")
    return parser.parse_args()


# ------------------------------------------------------------------------- what is composed


def _digest(items: int) -> DigestContent:
    some = tuple(
        replace(TRAINING, title=f"Meeting {number} of the heads", link=f"{WEB}/reports/{number}")
        for number in range(items)
    )
    return replace(DIGEST, sections=(Section("Capacity building", some),), coming_up=())


def _press() -> Press:
    keys = KeyRing.of([new_key()])
    return Press(Settings.model_validate(SETTINGS), keys, Links(f"{WEB}/", keys), OURS)


def _claimed(number: int) -> Claimed:
    address = f"reader{number:06}@domain{number % 50}.example"
    return Claimed(
        id=1_000_000 + number,
        kind=DeliveryKind.DIGEST,
        digest_id=12,
        edition_id=1,
        list_id=3,
        subscriber_id=200_000 + number,
        address=address,
        key=address,
        domain=address.partition("@")[2],
        name=NAMES[number % len(NAMES)],
        language="en",
        context={},
        route="smtp",
        signing_key=None,
        not_after=NOW,
        dated_at=NOW,
        tries=0,
    )


# ------------------------------------------------------------------------- how


def _cases(press: Press, plate: Plate, content: DigestContent, messages: int) -> list[Case]:
    def anew(one: Claimed) -> bytes:
        edition = render_digest(OURS, content)
        return _splice(Plate.of(edition, OURS.languages["en"], plate.head), one)

    def encoded(one: Claimed) -> bytes:
        return _splice(Plate(plate.prepared, plate.head), one)

    return [
        Case("composed, with its tokens", lambda one: press.compose(one, plate), messages),
        Case("  of that, spliced", lambda one: _splice(plate, one), messages),
        Case("the return path", lambda one: press.return_path(one, plate), messages),
        Case("encoded anew for each", encoded, FEW),
        Case("rendered and encoded anew for each", anew, FEW),
    ]


def _splice(plate: Plate, one: Claimed) -> bytes:
    return plate.compose(_values(one), _identity(one))


def _in_full(plate: Plate, one: Claimed) -> bytes:
    made = plate.prepared
    return in_full.compose(made.edition, made.language, plate.head, _values(one), _identity(one))


def _values(one: Claimed) -> Values:
    leave, preferences = f"{WEB}/u/{'t' * 34}{one.id}", f"{WEB}/p/{'t' * 34}{one.id}"
    return Values(one.address, one.name, leave_url=leave, preferences_url=preferences)


def _identity(one: Claimed) -> Identity:
    return Identity(f"{one.id}@office.example.org", one.dated_at, one_click=True)


def _measured(case: Case, people: list[Claimed]) -> float:
    """Give the microseconds of CPU time that a message takes, in the best of some rounds."""
    return min(_round(case, people) for _ in range(ROUNDS)) / case.messages * 1e6


def _round(case: Case, people: list[Claimed]) -> float:
    began = time.process_time()
    for one, _ in zip(cycle(people), range(case.messages), strict=False):
        case.compose(one)
    return time.process_time() - began


if __name__ == "__main__":
    raise SystemExit(main())
