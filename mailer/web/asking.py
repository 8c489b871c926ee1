"""What presses of the box leave behind: an ask each, and once the words of the notice beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mailer import facts, subscribers
from mailer.subscribers import Asked


@dataclass(frozen=True, slots=True)
class Pressed:
    """One press, and the fact that keeps the words which stood under the button, by its name."""

    asked: Asked
    fact: str
    words: Mapping[str, str]
    at: datetime


def keep(session: Session, pressed: Sequence[Pressed]) -> None:
    """Keep what several readers asked at about the same moment."""
    at = max(one.at for one in pressed)
    subscribers.ask_all(session, [one.asked for one in pressed], now=at)
    for name, words in {one.fact: one.words for one in pressed}.items():
        if facts.get(session, name) is None:
            facts.note(session, name, dict(words), now=at)
