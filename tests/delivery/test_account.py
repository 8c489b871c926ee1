"""Whatever a relay answers: at every moment the numbers add up, and they are true."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle

import pytest

from tests.installation import Installation, readers, wait_for
from tests.smtp_server import SILENCE, SmtpServer, Then

EVERYBODY = readers(72, domains=9)

ANSWERS = {
    "sent": ("dot", None, Then.GO_ON),
    "deferred": ("rcpt", "451 4.7.1 greylisted", Then.GO_ON),
    "failed": ("rcpt", "552 5.2.2 mailbox full", Then.GO_ON),
    "held": ("dot", "550 5.7.1 WORD looks like spam", Then.GO_ON),
    "gone": ("rcpt", "550 5.1.1 no such user", Then.GO_ON),
    "broken off": ("dot", "250 2.0.0 taken", Then.CLOSE),
    "taken and lost": ("dot", SILENCE, Then.CLOSE),
    "lost before": ("data", SILENCE, Then.CLOSE),
}
"""What each in turn is answered; the reply, and what the relay does after it."""

WORDS = ["this", "that", "your", "our", "such", "every", "any", "one", "another"]
"""The same words for different domains would be about us, and would pause the route."""


def set_up(relay: SmtpServer) -> dict[str, list[str]]:
    """Have the relay answer each recipient in a way of its own; give who is answered how."""
    answered: dict[str, list[str]] = {name: [] for name in ANSWERS}
    turns: Iterator[str] = cycle(ANSWERS)
    for each in EVERYBODY:
        name = next(turns)
        step, reply, then = ANSWERS[name]
        answered[name].append(each)
        if name != "sent":
            word = WORDS[len(answered[name]) - 1]
            said = reply.replace("WORD", word) if isinstance(reply, str) else reply
            relay.answer(step, said, recipient=each, then=then, keeps=step == "dot" or None)
    return answered


@pytest.mark.timeout(300)  # a whole digest, watched: seconds alone, a minute on a busy machine
def test_the_numbers_add_up_at_every_moment_and_tell_the_truth(
    office: Installation, relay: SmtpServer
) -> None:
    # Given a relay that answers everybody differently, some in the worst of ways
    office.subscribers(*EVERYBODY)
    answered = set_up(relay)
    digest = office.sending()
    seen = []

    def look() -> bool:
        sums = office.sums(digest)
        seen.append(sums.recipients)
        return sums.waiting == len(answered["lost before"])

    # When a worker goes through all of them
    with office.at_work():
        wait_for(look, seconds=60)

    # Then nobody was ever missing from the account
    assert set(seen) == {len(EVERYBODY)}

    # And each number is what the relay knows
    rows = {row.address: row for row in office.rows(digest)}
    states = {name: {rows[one].state.value for one in who} for name, who in answered.items()}
    assert states == {
        "sent": {"sent"},
        "deferred": {"queued"},
        "failed": {"failed"},
        "held": {"queued"},
        "gone": {"failed"},
        "broken off": {"sent"},
        "taken and lost": {"uncertain"},
        "lost before": {"queued"},
    }
    in_relay = {one for name in ("sent", "broken off", "taken and lost") for one in answered[name]}
    assert in_relay <= set(relay.taken)
    assert all(relay.taken[one] == 1 for one in in_relay)

    # When the relay is itself again, then all get it who can
    relay.behave()
    office.clock.move(timedelta(hours=1))
    office.work()
    sums = office.sums(digest)
    per_way = len(EVERYBODY) // len(ANSWERS)
    assert sums.sent == 4 * per_way
    assert sums.uncertain == per_way
    assert sums.failed == 2 * per_way
    assert sums.deferred == per_way  # what is held waits for a person
    assert sums.recipients == len(EVERYBODY)
