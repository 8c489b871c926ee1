"""To be for a moment somebody who may not do everything: root is never refused a file."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Give up root's rights for a while; does nothing for an ordinary user."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def world_folder() -> Iterator[Path]:
    """Give a folder that every user of the machine can reach (pytest's are the owner's)."""
    folder = Path(tempfile.mkdtemp(prefix="mailer-test-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
