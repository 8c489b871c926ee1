"""Items of meeting news, the life of the digests that carry them, and the archive of what went."""

from mailer.digests import archive, back_numbers, items, life, moments, papers

__all__ = ["archive", "back_numbers", "items", "life", "moments", "papers"]
