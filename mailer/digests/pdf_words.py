"""A program that prints the words of a PDF from its standard input, within bounds.

It runs in a process of its own, which may die of what it reads; see `papers`. What it could not
read stands on the last line of its standard error.
"""

import io
import logging
import resource
import sys

MOST_PAGES = 400
MOST_BYTES = 1 << 30
"""Memory: one page may unpack to hundreds of megabytes."""

MOST_SECONDS = 60
"""Of the processor, should nobody wait for us any more."""


def main() -> int:
    """Print the words of one page after the other; 1 when that went wrong."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    logging.disable()
    try:
        return _print_words(sys.stdin.buffer.read())
    except MemoryError:
        return _trouble("it needs too much memory")
    except Exception as error:  # noqa: BLE001  (whatever is wrong with it, its words are not read)
        return _trouble(f"it cannot be understood ({type(error).__name__})")


def _print_words(content: bytes) -> int:
    import pypdf  # noqa: PLC0415  (after the bounds are set)

    paper = pypdf.PdfReader(io.BytesIO(content))
    if paper.is_encrypted and not paper.decrypt(""):
        return _trouble("it is locked with a password, which readers will be asked for")
    for at, page in enumerate(paper.pages):
        if at >= MOST_PAGES:
            return _trouble(f"it has more than {MOST_PAGES} pages; the first were read")
        sys.stdout.buffer.write(page.extract_text().encode("utf-8", "replace") + b"\n")
        sys.stdout.buffer.flush()
    return 0


def _trouble(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
