"""Words as they are compared when somebody searches: without case, width, accents and markup.

Both databases compare what was folded here, letter by letter, so they find the same: SQLite knows
the case of ASCII only, and PostgreSQL that of the locale it was made with.
"""

import re
import unicodedata

LONGEST_QUERY = 200
"""Characters of a query that are read."""

MOST_WORDS = 8
"""Words of a query that are sought; each is one more pass over the texts."""

# Accents of Latin, Greek and Cyrillic, and the vowel signs of Arabic, which most texts leave out.
# Not the marks of Japanese, Thai or Devanagari: there they make another letter.
_MARKS = re.compile("[\u0300-\u036f\u064b-\u0652\u0670\u0640]")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_WITHOUT_WIDTH = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")


def folded(text: str) -> str:
    """Give a text in the form in which it is searched, on one line.

    >>> folded("Réunion  ＡＢＣ Straße")
    'reunion abc strasse'
    """
    seen = _WITHOUT_WIDTH.sub("", _CONTROLS.sub(" ", text))
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", seen).casefold())
    return " ".join(unicodedata.normalize("NFKC", _MARKS.sub("", plain)).split())


def words_of(query: str) -> tuple[str, ...]:
    """Give the words of a query, folded, each once; what is beyond the limits is left out."""
    return tuple(dict.fromkeys(folded(query[:LONGEST_QUERY]).split()))[:MOST_WORDS]
