"""What a digest costs its readers: the bytes that a mail program loads to show it."""

from mailer.errors import TooLarge
from mailer.rendering import DigestContent, Edition, ItemCard, mailed_size

KILOBYTE = 1000
MOST_NAMED = 3
"""Items that the refusal names, the heaviest first."""


def check(content: DigestContent, edition: Edition, *, most: int) -> None:
    """See that HTML and pictures are within so many kilobytes.

    Raises TooLarge, which names the items that weigh most. A picture that an editor's text takes
    from another site is not counted: nobody knows what it is today.
    """
    pictures = {one.picture.url: one.picture.size for one in content.items if one.picture}
    size = mailed_size(edition) + sum(pictures.values())
    if size <= most * KILOBYTE:
        return
    heaviest = sorted(content.items, key=_size, reverse=True)[:MOST_NAMED]
    named = ", ".join(f"“{one.title}” {_said(_size(one))}" for one in heaviest)
    raise TooLarge(
        f"with its pictures the digest would have {_said(size)}, and {_said(most * KILOBYTE)} is "
        f"the limit. These weigh most: {named}. Leave a picture out, shorten a text, or raise "
        "delivery.digest_kilobytes"
    )


def _size(item: ItemCard) -> int:
    return len(item.body.encode()) + (item.picture.size if item.picture else 0)


def _said(size: int) -> str:
    return f"{-(-size // KILOBYTE)} KB"
