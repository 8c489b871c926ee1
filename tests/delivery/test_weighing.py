"""What a digest weighs with its pictures, and what is said of one that is too heavy."""

from pathlib import Path

import pytest
from PIL import Image

from mailer.db.schema import DigestState
from mailer.digests import front_matter, items
from mailer.errors import TooLarge
from tests import photos
from tests.conftest import MOMENT
from tests.installation import Installation

TITLES = ("Laboratories", "Training", "Dogs")


def illustrated(office: Installation, folder: Path) -> int:
    """Draft a digest of three items with a picture each, the second a much lighter one."""
    for number, title in enumerate(TITLES):
        grain = Image.effect_noise((600, 400), 40)
        image = photos.scene(600, 400) if number == 1 else grain
        (folder / "hall.jpg").write_bytes(photos.photo(image, quality=90))
        file = folder / "item.md"
        words = f"title: {title}\npicture: hall.jpg\npicture_alt: A hall."
        file.write_text(f"---\n{words}\n---\nTwo days.\n", encoding="utf-8")
        office.app.database.write(items.add, front_matter.read(file), now=MOMENT)
    return office.draft(new_items=True)


def test_a_digest_that_is_too_heavy_is_refused_with_the_items_that_weigh_most(
    office: Installation, tmp_path: Path
) -> None:
    digest = illustrated(office, tmp_path)
    office.queue(digest)  # it is light enough for what is usual
    again = office.draft(item_ids=tuple(one.id for one in office.app.database.read(items.every)))
    office.reopen(delivery={"digest_kilobytes": 100})

    with pytest.raises(TooLarge) as refused:
        office.queue(again)

    said = str(refused.value)
    assert "and 100 KB is the limit" in said
    assert said.index("“Laboratories”") < said.index("“Training”")
    assert said.index("“Dogs”") < said.index("“Training”")
    assert "raise delivery.digest_kilobytes" in said
    assert office.digest(again).state is DigestState.DRAFT


def test_a_picture_that_is_shown_twice_is_loaded_once(office: Installation, tmp_path: Path) -> None:
    illustrated(office, tmp_path)
    [first, *_] = office.app.database.read(items.every)
    office.reopen(delivery={"digest_kilobytes": 100})

    digest = office.draft(item_ids=(first.id,))
    office.queue(digest)

    assert office.digest(digest).state is DigestState.SCHEDULED
