"""In which language to answer: what was asked for, else what the reader's browser prefers."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from mailer.errors import UsageError
from mailer.language import Language, Languages

LONGEST_HEADER = 500
"""Characters of Accept-Language that are read; browsers send some sixty."""


@lru_cache(maxsize=500)
def accepted(header: str) -> tuple[str, ...]:
    """Give the languages a browser prefers, the dearest first (RFC 9110, 12.5.4).

    >>> accepted("fr;q=0.2, ja, en;q=0.8, de;q=0")
    ('ja', 'en', 'fr')
    """
    weighed = [_weighed(entry) for entry in header[:LONGEST_HEADER].split(",")]
    ranked = sorted((pair for pair in weighed if pair[1] > 0), key=lambda pair: -pair[1])
    return tuple(code for code, _ in ranked if code and code != "*")


def chosen(
    languages: Languages, offered: Sequence[str], wanted: Iterable[str | None], otherwise: str
) -> Language:
    """Give the first of the wanted languages that is offered: it, or one of the same base."""
    served = (_served_by(code, offered) for code in wanted if code)
    code = next(filter(None, served), otherwise)
    try:
        return languages.of(code)
    except UsageError:  # an import may have brought a language that is none
        return languages.choose()


def _served_by(code: str, offered: Sequence[str]) -> str | None:
    same = (one for one in offered if one.casefold() == code.casefold())
    kin = (one for one in offered if _base(one) == _base(code))
    return next(same, None) or next(kin, None)


def _base(code: str) -> str:
    return code.partition("-")[0].casefold()


def _weighed(entry: str) -> tuple[str, float]:
    code, _, parameters = entry.partition(";")
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return code.strip(), 1.0
    try:
        return code.strip(), float(value)
    except ValueError:
        return code.strip(), 0.0
