"""Which texts the program and its templates hold, and which of them a catalogue lacks.

python -m tests.catalogue          prints the missing ones of every language, as .po entries
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from mailer import files
from mailer.language import SHIPPED, placeholders

METHODS = [("**.py", "python")]
TEMPLATES = [(f"**.{suffix}", "jinja2") for suffix in ("html", "txt", "xml", "css")]
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "translatable": None,
    "say": None,
}
EXTENSIONS = {"extensions": "jinja2.ext.i18n,jinja2.ext.loopcontrols", "trimmed": "true"}


@dataclass(frozen=True, slots=True)
class Text:
    """One text of ours: where it stands first, its context, and its form or forms in English."""

    where: str
    context: str | None
    forms: tuple[str, ...]

    @property
    def key(self) -> tuple[str | None, str]:
        return self.context, self.forms[0]

    def entry(self) -> str:
        """Give the text as an entry of a catalogue that waits for its translation."""
        lines = [f"#: {self.where}"]
        lines += [f"msgctxt {_quoted(self.context)}"] if self.context else []
        lines.append(f"msgid {_quoted(self.forms[0])}")
        if len(self.forms) == 1:
            return "\n".join([*lines, 'msgstr ""'])
        return "\n".join([*lines, f"msgid_plural {_quoted(self.forms[1])}", 'msgstr[0] ""'])


def texts() -> list[Text]:
    """Give every text of the program and of the templates that ship with it, in order of place."""
    found: dict[tuple[str | None, str], Text] = {}
    for text in [*_extracted(files.PACKAGE, METHODS), *_extracted(files.templates(), TEMPLATES)]:
        found.setdefault(text.key, text)
    return list(found.values())


def catalogues() -> list[Path]:
    """Give the catalogues that ship with the program."""
    return sorted(SHIPPED.glob("*.po"))


def read(path: Path) -> Catalog:
    """Give a catalogue."""
    with path.open("rb") as source:
        return read_po(source, locale=path.stem.replace("-", "_"), abort_invalid=True)


def problems(catalogue: Catalog, wanted: Sequence[Text]) -> Iterator[tuple[Text, str]]:
    """Give each text that is missing, uncertain, or has lost a placeholder in translation."""
    for text in wanted:
        message = catalogue.get(text.forms[0], context=text.context)
        if message is None or not _translations(message):
            yield text, "missing"
        elif message.fuzzy:
            yield text, "fuzzy"
        elif lost := _lost(text, message):
            yield text, f"has lost {', '.join(sorted(lost))}"


def left_over(catalogue: Catalog, wanted: Sequence[Text]) -> list[str]:
    """Give the entries of a catalogue that nothing asks for any more."""
    keys = {text.key for text in wanted}
    return [
        str(message.id)
        for message in catalogue
        if message.id and (message.context, _first(message)) not in keys
    ]


def _extracted(folder: Path, methods: Sequence[tuple[str, str]]) -> Iterator[Text]:
    options = {pattern: EXTENSIONS for pattern, method in methods if method == "jinja2"}
    for name, line, forms, _comments, context in extract_from_dir(
        str(folder), list(methods), options, keywords=KEYWORDS
    ):
        where = f"{folder.name}/{name}:{line}"
        yield Text(where, context, (forms,) if isinstance(forms, str) else tuple(forms))


def _translations(message: Message) -> tuple[str, ...]:
    strings = (message.string,) if isinstance(message.string, str) else message.string or ()
    return tuple(strings) if all(strings) else ()


def _lost(text: Text, message: Message) -> set[str]:
    # A plural's own number may be said in words: “one day”, 一日.
    needed = set(placeholders(*text.forms)) - {"%(num)s"}
    return {name for form in _translations(message) for name in needed - set(placeholders(form))}


def _first(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _quoted(text: str | None) -> str:
    escaped = (text or "").replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def main() -> None:
    """Print what is missing."""
    wanted = texts()
    for path in catalogues():
        print(f"# {path.stem}")  # noqa: T201
        for text, problem in problems(read(path), wanted):
            print(f"\n# {problem}\n{text.entry()}")  # noqa: T201
        for unused in left_over(read(path), wanted):
            print(f"\n# no longer used: {unused}")  # noqa: T201


if __name__ == "__main__":
    main()
