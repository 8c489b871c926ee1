"""Links looked at side by side: which lead nowhere, who does not answer, and how many at most."""

import threading

import pytest

from mailer.delivery import linking
from mailer.errors import UsageError


def test_links_that_lead_nowhere_are_named_with_why() -> None:
    def look(url: str) -> None:
        if "dead" in url:
            raise UsageError("nobody is there")

    found = linking.look_at(["https://a.example/", "https://dead.example/"], look)

    assert found == [("https://dead.example/", "nobody is there")]


def test_who_does_not_answer_keeps_nobody_waiting() -> None:
    never = threading.Event()

    def look(url: str) -> None:
        if "slow" in url:
            never.wait(30)

    try:
        found = linking.look_at(["https://slow.example/", "https://a.example/"], look, seconds=0.2)
    finally:
        never.set()

    assert found == [("https://slow.example/", linking.NO_ANSWER)]


def test_a_link_is_looked_at_once_and_not_more_than_some() -> None:
    seen: list[str] = []
    urls = [f"https://a.example/{at}" for at in range(linking.MOST + 20)]

    assert linking.look_at([*urls, *urls], seen.append) == []

    assert sorted(seen) == sorted(urls[: linking.MOST])
    assert linking.look_at([], seen.append) == []


def test_a_mistake_of_ours_is_not_a_dead_link() -> None:
    def look(url: str) -> None:
        raise ZeroDivisionError(url)

    with pytest.raises(ZeroDivisionError):
        linking.look_at(["https://a.example/"], look)
