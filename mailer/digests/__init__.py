"""Items of meeting news, and the life of the digests that carry them."""

from mailer.digests import items, life, moments

__all__ = ["items", "life", "moments"]
