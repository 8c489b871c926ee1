"""Files that a command makes: never over another, and for their owner's eyes alone."""

import os
from pathlib import Path
from typing import IO

from mailer.errors import Refused

PRIVATE = 0o600


def new_file(path: Path) -> IO[str]:
    """Open a file that is not there yet; Refused when it is."""
    try:
        # Private from its first byte on: there are secrets or people's addresses in it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        raise Refused(f"there is already a {path}; nothing was written") from None
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="")
