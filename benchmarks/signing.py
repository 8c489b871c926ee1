"""Measures what a DKIM signature costs beside the bare RSA operation in it.

    python benchmarks/signing.py [--messages 500] [--items 3]

Digests as a worker composes them, one recipient after the other, are signed by RSA-2048; in
turn with that, the bare operation is done as often. Measured is CPU time, of one thread; what
counts is the ratio.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: E402
from cryptography.hazmat.primitives.hashes import SHA256  # noqa: E402

from benchmarks.composing import OURS, _claimed, _digest, _identity, _values  # noqa: E402
from mailer.db.schema import DkimAlgorithm  # noqa: E402
from mailer.dkim import Key, Signer, making  # noqa: E402
from mailer.rendering import Plate, render_digest  # noqa: E402
from tests.rendering.sample import head  # noqa: E402

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
DOMAIN = "office.example.org"
ROUNDS = 15

Message = Sequence[bytes]


def main() -> None:
    """Measure and print."""
    options = _options()
    plate = Plate.of(render_digest(OURS, _digest(options.items)), OURS.languages["en"], head())
    people = [_claimed(number) for number in range(options.messages)]
    messages = [plate.pieces(_values(one), _identity(one)) for one in people]
    private = making.make(DkimAlgorithm.RSA)
    rsa = Signer(DOMAIN, (Key("202611a", private),))
    second = Key("202611b", making.make(DkimAlgorithm.ED25519))
    cases: dict[str, Callable[[Message], object]] = {
        "the bare RSA operation": lambda _: private.sign(b"x" * 1000, PKCS1v15(), SHA256()),
        "signed": lambda one: rsa.sign(one, at=NOW),
        "signed, not in pieces": lambda one: rsa.sign([b"".join(one)], at=NOW),
        "signed twice, by Ed25519 too": lambda one: Signer(DOMAIN, (*rsa.keys, second)).sign(
            one, at=NOW
        ),
    }
    size = len(b"".join(messages[0]))
    print(f"a message has {size:,} bytes in {len(messages[0])} pieces")
    micros = _measured(cases, messages)
    bare = micros["the bare RSA operation"]
    for name, some in micros.items():
        ratio = statistics.median(one / of for one, of in zip(some, bare, strict=True))
        print(f"{name:<32}{statistics.median(some):>8.1f} µs{ratio:>7.2f} ×")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--messages", type=int, default=500, help="signed in each round")
    parser.add_argument("--items", type=int, default=3, help="in the digest: some 20 KB")
    return parser.parse_args()


def _measured(
    cases: dict[str, Callable[[Message], object]], messages: Sequence[Message]
) -> dict[str, list[float]]:
    """Give the microseconds of CPU time that each case takes for a message, round by round."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, sign in cases.items():
            began = time.process_time()
            for one in messages:
                sign(one)
            found[name].append((time.process_time() - began) / len(messages) * 1e6)
    return found


if __name__ == "__main__":
    main()
