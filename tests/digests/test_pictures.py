"""Pictures: any camera's, turned upright, cut down, with nothing in them but what is to be seen."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from mailer import media
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.digests import darkroom, pictures
from mailer.digests.pictures import Picture, StoredPicture
from mailer.errors import UsageError
from tests import photos

SECRETS = (b"Exif", b"Kim Lee", b"xmpmeta", b"ICC_PROFILE", b"Photoshop", b"JFXX")


def developed(content: bytes) -> list[Image.Image]:
    """Give both sizes of a picture, without the detour by another process."""
    return [Image.open(io.BytesIO(one.content)) for one in darkroom.develop(content)]


# ------------------------------------------------------------------------- a camera's


@pytest.mark.parametrize("kind", ["JPEG", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright(orientation: int, kind: str) -> None:
    small, large = developed(photos.photo(photos.scene(), orientation, kind=kind))

    assert small.size == large.size == (80, 60)
    assert photos.alike(photos.corners(small), photos.CORNERS)


def test_of_a_large_photo_two_small_ones_are_made() -> None:
    photo = photos.large_photo()
    assert len(photo) > 8_000_000

    small, large = pictures.develop(photo)

    assert (small.width, small.height) == (600, 450)
    assert (large.width, large.height) == (1200, 900)
    assert len(small.content) <= darkroom.BYTES[0]
    assert len(large.content) <= darkroom.BYTES[1]
    shown = Image.open(io.BytesIO(small.content))
    assert shown.size == (600, 450)
    assert photos.alike(photos.corners(shown), photos.CORNERS, within=90)


def test_a_photo_of_an_iphone_is_taken_as_it_comes() -> None:
    photo = photos.iphone_photo()
    assert photo[4:12] == b"ftypheic"

    small, large = pictures.develop(photo)

    assert (small.width, small.height) == (600, 450)
    assert (large.width, large.height) == (1200, 900)
    assert {small.media_type, large.media_type} == {"image/jpeg"}
    shown = Image.open(io.BytesIO(small.content))
    assert photos.alike(photos.corners(shown), photos.CORNERS)


@pytest.mark.parametrize("kind", ["JPEG", "HEIF"])
def test_nothing_is_left_of_camera_owner_and_place(kind: str) -> None:
    photo = photos.photo(photos.scene(2000, 1500), 6, kind=kind)
    assert all(secret in photo for secret in SECRETS[:3])

    for made in darkroom.develop(photo):
        assert not any(secret in made.content for secret in SECRETS)
        shown = Image.open(io.BytesIO(made.content))
        assert not shown.getexif()
        assert all(str(name).startswith(("jfif", "progress")) for name in shown.info)


def test_the_same_photo_gives_the_same_bytes() -> None:
    photo = photos.photo(photos.scene(700, 500), 3)

    assert darkroom.develop(photo) == darkroom.develop(photo)


# ------------------------------------------------------------------------- all that there is


@pytest.mark.parametrize(
    "kind, mode",
    [
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "1"),
        ("PNG", "L"),
        ("PNG", "LA"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("PNG", "I;16"),
        ("GIF", "P"),
        ("WEBP", "RGBA"),
        ("HEIF", "L"),
        ("HEIF", "RGBA"),
    ],
)
def test_every_kind_of_picture_is_made_a_plain_one(kind: str, mode: str) -> None:
    scene = photos.scene(900, 600)
    image = scene.convert("I").point(lambda one: one * 257) if mode == "I;16" else scene
    content = photos.saved(image.convert(mode), kind)

    small, large = developed(content)

    assert (small.size, large.size) == ((600, 400), (900, 600))
    assert {small.format, large.format} <= {"JPEG", "PNG"}
    assert not small.has_transparency_data
    if mode not in {"1", "L", "LA", "I;16"}:
        assert photos.alike(photos.corners(small), photos.CORNERS, within=40)
    elif mode != "1":
        grey = tuple(photos.corners(scene.convert("L")))
        assert photos.alike(photos.corners(small), grey)


def test_what_is_transparent_is_laid_on_white() -> None:
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    palette = image.quantize(2)

    for content in (photos.saved(image, "PNG"), photos.saved(palette, "PNG", transparency=0)):
        assert photos.corners(developed(content)[0]) == [photos.WHITE] * 4


def test_of_a_moving_picture_the_first_one_is_kept() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in (photos.RED, photos.BLUE)]
    content = photos.saved(frames[0], "GIF", save_all=True, append_images=frames[1:])

    small, _ = developed(content)

    assert getattr(small, "n_frames", 1) == 1
    assert photos.alike(photos.corners(small), (photos.RED,) * 4)


def test_colours_are_those_that_the_profile_means() -> None:
    profile = photos.profile_with_red_and_blue_changed()
    content = photos.saved(photos.scene(), "PNG", icc_profile=profile)

    small, _ = developed(content)

    red, green, blue, white = photos.CORNERS
    assert photos.alike(photos.corners(small), (blue, green, red, white), within=40)


def test_a_broken_profile_and_broken_notes_do_no_harm() -> None:
    image = photos.scene()
    content = photos.saved(image, "JPEG", icc_profile=b"none" * 40, exif=b"Exif\0\0II*\0\xff\xff")

    assert photos.alike(photos.corners(developed(content)[0]), photos.CORNERS)


def test_a_drawing_stays_sharp_and_a_photo_saved_as_png_becomes_a_jpeg() -> None:
    drawing = photos.saved(photos.scene(1200, 900), "PNG")
    grain = Image.merge("RGB", [Image.effect_noise((600, 450), spread) for spread in (9, 19, 29)])

    assert [one.format for one in developed(drawing)] == ["PNG", "PNG"]
    assert [one.format for one in developed(photos.saved(grain, "PNG"))] == ["JPEG", "JPEG"]


@pytest.mark.parametrize(
    "size, small, large",
    [
        ((300, 200), (300, 200), (300, 200)),
        ((800, 600), (600, 450), (800, 600)),
        ((500, 5000), (120, 1200), (240, 2400)),
        ((5000, 2), (600, 1), (1200, 1)),
        ((1, 1), (1, 1), (1, 1)),
    ],
)
def test_no_picture_is_made_larger_and_a_tall_one_becomes_narrower(
    size: tuple[int, int], small: tuple[int, int], large: tuple[int, int]
) -> None:
    content = photos.saved(Image.new("RGB", size), "JPEG")

    assert [one.size for one in developed(content)] == [small, large]


# ------------------------------------------------------------------------- hostile and broken


def huge(width: int, height: int) -> bytes:
    """Give a PNG that says it is huge, and is a few bytes."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(100))
    chunks = [
        struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one))
        for one in (head, data, b"IEND")
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


SMALL = photos.photo(photos.scene(400, 300))
HEIC = photos.photo(photos.scene(400, 300), kind="HEIF")


def claiming(width: int, height: int) -> bytes:
    """Give a HEIC that says it is larger than it is (the box `ispe` of ISO/IEC 23008-12)."""
    said = struct.pack(">II", 400, 300)
    assert said in HEIC
    return HEIC.replace(said, struct.pack(">II", width, height))


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "is not a JPEG, PNG, WebP, GIF or HEIC picture: save it as JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "is not a JPEG"),
        (photos.saved(photos.scene(), "TIFF"), "is not a JPEG"),
        (b"\0\0\0\x18ftypqt  \0\0\0\0", "is not a JPEG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "is a HEIC picture that cannot be opened: save it as JPEG"),
        (HEIC[: len(HEIC) // 2], "is a HEIC picture that cannot be opened"),
        (HEIC.replace(b"hvc1", b"none"), "is a HEIC picture that cannot be opened"),
        (claiming(9_000, 9_000), "has more than 64 million pixels: make it smaller"),
        (claiming(4_000_000, 4_000_000), "has more than 64 million pixels"),
        (claiming(4_000, 3_000), "cannot be read"),
        (huge(9_000, 9_000), "has more than 64 million pixels: make it smaller"),
        (huge(60_000, 60_000), "has more than 64 million pixels"),
        (huge(7_000, 7_000), "cannot be read to its end: the file is damaged"),
        (SMALL[: len(SMALL) // 2], "cannot be read to its end"),
        (SMALL[:700], "cannot be read"),
        (bytes(pictures.LARGEST_PHOTO + 1), "is larger than 20 MB: make it smaller"),
    ],
)
def test_what_is_no_picture_is_told_what_to_do(content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        pictures.develop(content)


def test_a_picture_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "DARKROOM_SECONDS", 0.001)

    with pytest.raises(UsageError, match="takes too long to open: save it as JPEG, smaller"):
        pictures.develop(SMALL)


def test_a_picture_that_ends_the_program_that_opens_it_ends_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dying = tmp_path / "dying.py"
    dying.write_text("import os\nos.abort()\n", encoding="utf-8")
    monkeypatch.setattr(pictures, "DARKROOM", dying)

    with pytest.raises(UsageError, match="takes too much memory to open"):
        pictures.develop(SMALL)


# ------------------------------------------------------------------------- kept


def test_a_picture_is_kept_in_both_sizes(database: Database, clock: FrozenClock) -> None:
    small, large = pictures.develop(photos.photo(photos.scene(800, 600)))
    picture = Picture(small, large, "Four colours.", "A test", "Kim Lee")

    stored = StoredPicture.load(database.write(pictures.keep, picture, now=clock.now()))

    assert (stored.alt, stored.caption, stored.credit) == ("Four colours.", "A test", "Kim Lee")
    for made, hosted in ((small, stored.small), (large, stored.large)):
        medium = database.read(media.get, hosted.hash)
        assert medium.content == made.content
        assert (medium.width, medium.height) == (hosted.width, hosted.height)
        assert (medium.size, medium.media_type) == (hosted.size, hosted.media_type)
