"""Backups: one file with everything, made while all goes on, read by either database."""

from mailer.backups.archive import Manifest, reading
from mailer.backups.making import SUFFIX, make, name
from mailer.backups.nightly import begin, is_due, nightly, run
from mailer.backups.restoring import Restored, Wanted, restore

__all__ = [
    "SUFFIX",
    "Manifest",
    "Restored",
    "Wanted",
    "begin",
    "is_due",
    "make",
    "name",
    "nightly",
    "reading",
    "restore",
    "run",
]
