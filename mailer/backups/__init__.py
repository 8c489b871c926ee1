"""Backups: one file with everything, made while all goes on, read by either database."""

from mailer.backups.archive import Manifest, reading
from mailer.backups.at_work import refuse_if_at_work
from mailer.backups.making import SUFFIX, make, name
from mailer.backups.nightly import BEGUN, MADE, begin, for_tonight, is_due, is_failing, run
from mailer.backups.restoring import Restored, Wanted, restore

__all__ = [
    "BEGUN",
    "MADE",
    "SUFFIX",
    "Manifest",
    "Restored",
    "Wanted",
    "begin",
    "for_tonight",
    "is_due",
    "is_failing",
    "make",
    "name",
    "reading",
    "refuse_if_at_work",
    "restore",
    "run",
]
