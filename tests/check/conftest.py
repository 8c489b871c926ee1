"""A sender to judge: news@example.org, by a relay that sends from where a test says."""

from typing import Any

import pytest

from mailer.check import Finding, Sending, State
from mailer.config import Route

WORST = (State.FAIL, State.WARN, State.UNKNOWN, State.OK)


def a_sending(
    sender: str = "news@example.org", return_path: str = "", reply_to: str = "", **route: Any
) -> Sending:
    """Give a sender; `route` are settings of its route."""
    return Sending(
        sender=sender,
        return_path=return_path or sender,
        name="smtp",
        route=Route(**{"host": "relay.example.net", "hello": "mail.example.org", **route}),
        lists=("news",),
        owner="owner@example.org",
        replies=(reply_to or sender,),
    )


def worst(found: list[Finding]) -> State:
    """Give the worst state among findings."""
    states = {one.state for one in found}
    return next(state for state in WORST if state in states)


@pytest.fixture
def sending() -> Sending:
    return a_sending(sends_from=["192.0.2.7", "include:relay.example.net"], dkim_selector="news")
