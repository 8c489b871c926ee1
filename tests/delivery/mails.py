"""Reading what a relay took."""

from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.smtp_server import Taken


def read(taken: Taken) -> EmailMessage:
    """Give a message as the standard library understands it."""
    found = message_from_bytes(taken.content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found
