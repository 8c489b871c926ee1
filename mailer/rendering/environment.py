"""Templates: where they are found, what they may do, and what is said when one is wrong.

The owner's folder is looked in first, then ours, file by file; `original/…` is always ours, so
that a file of the owner's can extend the one it replaces. Templates run in Jinja's sandbox with
undefined names refused. That keeps mistakes and mischief in: it is no defence against a
template that only wants to burn time, so whoever may edit templates must be trusted that far.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from traceback import walk_tb
from types import CodeType, TracebackType
from typing import Any

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChoiceLoader,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
    pass_eval_context,
)
from jinja2.bccache import Bucket
from jinja2.exceptions import SecurityError
from jinja2.nodes import EvalContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from mailer.errors import TemplateInvalid
from mailer.language import Language, Languages, direction_of
from mailer.rendering import markdown, plaintext
from mailer.rendering.holes import HoleMisused, printed
from mailer.rendering.wrapping import shortened

LARGEST_OUTPUT = 1_000_000
"""Characters one template may give: ten times what may be mailed."""

LONGEST_RANGE = 1_000
"""Numbers in one `range()`."""

LARGEST_REPEAT = 10_000
"""How often `"text" * n` may repeat, and how wide a filter may pad."""

REMEMBERED = 256
"""Templates of which a process remembers what they name: some times as many as we ship."""

ORIGINAL = "original"

# What code in a template can raise when it runs; anything else is a mistake of ours.
_RUNTIME = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_TROUBLE = (TemplateError, HoleMisused, *_RUNTIME)

# File and text of a template that names another one.
_Naming = tuple[str, str]


class Templates:
    """The templates of one installation, in every language."""

    def __init__(self, folders: Sequence[Path], languages: Languages) -> None:
        self.folders = tuple(folders)
        self.languages = languages
        self._environments: dict[tuple[str, str], _Environment] = {}

    def render(self, name: str, language: Language, values: Mapping[str, object]) -> str:
        """Give what a template makes of the values.

        Raises TemplateInvalid with file, line and what is wrong.
        """
        environment = self._environment(language)
        try:
            template = environment.get_template(name)
            return _collected(template, {"language": language, **values})
        except _TROUBLE as error:
            raise self._explained(name, error) from error

    def sources(self, name: str) -> Iterator[tuple[str, str]]:
        """Give name and text of a template and of all that it extends, includes or imports.

        Raises TemplateInvalid, also where a template's name is only known at run time.
        """
        environment = self._environment(self.languages.choose())
        waiting: list[tuple[str, _Naming | None]] = [(name, None)]
        seen = set[str]()
        while waiting:
            current, naming = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            source, path, parts = self._read(environment, current, naming)
            yield current, source
            waiting += [(part, (path, source)) for part in parts]

    def has(self, name: str) -> bool:
        """Tell whether there is a template of this name."""
        return name in self._names()

    def folders_in(self, parent: str) -> list[str]:
        """Give the names of the folders below one that hold a template for a whole message."""
        found = (re.fullmatch(rf"{re.escape(parent)}/([^/]+)/body\.html", n) for n in self._names())
        return sorted(match[1] for match in found if match)

    def _names(self) -> set[str]:
        return set(_loader(self.folders).list_templates())

    def _read(
        self, environment: "_Environment", name: str, naming: "_Naming | None"
    ) -> tuple[str, str, list[str]]:
        try:
            source, path, _ = _loader(self.folders).get_source(environment, name)
            referenced = _referenced(source, name, path)
        except TemplateError as error:
            if isinstance(error, TemplateNotFound) and naming:
                place, text = naming
                why = f"there is no template “{name}”"
                raise TemplateInvalid(place, _line_with(name, text), why) from error
            raise self._explained(name, error) from error
        if None in referenced:
            raise TemplateInvalid(
                path or name, None, "names a template by an expression; write its name out"
            )
        return source, path or name, [part for part in referenced if part is not None]

    def _environment(self, language: Language) -> "_Environment":
        key = (language.code, language.fingerprint)
        if key not in self._environments:
            self._environments[key] = _environment(self.folders, language)
        return self._environments[key]

    def _explained(self, name: str, error: Exception) -> TemplateInvalid:
        if isinstance(error, TemplateNotFound):
            return self._not_found(name, error)
        if isinstance(error, TemplateSyntaxError):
            where = error.filename or error.name or name
            return TemplateInvalid(where, error.lineno, error.message or "cannot be read")
        path, line_number = self._place(error.__traceback__) or (name, None)
        return TemplateInvalid(path, line_number, _said(error))

    def _not_found(self, name: str, error: TemplateNotFound) -> TemplateInvalid:
        if error.name in {name, None}:
            looked_in = " or ".join(str(folder) for folder in self.folders)
            return TemplateInvalid(name, None, f"there is no such template in {looked_in}")
        path, line_number = self._place(error.__traceback__) or (name, None)
        return TemplateInvalid(path, line_number, f"there is no template “{error.name}”")

    def _place(self, traceback: TracebackType | None) -> tuple[str, int] | None:
        """Give file and line of the template that was being run; Jinja writes both into frames."""
        places = [
            (frame.f_code.co_filename, number)
            for frame, number in walk_tb(traceback)
            if frame.f_code.co_filename.startswith(tuple(f"{path}/" for path in self.folders))
        ]
        return places[-1] if places else None


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, in which a text cannot simply be repeated until the memory is full."""

    intercepted_binops = frozenset({"*", "**"})
    newstyle_gettext = True

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse to repeat a text more often than anybody needs."""
        too_often = isinstance(left, Sequence) and isinstance(right, int) and _is_much(right)
        too_long = isinstance(right, Sequence) and isinstance(left, int) and _is_much(left)
        if operator == "**" or too_often or too_long:
            raise SecurityError(f"“{operator}” would make something too large")
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Refuse to pad a text wider than anybody needs."""
        of_text = isinstance(getattr(called, "__self__", None), str)
        if of_text and any(isinstance(arg, int) and _is_much(arg) for arg in args):
            raise SecurityError("a text would become too large")
        return super().call(context, called, *args, **kwargs)


def _line_with(name: str, source: str) -> int | None:
    lines = (at for at, line in enumerate(source.splitlines(), 1) if name in line)
    return next(lines, None)


def _is_much(number: int) -> bool:
    return number > LARGEST_REPEAT


@lru_cache(maxsize=REMEMBERED)
def _referenced(source: str, name: str, path: str | None) -> tuple[str | None, ...]:
    """Give the names of the templates that one names, None for one known only at run time."""
    parsed = _sandbox().parse(source, name, path)
    return tuple(meta.find_referenced_templates(parsed))


class _Compiled(BytecodeCache):
    """What templates were compiled to in this process: the same in every language."""

    def __init__(self) -> None:
        self._codes: dict[str, tuple[str, CodeType | None]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in what was compiled, unless the template has changed since."""
        checksum, code = self._codes.get(bucket.key, ("", None))
        bucket.code = code if checksum == bucket.checksum else None

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled, in place of what its file held before."""
        self._codes[bucket.key] = (bucket.checksum, bucket.code)


_COMPILED = _Compiled()


def _environment(folders: Sequence[Path], language: Language) -> _Environment:
    environment = _sandbox(_loader(folders))
    # The environments of two languages share the module's defaults: never change those.
    environment.globals = {**environment.globals, **_GLOBALS, **_words(language)}
    environment.globals.pop("lipsum", None)
    environment.filters = {**environment.filters, **_FILTERS}
    for name in _FORBIDDEN_FILTERS:
        environment.filters.pop(name)
    return environment


def _sandbox(loader: BaseLoader | None = None) -> _Environment:
    environment = _Environment(
        loader=loader,
        bytecode_cache=_COMPILED,
        undefined=StrictUndefined,
        autoescape=lambda name: not (name or "").endswith(".txt"),
        finalize=printed,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.loopcontrols"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    return environment


def _loader(folders: Sequence[Path]) -> BaseLoader:
    return ChoiceLoader(
        [
            FileSystemLoader(folders),
            PrefixLoader({ORIGINAL: FileSystemLoader(folders[-1:])}),
        ]
    )


def _collected(template: Template, values: Mapping[str, object]) -> str:
    pieces: list[str] = []
    size = 0
    for piece in template.generate(**values):
        size += len(piece)
        if size > LARGEST_OUTPUT:
            raise TemplateInvalid(
                template.filename or template.name or "template",
                None,
                f"gives more than {LARGEST_OUTPUT:,} characters",
            )
        pieces.append(piece)
    return "".join(pieces)


def _said(error: Exception) -> str:
    if isinstance(error, SecurityError):
        return f"not allowed in a template: {error}"
    if isinstance(error, RecursionError):
        return "calls itself without end"
    if isinstance(error, KeyError):
        return f"there is nothing called {error}"
    return str(error) or type(error).__name__


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > LONGEST_RANGE:
        raise SecurityError(f"range() of more than {LONGEST_RANGE:,} numbers")
    return numbers


# ---------------------------------------------------------------------- words and filters


def _words(language: Language) -> dict[str, Callable[..., object]]:
    """Give the functions behind `_()` and `{% trans %}`; they fill in values, holes too."""
    catalogue = language.catalogue

    @pass_eval_context
    def gettext(context: EvalContext, text: str, /, **values: object) -> str:
        return _filled(context, catalogue.gettext(text), values)

    @pass_eval_context
    def ngettext(context: EvalContext, one: str, many: str, num: int, /, **values: object) -> str:
        values.setdefault("num", num)
        return _filled(context, catalogue.ngettext(one, many, num), values)

    @pass_eval_context
    def pgettext(context: EvalContext, about: str, text: str, /, **values: object) -> str:
        return _filled(context, catalogue.pgettext(about, text), values)

    return {"_": gettext, "gettext": gettext, "ngettext": ngettext, "pgettext": pgettext}


def _filled(context: EvalContext, text: str, values: Mapping[str, object]) -> str:
    pattern = Markup(text) if context.autoescape else text  # noqa: S704 - catalogues are ours
    return pattern % {name: printed(value) for name, value in values.items()}


def _markdown(text: str, heading: int = 4) -> Markup:
    return Markup(markdown.to_html(text, heading=heading))  # noqa: S704 - sanitised


def _preview(text: str, columns: int = 100) -> str:
    return shortened(plaintext.words(markdown.to_html(text)), columns)


# Only what `markdown` gives is markup; `safe` says so of anything. `center` pads without end.
_FORBIDDEN_FILTERS = ("safe", "center")

_GLOBALS = {"range": _range, "direction": direction_of}
_FILTERS = {"markdown": _markdown, "preview": _preview}
