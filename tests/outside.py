"""What tests need from outside the project: found, or named when it is missing.

On a developer's machine a test whose program is missing is skipped; under `CI=true` it fails,
for a gate that skips what it should check is no gate.
"""

import os
import shutil
from typing import NoReturn

import pytest

# Where Debian keeps servers; an ordinary user's PATH leaves it out.
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/sbin")


def under_ci() -> bool:
    """Tell whether this run is the gate's."""
    return os.environ.get("CI") == "true"


def find(*programs: str) -> str | None:
    """Give the path of the first of these programs that is installed."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS])
    return next(filter(None, (shutil.which(program, path=path) for program in programs)), None)


def require(program: str, *, package: str | None = None) -> str:
    """Give the path of a program, or leave the test saying which Debian package has it."""
    found = find(program)
    if found is None:
        missing(f"{program} is not installed (Debian: {package or program})")
    return found


def missing(what: str) -> NoReturn:
    """Leave the test for want of something from outside: failed in the gate, else skipped."""
    if under_ci():
        pytest.fail(what, pytrace=False)
    pytest.skip(what)
