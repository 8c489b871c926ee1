"""Content and templates become editions; an edition and a recipient become a message's bytes.

    edition = render_digest(templates, content)            once for all who get the same
    plate = Plate.of(edition, language, head)              once in each worker
    message = plate.compose(values, identity)              once for each recipient

All of it is pure but for reading template files.
"""

from mailer.rendering.content import (
    DigestContent,
    DocumentCard,
    Happening,
    House,
    ItemCard,
    Kind,
    LetterContent,
    ListCard,
    Notice,
    Partner,
    PictureCard,
    Section,
    SenderCard,
)
from mailer.rendering.editions import (
    Edition,
    layouts,
    mailed_size,
    render_digest,
    render_letter,
)
from mailer.rendering.environment import Templates
from mailer.rendering.filling import Filled, Prepared, Values, greeting, public_page
from mailer.rendering.heading import Head, Identity
from mailer.rendering.message import Plate

__all__ = [
    "DigestContent",
    "DocumentCard",
    "Edition",
    "Filled",
    "Happening",
    "Head",
    "House",
    "Identity",
    "ItemCard",
    "Kind",
    "LetterContent",
    "ListCard",
    "Notice",
    "Partner",
    "PictureCard",
    "Plate",
    "Prepared",
    "Section",
    "SenderCard",
    "Templates",
    "Values",
    "greeting",
    "layouts",
    "mailed_size",
    "public_page",
    "render_digest",
    "render_letter",
]
