import asyncio
import smtplib
from collections.abc import Callable

import pytest

from mailer.clock import FrozenClock
from mailer.demo import intake
from mailer.demo.postbox import Postbox
from tests.conftest import MOMENT
from tests.demo.conftest import letter

Send = Callable[[smtplib.SMTP], object]


async def sent(postbox: Postbox, clock: FrozenClock, send: Send) -> None:
    """Speak to the port as a relay's client does."""
    with intake.bind() as sock:
        host, port = sock.getsockname()

        def speak() -> None:
            with smtplib.SMTP(host, port, timeout=10) as client:
                send(client)

        async with intake.receiving(postbox, sock, clock):
            await asyncio.to_thread(speak)


def test_the_port_is_on_loopback_only() -> None:
    with intake.bind() as sock:
        assert sock.getsockname()[0] == "127.0.0.1"


async def test_what_is_sent_is_in_the_postbox_as_it_came(
    postbox: Postbox, clock: FrozenClock
) -> None:
    raw = letter()

    await sent(
        postbox, clock, lambda client: client.sendmail("a@example.org", ["b@example.net"], raw)
    )

    received = postbox.get(1)
    assert received is not None
    assert received.raw == raw
    assert (received.sender, received.recipients) == ("a@example.org", ("b@example.net",))
    assert received.at == MOMENT


async def test_an_address_beyond_ascii_is_taken(postbox: Postbox, clock: FrozenClock) -> None:
    await sent(
        postbox,
        clock,
        lambda client: client.sendmail(
            "a@example.org", ["花@example.org"], letter(), mail_options=["SMTPUTF8"]
        ),
    )

    assert postbox.newest()[0].recipients == ("花@example.org",)


async def test_a_message_that_is_too_large_is_refused(postbox: Postbox, clock: FrozenClock) -> None:
    much = letter() + b"x" * intake.LARGEST_MESSAGE

    def send(client: smtplib.SMTP) -> None:
        with pytest.raises(smtplib.SMTPSenderRefused, match="552"):
            client.sendmail("a@example.org", ["b@example.org"], much)

    await sent(postbox, clock, send)

    assert postbox.taken == 0
